"""A core as `export_core` makes them, small enough to be made int8 many times in a test."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from beltmark.contract.package import InputSpec

SPEC = InputSpec(height_px=32, width_px=32, colour_order="BGR")
CLASSES = 3
_CHANNELS = 8


def tiny_core(seed: int = 0, spread: float = 1.0) -> onnx.ModelProto:
    """Returns a classifier: a stem, a block with a way around it, a top, an answer.

    Args:
        seed: Of its weights.
        spread: How many times as strong the block's last channel is as the others: ranges that
            hold it leave few steps for them.
    """
    rng = np.random.default_rng(seed)

    def weight(*shape: int) -> NDArray[np.float32]:
        inputs = int(np.prod(shape[1:]))
        return (rng.standard_normal(shape) / np.sqrt(inputs)).astype(np.float32)

    last = weight(_CHANNELS, _CHANNELS, 1, 1)
    last[-1] *= spread
    weights = {
        "network.stem.weight": 2 * weight(_CHANNELS, 3, 3, 3),
        "network.stem.bias": np.full(_CHANNELS, 0.5, np.float32),
        "network.each.weight": 2 * weight(_CHANNELS, 1, 3, 3),
        "network.block.weight": last,
        "network.top.weight": weight(_CHANNELS, _CHANNELS, 1, 1),
        "network.logit.weight": 20 * weight(CLASSES, _CHANNELS),
        "network.axes": weight(_CHANNELS, 2),
    }
    constants = {
        "low": np.float32(0),
        "high": np.float32(6),
        "sides": np.array([2, 3], np.int64),
        "place": np.array([1], np.int64),
        "whole": np.array([[[0, 0, 32, 32]]], np.float32),
    }
    node = helper.make_node
    around = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        node(
            "Conv",
            ["normalised", "network.stem.weight", "network.stem.bias"],
            ["a"],
            "stem",
            strides=[2, 2],
            **around,
        ),
        node("Clip", ["a", "low", "high"], ["b"], "stem_clip"),
        node("Conv", ["b", "network.each.weight"], ["c"], "each", group=_CHANNELS, **around),
        node("Clip", ["c", "low", "high"], ["d"], "each_clip"),
        node("Conv", ["d", "network.block.weight"], ["e"], "block"),
        node("Add", ["b", "e"], ["f"], "sum"),
        node("Conv", ["f", "network.top.weight"], ["g"], "top"),
        node("Clip", ["g", "low", "high"], ["h"], "top_clip"),
        node("ReduceMean", ["h", "sides"], ["pooled"], "mean", keepdims=0),
        node("Gemm", ["pooled", "network.logit.weight"], ["logits"], "logit", transB=1),
        node("Softmax", ["logits"], ["shares"], "softmax", axis=1),
        node("Unsqueeze", ["shares", "place"], ["scores"], "scores"),
        node("Identity", ["whole"], ["boxes"], "boxes"),
        node("MatMul", ["pooled", "network.axes"], ["axes"], "axes"),
        node("Unsqueeze", ["axes", "place"], ["embedding"], "embedding"),
    ]
    shapes = {"boxes": [1, 1, 4], "scores": [1, 1, CLASSES], "embedding": [1, 1, 2]}
    graph = helper.make_graph(
        nodes,
        "core",
        [helper.make_tensor_value_info("normalised", TensorProto.FLOAT, [1, 3, 32, 32])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ],
        [numpy_helper.from_array(value, name) for name, value in (weights | constants).items()],
    )
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def tiny_inputs(count: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Returns pictures as the core's package takes them, uint8 [1, 32, 32, 3]."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 4, 3)).astype(np.uint8)
    return [picture.repeat(8, axis=0).repeat(8, axis=1)[None] for picture in coarse]
