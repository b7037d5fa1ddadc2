"""Undoes a model's quantisation, so that int8 can be timed against fp32 on any machine.

The twin has the same graph with weights back in fp32, and in the place of each pair of
QuantizeLinear and DequantizeLinear a Clip to the range that the pair could express: the quantiser
took the activation functions away, because saturation does their work. It is as fast as the fp32
model it came from (a Clip joins the convolution before it), though not equal to the last bit. What
quantisation costs in accuracy is measured on the true fp32 model, by training.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def float_twin(int8: Path) -> bytes:
    """Returns the fp32 twin of a QDQ model as a serialised ONNX model with the same interface."""
    model = onnx.load(int8)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    inputs = {value.name for value in graph.input}
    stands_for: dict[str, str] = {}
    kept = []
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = stands_for.get(name, name)
        if node.op_type == "QuantizeLinear":
            saturated = f"{node.output[0]}.saturated"
            kept.append(_saturation(node, saturated, constants, graph))
            stands_for[node.output[0]] = saturated
        elif node.op_type == "DequantizeLinear" and node.input[0] in constants:
            weights = _dequantised(node, constants)
            graph.initializer.append(numpy_helper.from_array(weights, node.output[0]))
        elif node.op_type == "DequantizeLinear" and _is_pixels(node.input[0], kept, inputs):
            kept += _normalisation(node)
        elif node.op_type == "DequantizeLinear":
            stands_for[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    for output in graph.output:
        if output.name in stands_for:
            kept.append(helper.make_node("Identity", [stands_for[output.name]], [output.name]))
    del graph.node[:]
    graph.node.extend(kept)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _is_pixels(name: str, nodes: list[onnx.NodeProto], inputs: set[str]) -> bool:
    """True for the camera's uint8 pixels, transposed or not."""
    makers = [node for node in nodes if name in node.output]
    return name in inputs or bool(makers and makers[0].op_type == "Transpose")


def _normalisation(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The pixels' DequantizeLinear, as fp32 models have it: Cast, Sub, Mul."""
    pixels, scale, zero = node.input
    name = node.output[0]
    return [
        helper.make_node("Cast", [pixels], [f"{name}.float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Cast", [zero], [f"{name}.zero"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Sub", [f"{name}.float", f"{name}.zero"], [f"{name}.centred"]),
        helper.make_node("Mul", [f"{name}.centred", scale], [name]),
    ]


def _saturation(
    node: onnx.NodeProto,
    output: str,
    constants: dict[str, onnx.TensorProto],
    graph: onnx.GraphProto,
) -> onnx.NodeProto:
    """A Clip to what 8 bits of this scale and zero point can express."""
    scale, zero = (numpy_helper.to_array(constants[name]) for name in node.input[1:3])
    kinds = np.iinfo(zero.dtype)
    bounds = [f"{output}.least", f"{output}.most"]
    for name, most in zip(bounds, (kinds.min, kinds.max), strict=True):
        value = np.float32((most - int(zero)) * float(scale))
        graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    return helper.make_node("Clip", [node.input[0], *bounds], [output])


def _dequantised(
    node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A constant's float32 values, any shape: (integer - zero point) x scale, per channel."""
    values, scale, *zero = (numpy_helper.to_array(constants[name]) for name in node.input)
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    shape = [1] * values.ndim
    if scale.ndim == 1 and values.ndim:
        shape[axis] = scale.size
    offset = zero[0].astype(np.float32).reshape(shape) if zero else np.float32(0)
    floats = (values.astype(np.float32) - offset) * scale.reshape(shape)
    return np.asarray(floats.reshape(values.shape), np.float32)
