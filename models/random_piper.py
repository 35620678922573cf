"""This file makes voices in Piper's format of the real shape, with random weights: they babble, and cost what real ones
cost. Nothing but their speed, and that the same comes out of two ways to compute it, can be learnt from them.

The shapes are those of Piper's own training: VITS, that is a text encoder, a flow and the decoder of HiFi-GAN. What is
left out costs little: what finds the durations, which are a table here, and the norms of the encoder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

NAME: Final = "en_US-random-medium"

SYMBOLS: Final = 256
"""Phoneme ids of a voice."""

SPEAKER_CHANNELS: Final = 64
"""Of what tells one speaker from another; real ones have 512 that are used once a sentence."""

SLOPE: Final = 0.1
"""Of the leaky rectifiers."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a voice, in channels where nothing else is said."""

    hidden: int
    filter: int
    """Between the two convolutions of an encoder's layer."""
    layers: int
    """Of the text encoder."""
    flows: int
    wavenet: int
    """Layers in each flow."""
    initial: int
    """At the beginning of the decoder; half as many after each step up."""
    rates: tuple[int, ...] = (8, 8, 4)
    """How many samples each step up makes of one. Their product is the samples of a frame."""
    kernels: tuple[int, ...] = (3, 5, 7)
    """Samples each kind of residual block looks at ..."""
    dilations: tuple[tuple[int, ...], ...] = ((1, 2), (2, 6), (3, 12))
    """... and how far apart."""

    @property
    def hop(self) -> int:
        """Samples of one frame."""
        return int(np.prod(self.rates))


MEDIUM: Final = Shape(hidden=192, filter=768, layers=6, flows=4, wavenet=4, initial=256)
"""What Piper calls so: about 60 MB."""

SMALL: Final = Shape(hidden=8, filter=8, layers=1, flows=1, wavenet=1, initial=16)
"""Made and run in no time; its decoder looks as far as that of a medium one."""


def random_piper(
    folder: Path,
    name: str = NAME,
    *,
    shape: Shape = MEDIUM,
    rate: int = 22_050,
    speakers: int = 1,
    durations: bool = False,
    everywhere: bool = False,
    noise: float = 0.667,
) -> Path:
    """A voice that babbles: its .onnx file, beside its .json, comes back. Always the same for the same arguments.

    A phoneme id lasts for `frames_of` it. `durations`: it tells them, as patched voices do. `everywhere`: its decoder
    looks at the whole sentence for every sample, so that nothing can be made of a part. `noise`: its noise scale.
    """
    from onnx import save

    folder.mkdir(parents=True, exist_ok=True)
    described(folder, name, rate=rate, speakers=speakers, noise=noise, hop=shape.hop)
    save(_model(shape, speakers, durations, everywhere), str(folder / f"{name}.onnx"))
    return folder / f"{name}.onnx"


def frames_of(phoneme_id: int) -> int:
    """How long a phoneme id sounds, in frames: together with the pauses between them as long as in real speech."""
    return phoneme_id % 5 + 2


def described(folder: Path, name: str, *, rate: int, speakers: int, noise: float, hop: int) -> None:
    """Write the smaller file of a voice, whose `name` begins with its language, as the real ones do. `noise`: its noise
    scale; `hop`: samples of one frame."""
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

    code = name.partition("-")[0]
    family = code.partition("_")[0]
    config = {
        "audio": {"sample_rate": rate, "quality": name.rpartition("-")[-1]},
        "espeak": {"voice": {"en": "en-us", "zh": "cmn"}.get(family, family)},
        "language": {"code": code, "family": family},
        "inference": {"noise_scale": noise, "length_scale": 1.0, "noise_w": 0.0},
        "phoneme_type": "espeak",
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": SYMBOLS,
        "num_speakers": speakers,
        "speaker_id_map": {f"speaker {number}": number for number in range(speakers)} if speakers > 1 else {},
        "hop_length": hop,
    }
    (folder / f"{name}.onnx.json").write_text(json.dumps(config), encoding="utf-8")


def modelled(
    nodes: list[NodeProto], constants: list[TensorProto], *, speakers: int = 1, durations: bool = False
) -> ModelProto:
    """A model with the inputs and outputs of Piper's voices."""
    from onnx import TensorProto, checker, helper

    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        *([helper.make_tensor_value_info("sid", TensorProto.INT64, [1])] if speakers > 1 else []),
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "time"])]
    if durations:
        outputs.append(helper.make_tensor_value_info("durations", TensorProto.FLOAT, [1, "phonemes"]))
    graph = helper.make_graph(nodes, "voice", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    return model


class _Graph:
    """A graph that grows; what comes out of each node is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._random = np.random.default_rng(0)

    def add(self, kind: str, *inputs: str, to: str = "", outputs: int = 1, **attributes: Any) -> str:
        """A node. Of several outputs the names are what comes back, and ".1", ".2" behind it."""
        from onnx import helper

        name = to or f"{kind}_{len(self.nodes)}"
        names = [name, *(f"{name}.{number}" for number in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return name

    def constant(self, value: NDArray[Any] | list[int]) -> str:
        """Of a list: integers."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        array = np.array(value, dtype=np.int64) if isinstance(value, list) else value
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def random(self, *shape: int, height: float) -> str:
        """Weights; `height`: their standard deviation."""
        return self.constant(self._random.normal(0.0, height, shape).astype(np.float32))

    def conv(self, x: str, into: int, out: int, width: int = 1, *, gain: float = 1.0, dilation: int = 1) -> str:
        """A convolution that changes no length."""
        weights = self.random(out, into, width, height=gain / np.sqrt(into * width))
        reach = dilation * (width - 1) // 2
        bias = self.random(out, height=0.01)
        return self.add(
            "Conv", x, weights, bias, kernel_shape=[width], dilations=[dilation], pads=[reach, reach], strides=[1]
        )


def _model(shape: Shape, speakers: int, durations: bool, everywhere: bool) -> ModelProto:
    graph = _Graph()
    graph.add("Split", "scales", to="noise", outputs=3, axis=0, num_outputs=3)
    speaker = None
    if speakers > 1:
        table = graph.random(speakers, SPEAKER_CHANNELS, height=1.0)
        speaker = graph.add("Unsqueeze", graph.add("Gather", table, "sid"), graph.constant([2]))
    latent = _flow(graph, shape, _expanded(graph, _encoded(graph, shape), durations))
    _decoded(graph, shape, latent, speaker, everywhere)
    return modelled(graph.nodes, graph.constants, speakers=speakers, durations=durations)


def _encoded(graph: _Graph, shape: Shape) -> str:
    """The phonemes as [1, 2 * hidden, phonemes]: means, and logarithms of deviations."""
    hidden = shape.hidden
    heads = 2
    apart, together = graph.constant([1, heads, hidden // heads, -1]), graph.constant([1, hidden, -1])
    embedded = graph.add("Gather", graph.random(SYMBOLS, hidden, height=1.0), "input")
    x = graph.add("Transpose", embedded, perm=[0, 2, 1])
    for _ in range(shape.layers):
        query, key, value = (graph.add("Reshape", graph.conv(x, hidden, hidden), apart) for _ in range(3))
        scores = graph.add("MatMul", graph.add("Transpose", query, perm=[0, 1, 3, 2]), key)
        attention = graph.add("Softmax", graph.add("Transpose", scores, perm=[0, 1, 3, 2]), axis=2)
        attended = graph.add("Reshape", graph.add("MatMul", value, attention), together)
        x = graph.add("Add", x, graph.conv(attended, hidden, hidden, gain=0.5))
        wide = graph.add("Relu", graph.conv(x, hidden, shape.filter, 3))
        x = graph.add("Add", x, graph.conv(wide, shape.filter, hidden, 3, gain=0.5))
    return graph.conv(x, hidden, 2 * hidden, gain=0.5)


def _expanded(graph: _Graph, encoded: str, durations: bool) -> str:
    """Each phoneme for as many frames as it lasts, with noise: [1, hidden, frames]."""
    table = graph.constant(np.array([frames_of(number) for number in range(SYMBOLS)], dtype=np.float32))
    scaled = graph.add("Mul", graph.add("Gather", table, "input"), "noise.1")
    lasting = graph.add("Ceil", scaled, to="durations" if durations else "")
    zero, one = (graph.constant(np.array(number, dtype=np.float32)) for number in range(2))
    frames = graph.add("Range", zero, graph.add("ReduceSum", lasting, keepdims=0), one)
    ends = graph.add("Transpose", graph.add("CumSum", lasting, graph.constant(np.array(1))), perm=[1, 0])
    begins = graph.add("Sub", ends, graph.add("Transpose", lasting, perm=[1, 0]))
    begun, ended = (graph.add("GreaterOrEqual", frames, times) for times in (begins, ends))
    path = graph.add("Where", graph.add("Xor", begun, ended), one, zero)  # [phonemes, frames]
    long = graph.add("MatMul", encoded, path)
    means = graph.add("Split", long, outputs=2, axis=1, num_outputs=2)
    rustle = graph.add("Mul", graph.add("RandomNormalLike", means), graph.add("Exp", f"{means}.1"))
    return graph.add("Add", means, graph.add("Mul", rustle, "noise"))


def _flow(graph: _Graph, shape: Shape, x: str) -> str:
    """The latent, masked: [1, hidden, frames]."""
    hidden, half = shape.hidden, shape.hidden // 2
    backwards = graph.constant(list(range(hidden))[::-1])
    for _ in range(shape.flows):
        x = graph.add("Gather", x, backwards, axis=1)
        kept = graph.add("Split", x, outputs=2, axis=1, num_outputs=2)
        inner = graph.conv(kept, half, hidden)
        skipped: list[str] = []
        for layer in range(shape.wavenet):
            gates = graph.add("Split", graph.conv(inner, hidden, 2 * hidden, 5), outputs=2, axis=1, num_outputs=2)
            gated = graph.add("Mul", graph.add("Tanh", gates), graph.add("Sigmoid", f"{gates}.1"))
            if layer == shape.wavenet - 1:
                skipped.append(graph.conv(gated, hidden, hidden))
                break
            both = graph.add("Split", graph.conv(gated, hidden, 2 * hidden), outputs=2, axis=1, num_outputs=2)
            inner = graph.add("Add", inner, both)
            skipped.append(f"{both}.1")
        shift = graph.conv(graph.add("Sum", *skipped), hidden, half, gain=0.5)
        x = graph.add("Concat", kept, graph.add("Sub", f"{kept}.1", shift), axis=1)
    mask = graph.constant(np.ones((1, 1, 1), dtype=np.float32))  # of a single sentence: all of it
    return graph.add("Mul", x, mask, to="latent")


def _decoded(graph: _Graph, shape: Shape, latent: str, speaker: str | None, everywhere: bool) -> None:
    channels = shape.initial
    x = graph.conv(latent, shape.hidden, channels, 7)
    if speaker:
        x = graph.add("Add", x, graph.conv(speaker, SPEAKER_CHANNELS, channels))
    if everywhere:
        x = graph.add("Sub", x, graph.add("ReduceMean", x, graph.constant([2])))
    for rate in shape.rates:
        x = graph.add("LeakyRelu", x, alpha=SLOPE)
        channels //= 2
        weights = graph.random(2 * channels, channels, 2 * rate, height=1.2 / np.sqrt(4 * channels))
        bias = graph.random(channels, height=0.01)
        x = graph.add(
            "ConvTranspose",
            x,
            weights,
            bias,
            kernel_shape=[2 * rate],
            strides=[rate],
            pads=[rate // 2, rate - rate // 2],
        )
        blocks = [
            _residual(graph, x, channels, width, dilations)
            for width, dilations in zip(shape.kernels, shape.dilations, strict=True)
        ]
        x = graph.add("Div", graph.add("Sum", *blocks), graph.constant(np.array(len(blocks), dtype=np.float32)))
    x = graph.conv(graph.add("LeakyRelu", x, alpha=0.01), channels, 1, 7, gain=0.1)
    graph.add("Tanh", x, to="output")


def _residual(graph: _Graph, x: str, channels: int, width: int, dilations: tuple[int, ...]) -> str:
    for dilation in dilations:
        bent = graph.add("LeakyRelu", x, alpha=SLOPE)
        x = graph.add("Add", x, graph.conv(bent, channels, channels, width, dilation=dilation, gain=0.7))
    return x
