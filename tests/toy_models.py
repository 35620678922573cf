"""Models small enough to be made in a test, in the formats of the real ones: they say what the test tells them to.

They are read by the genuine libraries, so whatever an adapter gets wrong about those shows; only the weights are toys.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ctranslate2.specs.transformer_spec import TransformerDecoderLayerSpec, TransformerEncoderLayerSpec
    from onnx import NodeProto

LANGUAGES = ("en", "zh", "de", "es", "fr", "ja")
"""Of the 99 that a real Whisper has tokens for, English-only ones included."""

SECONDS_PER_ID = 0.035
"""For which a phoneme id of a toy voice sounds; between two phonemes lies the id of a pause."""

HUM = 220.0
"""Hertz of a toy voice, whatever its rate."""

HOP, FRAMES = 256, 5
"""Samples of one frame of a toy voice that tells its durations; and how many frames one id has at most."""

_OUTPUTS = {2: (3, 1), 3: (1, 2, 1)}
"""How many times as wide as its input each linear layer of an attention is, by how many there are: queries, keys and
values in one; or queries alone, since keys and values come from the encoder."""


def toy_whisper(
    folder: Path,
    text: str,
    *,
    multilingual: bool = True,
    silence: bool = False,
    unsure: bool = False,
) -> Path:
    """A Whisper in CTranslate2's format that hears `text` in every sound; `folder`, which is made, comes back.

    Its layers add nothing. The position of a token, a one-hot vector, goes through them into the projection, where the
    column of a position names the token to come. One word is one token, so `text` may have about 200.
    `silence`: it takes every sound for silence. `unsure`: it gives each word about 1 in 15. A real one that makes up
    words is both.
    """
    from ctranslate2.specs import WhisperSpec
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    splitter = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = [token for token, _ in splitter.pre_tokenize_str(f" {text}" if text else "")]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    # faster-whisper suppresses the first token of " -", " '" and " ♪": without these merges it would be the space.
    merges = [("Ġ", "-"), ("Ġ", "'"), ("Ġ", "â")]
    spelled = [*letters, *("".join(pair) for pair in merges)]
    tasks = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), *tasks]
    # The empty token is how CTranslate2 knows a multilingual model; the real ones have it by accident.
    vocabulary = list(dict.fromkeys([*spelled, *words, *([""] if multilingual else []), *special]))

    folder.mkdir(parents=True)
    ids = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE({token: number for token, number in ids.items() if token not in special}, merges))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer, tokenizer.decoder = splitter, decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))

    prompt = 4 if multilingual else 2  # tokens: start, language, task, no timestamps; or the first and last of them
    answers = [*[None] * (prompt - 1), *words, "<|endoftext|>"]
    width = -len(answers) // 16 * -16
    projection = np.zeros((len(vocabulary), width), dtype=np.float32)
    for position, token in enumerate(answers):
        if token is not None:
            # The layer norm makes a one-hot vector sqrt(width - 1) high; 3 more than some 300 others is 1 in 15.
            projection[ids[token], position] = (3.0 if unsure else 30.0) / np.sqrt(width - 1)
    projection[ids["<|nospeech|>"], 0] = 30.0 if silence else -30.0
    positions = np.eye(len(answers), width, dtype=np.float32)[np.minimum(np.arange(448), len(answers) - 1)]

    spec = WhisperSpec(num_encoder_layers=1, num_encoder_heads=1, num_decoder_layers=1, num_decoder_heads=1)
    spec.encoder.conv1.weight, spec.encoder.conv1.bias = _zeros(width, 80, 3), _zeros(width)
    spec.encoder.conv2.weight, spec.encoder.conv2.bias = _zeros(width, width, 3), _zeros(width)
    spec.encoder.position_encodings.encodings = _zeros(1500, width)
    for layer in spec.encoder.layer[0], spec.decoder.layer[0]:
        _add_nothing(layer, width)
    for norm in spec.encoder.layer_norm, spec.decoder.layer_norm:
        norm.gamma, norm.beta = np.ones(width, dtype=np.float32), _zeros(width)
    spec.decoder.embeddings.weight = _zeros(len(vocabulary), width)
    spec.decoder.position_encodings.encodings = positions
    spec.decoder.projection.weight = projection
    spec.config.suppress_ids = spec.config.suppress_ids_begin = spec.config.alignment_heads = []
    spec.config.lang_ids = [ids[f"<|{code}|>"] for code in LANGUAGES]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.save(str(folder))
    return folder


def toy_piper(
    folder: Path,
    name: str = "en_US-toy-low",
    *,
    rate: int = 22_050,
    noise: float = 0.0,
    speakers: int = 1,
    durations: bool = False,
) -> Path:
    """A voice in Piper's format that hums, `SECONDS_PER_ID`; its .onnx file, beside its .json, comes back.

    `name` begins with its language, as the real ones do. `noise` is its noise scale: above 0 it rustles, at random, as
    the real ones do. A second speaker hums an octave higher. `durations`: it tells how long each phoneme id sounds, as
    the real ones do once they are patched, and does so for `frames_of` it.
    """
    from onnx import TensorProto, helper, numpy_helper, save

    from models.random_piper import described, modelled

    def constant(name: str, value: NDArray[np.float32] | NDArray[np.int64]) -> TensorProto:
        return numpy_helper.from_array(value, name)

    several = speakers > 1
    nodes_of_length, lengths = _timed() if durations else _even(rate)
    nodes = [
        # scales are noise, length, and the noise of the lengths; audio is sin(2 pi hertz / rate * n) + noise * random.
        helper.make_node("Split", ["scales"], ["noise_scale", "length_scale", "_"], axis=0, num_outputs=3),
        *nodes_of_length,
        helper.make_node("Squeeze", ["length"], ["end"]),
        helper.make_node("Range", ["zero", "end", "one"], ["n"]),
        *([helper.make_node("Gather", ["steps", "sid"], ["step"])] if several else []),
        helper.make_node("Mul", ["n", "step" if several else "steps"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["hum"]),
        helper.make_node("RandomNormalLike", ["hum"], ["random"]),
        helper.make_node("Mul", ["random", "noise_scale"], ["rustle"]),
        helper.make_node("Add", ["hum", "rustle"], ["sound"]),
        helper.make_node("Reshape", ["sound", "shape"], ["output"]),
    ]
    steps = 2 * np.pi * HUM / rate * 2.0 ** np.arange(speakers)
    constants = [
        *(constant(name, value) for name, value in lengths.items()),
        constant("zero", np.array(0, dtype=np.float32)),
        constant("one", np.array(1, dtype=np.float32)),
        constant("steps", steps.astype(np.float32)),
        constant("shape", np.array([1, 1, -1], dtype=np.int64)),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    described(folder, name, rate=rate, speakers=speakers, noise=noise, hop=HOP)
    save(modelled(nodes, constants, speakers=speakers, durations=durations), str(folder / f"{name}.onnx"))
    return folder / f"{name}.onnx"


def frames_of(phoneme_id: int) -> int:
    """How many frames of `HOP` samples a toy voice that tells its durations gives a phoneme id."""
    return phoneme_id % FRAMES + 1


Lengths = tuple[list["NodeProto"], dict[str, NDArray[np.float32] | NDArray[np.int64]]]
"""What computes the length of a toy voice's sound, in samples; and the constants for it."""


def _even(rate: int) -> Lengths:
    """Every phoneme id sounds as long as any other."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["input_lengths"], ["ids"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["ids", "samples_per_id"], ["unscaled"]),
        helper.make_node("Mul", ["unscaled", "length_scale"], ["length"]),
    ]
    return nodes, {"samples_per_id": np.array([SECONDS_PER_ID * rate], dtype=np.float32)}


def _timed() -> Lengths:
    """Each phoneme id has its own duration, which is given out."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Mod", ["input", "kinds"], ["kind"]),
        helper.make_node("Add", ["kind", "one_more"], ["frames"]),
        helper.make_node("Cast", ["frames"], ["unscaled"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["unscaled", "length_scale"], ["durations"]),
        helper.make_node("ReduceSum", ["durations"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "hop"], ["length"]),
    ]
    return nodes, {
        "kinds": np.array(FRAMES, dtype=np.int64),
        "one_more": np.array(1, dtype=np.int64),
        "hop": np.array([HOP], dtype=np.float32),
    }


def _add_nothing(layer: TransformerEncoderLayerSpec | TransformerDecoderLayerSpec, width: int) -> None:
    """Give a layer weights of which nothing comes: what goes in comes out."""
    attentions = [getattr(layer, name) for name in ("self_attention", "attention") if hasattr(layer, name)]
    for attention in attentions:
        for linear, outputs in zip(attention.linear, _OUTPUTS[len(attention.linear)], strict=True):
            linear.weight, linear.bias = _zeros(outputs * width, width), _zeros(outputs * width)
    for linear in layer.ffn.linear_0, layer.ffn.linear_1:
        linear.weight, linear.bias = _zeros(width, width), _zeros(width)
    for part in *attentions, layer.ffn:
        part.layer_norm.gamma, part.layer_norm.beta = _zeros(width), _zeros(width)


def _zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


def toy_smart_turn(onnx: Path, *, name: str = "input_features", columns: int = 800, last: int = 100) -> Path:
    """A model with the input and output of Smart Turn v3: the logistic function of the mean of the `last` columns."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    bounds = {"begin": columns - last, "end": columns, "axis": 2}
    nodes = [
        helper.make_node("Slice", [name, *bounds], ["newest"]),
        helper.make_node("ReduceMean", ["newest"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Sigmoid", ["mean"], ["probability"]),
        helper.make_node("Reshape", ["probability", "shape"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 80, columns])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])],
        [
            *(numpy_helper.from_array(np.array([value], dtype=np.int64), each) for each, value in bounds.items()),
            numpy_helper.from_array(np.array([-1, 1], dtype=np.int64), "shape"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    onnx.parent.mkdir(parents=True, exist_ok=True)
    save(model, onnx)
    return onnx
