"""Models small enough to be made in a test, in the formats of the real ones: they say what the test tells them to.

They are read by the genuine libraries, so whatever an adapter gets wrong about those shows; only the weights are toys.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.random_whisper import SURE, UNSURE, Shape, write_whisper

if TYPE_CHECKING:
    import onnxruntime
    import pytest
    from onnx import NodeProto

SECONDS_PER_ID = 0.035
"""For which a phoneme id of a toy voice sounds; between two phonemes lies the id of a pause."""

HUM = 220.0
"""Hertz of a toy voice, whatever its rate."""

HOP, FRAMES = 256, 5
"""Samples of one frame of a toy voice that tells its durations; and how many frames one id has at most."""


def toy_whisper(
    folder: Path,
    text: str,
    *,
    multilingual: bool = True,
    silence: bool = False,
    unsure: bool = False,
) -> Path:
    """A Whisper in CTranslate2's format that hears `text` in every sound; `folder`, which is made, comes back.

    One word is one token, so `text` may have about 200.
    `silence`: it takes every sound for silence. `unsure`: it gives each word about 1 in 15. A real one that makes up
    words is both.
    """
    from tokenizers import pre_tokenizers

    splitter = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = [token for token, _ in splitter.pre_tokenize_str(f" {text}" if text else "")]
    shape = Shape(width=-(len(words) + 4) // 16 * -16)
    surety = UNSURE if unsure else SURE
    write_whisper(folder, words, shape, multilingual=multilingual, silence=silence, surety=surety)
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


def noted_sessions(monkeypatch: pytest.MonkeyPatch) -> list[onnxruntime.SessionOptions]:
    """The options of every session of ONNX Runtime's that is made from now on; the list grows."""
    import onnxruntime

    loaded: list[onnxruntime.SessionOptions] = []
    genuine = onnxruntime.InferenceSession

    def noted(path: Path, options: onnxruntime.SessionOptions, providers: list[str]) -> onnxruntime.InferenceSession:
        loaded.append(options)
        return genuine(path, options, providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", noted)
    return loaded
