"""This file cuts the graph of a Piper voice in three: what has to see the whole sentence, the flow that makes its
latent, and the decoder that makes sound of that. Flow and decoder look only some frames around.

The parts are found by what they do, not by their names, which differ from exporter to exporter. With the package `onnx`
because ONNX Runtime takes no graph apart, and needed once for each voice: the parts are kept in `models.piper_cuts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from models.piper_stages import Uncut

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


def divisions(model: ModelProto) -> list[list[str]]:
    """Where the graph can be cut, the better way first: before flow and decoder, or before the decoder alone. Raises
    Uncut where there is no decoder."""
    latent = _latent(model.graph)
    noised = _noised(model.graph, latent)
    return [*([[noised, latent]] if noised else []), [latent]]


def divided(model: ModelProto, cuts: list[str]) -> list[ModelProto]:
    """What is before, between and behind these cuts. Raises Uncut where they depend on each other otherwise.

    The inputs of a part are outputs of one before it under the same names: first that at which it was cut, [1,
    channels, frames], then what else it needs of the first. The first part may have one output more: for how many
    frames each phoneme id sounds. Takes value infos for them into `model`.
    """
    from onnx import TensorProto, helper
    from onnx.utils import Extractor

    graph = model.graph
    beyond = _after(graph, cuts[:1])
    ends = [*cuts[1:], graph.output[0].name]
    inputs = [[cut, *_passed(graph, cut, end)] for cut, end in zip(cuts, ends, strict=True)]
    passed = list(dict.fromkeys([cuts[0], *(name for names in inputs for name in names[1:])]))
    if not beyond.isdisjoint(passed[1:]):
        raise Uncut("its decoder needs more of the flow than the latent")
    first = passed + _durations(graph, beyond)
    known = {each.name for each in (*graph.value_info, *graph.input, *graph.output)}
    graph.value_info.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in {*first, *cuts} - known
    )
    extractor = Extractor(model)
    return [
        extractor.extract_model([each.name for each in graph.input], first),
        *(extractor.extract_model(names, [end]) for names, end in zip(inputs, ends, strict=True)),
    ]


def _latent(graph: GraphProto) -> str:
    """What goes into the first convolution of the decoder: the nearest one before its first step up, and wider than 1,
    which tells it from that of the speaker."""
    makers = {name: node for node in graph.node for name in node.output}
    stepped = next((node.input[0] for node in graph.node if node.op_type == "ConvTranspose"), None)
    if stepped is None:
        raise Uncut("it has no decoder like HiFi-GAN's")
    found: list[str] = []
    behind = [stepped]
    while behind:
        node = makers.get(behind.pop())
        if node is None:
            continue
        if node.op_type != "Conv":
            behind.extend(node.input)
        elif _width(graph, node) > 1 and node.input[0] not in found:
            found.append(node.input[0])
    if len(found) != 1:
        raise Uncut(f"its decoder begins in {len(found)} places")
    return found[0]


def _noised(graph: GraphProto, latent: str) -> str | None:
    """What goes into the flow: that to which the last noise is added on its way to the latent."""
    name = next((node.output[0] for node in reversed(graph.node) if node.op_type == "RandomNormalLike"), None)
    while name and name != latent:
        users = [node for node in graph.node if name in node.input]
        if len(users) != 1:
            return None
        name = users[0].output[0]
        if users[0].op_type == "Add":
            return name
    return None


def _width(graph: GraphProto, convolution: NodeProto) -> int:
    """Frames it looks at."""
    for attribute in convolution.attribute:
        if attribute.name == "kernel_shape":
            return int(attribute.ints[-1])
    return next((int(each.dims[-1]) for each in graph.initializer if each.name == convolution.input[1]), 1)


def _after(graph: GraphProto, names: Iterable[str]) -> set[str]:
    """All that is computed from these, and they themselves."""
    found = set(names)
    for node in graph.node:  # in an order in which they can be computed, says ONNX
        if not found.isdisjoint(node.input):
            found.update(node.output)
    return found


def _passed(graph: GraphProto, begin: str, end: str) -> list[str]:
    """What else it takes to compute `end` from `begin`, and differs from sentence to sentence."""
    chance = [name for node in graph.node if node.op_type.startswith("Random") for name in node.output]
    changing = _after(graph, [*(each.name for each in graph.input), *chance])
    changing -= {each.name for each in graph.initializer}
    beyond = _after(graph, [begin])
    needed, passed = {end}, dict[str, None]()
    for node in reversed(graph.node):
        if needed.isdisjoint(node.output) or begin in node.output or beyond.isdisjoint(node.output):
            continue
        needed.update(node.input)
        passed.update((name, None) for name in node.input if name in changing and name not in beyond)
    return list(passed)


def _durations(graph: GraphProto, beyond: set[str]) -> list[str]:
    """What tells how long each phoneme id sounds: the second output of a voice that was patched to tell it; else the
    only thing that is rounded up, by which Piper's own patch finds it."""
    if len(graph.output) > 1:
        return [graph.output[1].name]
    rounded = [node.output[0] for node in graph.node if node.op_type == "Ceil" and node.output[0] not in beyond]
    return rounded if len(rounded) == 1 else []
