"""Which nodes of a core become int8 or stay fp32 together, and what each costs. Pure."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from onnx import shape_inference

from training.compress.quantise import full_precision_nodes

_FOLLOW = ("Clip", "Relu")
"""Become part of the convolution or sum before them."""


@dataclass(frozen=True)
class Unit:
    """A convolution or a sum, with what becomes part of it.

    Attributes:
        name: Of its weight, or of its node.
        nodes: Their names.
        multiplications: For one image.
    """

    name: str
    nodes: tuple[str, ...]
    multiplications: int


def units_of(core: onnx.ModelProto) -> list[Unit]:
    """Returns the units that a core's quantiser makes int8, in the order of the graph."""
    inferred = shape_inference.infer_shapes(core).graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*inferred.value_info, *inferred.output)
    }
    weights = {tensor.name: tensor for tensor in core.graph.initializer}
    uses = Counter(name for node in core.graph.node for name in node.input)
    after = {node.input[0]: node for node in core.graph.node if node.op_type in _FOLLOW}
    last = set(full_precision_nodes(core))
    found = []
    for node in core.graph.node:
        if node.op_type not in ("Conv", "Add") or node.name in last:
            continue
        nodes = [node.name]
        follower = after.get(node.output[0])
        if follower is not None and uses[node.output[0]] == 1:
            nodes.append(follower.name)
        if node.op_type == "Add":
            found.append(Unit(node.name, tuple(nodes), 0))
            continue
        kernel = math.prod(weights[node.input[1]].dims[1:])
        count = kernel * math.prod(shapes.get(node.output[0], ()))
        found.append(Unit(_plain(node.input[1]), tuple(nodes), count))
    return found


def float_share(chosen: Sequence[Unit], units: Sequence[Unit]) -> float:
    """Returns the share of all units' multiplications that some of them take."""
    whole = sum(unit.multiplications for unit in units)
    return sum(unit.multiplications for unit in chosen) / max(whole, 1)


def _plain(name: str) -> str:
    return name.removeprefix("network.").removesuffix(".weight")
