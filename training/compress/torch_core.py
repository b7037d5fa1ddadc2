"""An exported core as torch runs it, so that the very graph that becomes int8 can be trained.

Only what lies between the image and the last convolutions is run; how answers are decoded behind
them stays fp32 and is of no interest here. Normalisation is folded already, and so stays as it is
(Krishnamoorthi, "Quantizing deep convolutional networks", 2018, section 3.2.1).
"""

from collections.abc import Callable, Mapping
from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from training.export import CORE_INPUT

Through = Callable[[str, Tensor], Tensor]
"""Is handed each tensor by its name, and returns what is gone on with."""

_Operator = Callable[[Mapping[str, Any], list[Tensor]], Tensor]


class TorchCore(nn.Module):
    """A core's convolutions and what joins them.

    Its parameters are the changes of weights, as shares of each output's largest: with
    normalisation folded in, weights of one layer differ by powers of ten, and so must their steps.

    Args:
        core: From `export_core`.

    Attributes:
        ends: Names of the tensors where what is run ends.
        weight_names: Of the parameters, as the core calls them.
    """

    def __init__(self, core: onnx.ModelProto) -> None:
        super().__init__()
        constants = {each.name: _tensor(each) for each in core.graph.initializer}
        reached = {CORE_INPUT}
        self._nodes: list[tuple[_Operator, Mapping[str, Any], tuple[str, ...], str]] = []
        ends = {output.name for output in core.graph.output}
        used: set[str] = set()
        for node in core.graph.node:
            run = _OPERATORS.get(node.op_type)
            taken = [name for name in node.input if name]
            if run is None or not all(name in reached or name in constants for name in taken):
                ends.update(taken)
                continue
            told = {each.name: helper.get_attribute_value(each) for each in node.attribute}
            if node.op_type == "Resize":
                told = {"factor": tuple(constants[taken[-1]][2:].tolist())}
                taken = taken[:1]
            self._nodes.append((run, told, tuple(taken), node.output[0]))
            reached.update(node.output)
            used.update(taken)
        self.ends = sorted(ends & (reached - {CORE_INPUT}))
        held = sorted(used & set(constants))
        self._names = {name: f"constant{number}" for number, name in enumerate(held)}
        self.weight_names = []
        for name, own in self._names.items():
            value = constants[name]
            self.register_buffer(own, value)
            if value.is_floating_point() and value.ndim:
                self.register_buffer(f"{own}_unit", _largest_of(value))
                self.register_parameter(f"{own}_change", nn.Parameter(torch.zeros_like(value)))
                self.weight_names.append(name)

    def weight(self, name: str) -> Tensor:
        """Returns a constant by the name it has in the core, as it was trained."""
        own = self._names[name]
        value: Tensor = getattr(self, own)
        if name not in self.weight_names:
            return value
        change: Tensor = getattr(self, f"{own}_change")
        unit: Tensor = getattr(self, f"{own}_unit")
        return value + unit * change

    def forward(self, image: Tensor, through: Through = lambda name, value: value) -> list[Tensor]:
        """Maps normalised images [B, 3, H, W] to the tensors named by `ends`.

        Args:
            image: The images.
            through: Sees weights and what nodes give.
        """
        known = {CORE_INPUT: image}
        for run, told, taken, given in self._nodes:
            inputs = [
                known[name] if name in known else through(name, self.weight(name)) for name in taken
            ]
            known[given] = through(given, run(told, inputs))
        return [known[name] for name in self.ends]


def with_weights(core: onnx.ModelProto, trained: TorchCore) -> onnx.ModelProto:
    """Returns the core with weights that were trained."""
    changed = onnx.ModelProto()
    changed.CopyFrom(core)
    for tensor in changed.graph.initializer:
        if tensor.name in trained.weight_names:
            value = trained.weight(tensor.name).detach().contiguous().numpy()
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    return changed


def _tensor(constant: onnx.TensorProto) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(constant).copy())


def _largest_of(weight: Tensor) -> Tensor:
    """Returns the largest absolute value for each output; of biases, for all."""
    axes = tuple(range(1, weight.ndim)) or (0,)
    return weight.abs().amax(axes, keepdim=True)


def _convolution(told: Mapping[str, Any], inputs: list[Tensor]) -> Tensor:
    features, weight, *bias = inputs
    top, left, bottom, right = told.get("pads", (0, 0, 0, 0))
    if (top, left) != (bottom, right):
        features, top, left = functional.pad(features, (left, right, top, bottom)), 0, 0
    return functional.conv2d(
        features,
        weight,
        bias[0] if bias else None,
        stride=tuple(told.get("strides", (1, 1))),
        padding=(top, left),
        groups=told.get("group", 1),
    )


def _largest(told: Mapping[str, Any], inputs: list[Tensor]) -> Tensor:
    (features,) = inputs
    top, left = told.get("pads", (0, 0, 0, 0))[:2]
    return functional.max_pool2d(
        features, told["kernel_shape"], stride=told["strides"], padding=(top, left)
    )


def _clipped(_: Mapping[str, Any], inputs: list[Tensor]) -> Tensor:
    features, low, high = inputs
    return features.clamp(float(low), float(high))


def _mean(told: Mapping[str, Any], inputs: list[Tensor]) -> Tensor:
    features, axes = inputs
    return features.mean(tuple(axes.tolist()), keepdim=bool(told.get("keepdims", 1)))


def _linear(told: Mapping[str, Any], inputs: list[Tensor]) -> Tensor:
    features, weight, *bias = inputs
    return functional.linear(
        features, weight if told.get("transB", 0) else weight.T, bias[0] if bias else None
    )


_OPERATORS: Mapping[str, _Operator] = {
    "Conv": _convolution,
    "Clip": _clipped,
    "Relu": lambda _, inputs: inputs[0].relu(),
    "Add": lambda _, inputs: inputs[0] + inputs[1],
    "MaxPool": _largest,
    "Resize": lambda told, inputs: functional.interpolate(inputs[0], scale_factor=told["factor"]),
    "ReduceMean": _mean,
    "Gemm": _linear,
}
