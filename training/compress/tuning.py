"""Trains a core with int8's rounding in the loop, so that it answers as the fp32 one does.

The learner is the graph that becomes int8, each tensor rounded where the quantiser rounds it; its
teacher is the same graph unrounded (Polino et al., "Model compression via distillation and
quantization", ICLR 2018), so that no labels are needed and detectors and classifiers are alike.
Gradients pass rounding as if it were not there (Bengio et al., 2013); ranges are learnt with the
weights (Esser et al., "Learned step size quantization", ICLR 2020; with a zero point: Bhalgat et
al., "LSQ+", CVPR Workshops 2020).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import onnx
import torch
from torch import Tensor, nn

from training.compress.quantise import full_precision_nodes, quantise_core
from training.compress.ranges import Ranges
from training.compress.torch_core import TorchCore, with_weights
from training.export import CORE_INPUT

LEARNING_RATE = 3e-4
"""Of weights, as shares of the largest: int8's steps are 8e-3 of it."""

RANGE_RATE = 1e-3
"""Of ranges, as shares of themselves."""

_LEVELS = 255
_WEIGHT_LEVELS = 127


@dataclass(frozen=True)
class Tuned:
    """What was learnt.

    Attributes:
        core: With the new weights.
        ranges: Of its tensors.
        losses: What each step cost: the share of the teacher's variance that the learner misses.
    """

    core: onnx.ModelProto
    ranges: Ranges
    losses: tuple[float, ...]


def tune(
    core: onnx.ModelProto,
    ranges: Ranges,
    batches: Iterable[Tensor],
    steps: int,
    on_step: Callable[[float], None] = lambda loss: None,
) -> Tuned:
    """Trains an exported core for int8.

    Args:
        core: From `export_core`.
        ranges: Of its tensors, to begin with.
        batches: Images as they come to the network, float32 [B, 3, H, W]; `steps` of them.
        steps: How many there are: the rate falls to nothing, as a cosine.
        on_step: Told after each what it cost.
    """
    teacher = TorchCore(core).eval()
    learner = TorchCore(core)
    rounding = Rounding(core, ranges)
    optimiser = torch.optim.Adam(
        [
            {"params": learner.parameters(), "lr": LEARNING_RATE},
            {"params": rounding.parameters(), "lr": RANGE_RATE},
        ]
    )
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: (1 + math.cos(math.pi * step / steps)) / 2
    )
    losses = []
    for images in batches:
        given = images.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            wanted = teacher(given)
        loss = _apart(learner(given, rounding), wanted)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        falling.step()
        losses.append(loss.item())
        on_step(losses[-1])
    return Tuned(with_weights(core, learner), rounding.ranges(), tuple(losses))


class Rounding(nn.Module):
    """Rounds what a core's quantiser rounds, with ranges that can be learnt.

    Args:
        core: From `export_core`.
        ranges: Of its tensors.
    """

    def __init__(self, core: onnx.ModelProto, ranges: Ranges) -> None:
        super().__init__()
        self._ranges = dict(ranges)
        self._activations = rounded_tensors(core, ranges)
        self._weights = rounded_weights(core)
        pairs = [ranges[name] for name in self._activations]
        self.register_buffer("first", torch.tensor(pairs).reshape(-1, 2))
        self.share = nn.Parameter(torch.ones(len(pairs), 2))
        self._row = {name: row for row, name in enumerate(self._activations)}

    def forward(self, name: str, value: Tensor) -> Tensor:
        """Returns a tensor of the core as int8 would hold it; others as they are."""
        if name in self._weights:
            return _round_weight(value)
        if name not in self._row:
            return value
        low, high = self._pair(name)
        scale = (high - low).clamp_min(1e-12) / _LEVELS
        zero = _round(-low / scale)
        steps = _round((value / scale + zero).clamp(0, _LEVELS))
        return (steps - zero) * scale

    def ranges(self) -> Ranges:
        """Returns the ranges of all the core's tensors, as learnt so far."""
        learnt = {}
        for name in self._activations:
            low, high = self._pair(name)
            learnt[name] = (low.item(), high.item())
        return self._ranges | learnt

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        """The range, which holds 0, as int8 has to."""
        row = self._row[name]
        assert isinstance(self.first, Tensor)
        low, high = self.first[row] * self.share[row]
        return low.clamp_max(0), high.clamp_min(0)


def rounded_tensors(core: onnx.ModelProto, ranges: Ranges) -> list[str]:
    """Names the activations that the quantiser rounds, but for copies of rounded ones."""
    made_by = {name: node.op_type for node in core.graph.node for name in node.output}
    model = quantise_core(core, ranges)
    rounded = [node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"]
    return [
        name
        for name in dict.fromkeys(rounded)
        if name != CORE_INPUT and made_by.get(name) not in (None, "Resize", "MaxPool")
    ]


def rounded_weights(core: onnx.ModelProto) -> frozenset[str]:
    """Names the weights that the quantiser rounds."""
    kept = set(full_precision_nodes(core))
    convolutions = (node for node in core.graph.node if node.op_type == "Conv")
    return frozenset(node.input[1] for node in convolutions if node.name not in kept)


def _round(value: Tensor) -> Tensor:
    return value + (value.round() - value).detach()


def _round_weight(weight: Tensor) -> Tensor:
    """Rounds [O, I, kh, kw], each output by its own largest value, as the quantiser does."""
    largest = weight.detach().abs().amax((1, 2, 3), keepdim=True)
    scale = largest.clamp_min(1e-12) / _WEIGHT_LEVELS
    return _round(weight / scale) * scale


def _apart(given: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Returns how far answers are apart, as a share of the variance of what is wanted."""
    shares = [
        (ours - theirs).square().mean() / theirs.var().clamp_min(1e-12)
        for ours, theirs in zip(given, wanted, strict=True)
    ]
    return torch.stack(shares).mean()
