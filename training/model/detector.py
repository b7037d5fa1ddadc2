"""The whole network: backbone, neck, and a head that gives candidates; training it is elsewhere.

Single shot and free of anchors: each place of three feature maps tells the distances to the four
sides of the object around it, in strides, and how likely each class is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.model.backbone import PIXEL_SCALE, PIXEL_ZERO, STRIDES, Backbone
from training.model.efficientnet_lite import norm

NECK_CHANNELS = 64
EMBEDDING_SIZE = 32
RARE = 0.001
"""Probability of every class at every place before the first step (Lin et al., ICCV 2017, 4.1):
about one place in a thousand lies on an object of a given class. With ten times as much, the first
hundreds of steps go into saying no."""

FIRST_DISTANCE = 1.5

CONTEXT_DROPOUT = 0.2
"""Of the features that context is told from, while it is learnt."""


class RawCandidates(NamedTuple):
    """What the network says at every place of all levels; N places in all.

    Attributes:
        distances: [B, N, 4], to left, top, right and bottom, in strides of the place; above 0.
        logits: [B, N, C].
        embedding: [B, N, D].
        shown: [B, C], how likely it is that the image shows each class at all, as logits; they are
            in `logits` already. None of a network without context.
    """

    distances: Tensor
    logits: Tensor
    embedding: Tensor
    shown: Tensor | None = None


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """Filters each channel, then mixes them: [B, inputs, H, W] to [B, outputs, H, W]."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        norm(inputs),
        nn.ReLU6(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        norm(outputs),
        nn.ReLU6(),
    )


class Neck(nn.Module):
    """Passes what coarse maps know to the finer ones (a feature pyramid, Lin et al., CVPR 2017)."""

    def __init__(self, level_channels: Sequence[int]) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, NECK_CHANNELS, 1, bias=False), norm(NECK_CHANNELS))
            for channels in level_channels
        )
        self.smooth = nn.ModuleList(separable(NECK_CHANNELS, NECK_CHANNELS) for _ in level_channels)

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Maps the backbone's levels, finest first, to as many of `NECK_CHANNELS` each."""
        merged: list[Tensor] = []
        for index in reversed(range(len(levels))):
            features = self.lateral[index](levels[index])
            if merged:
                features = features + functional.interpolate(merged[0], scale_factor=2.0)
            merged.insert(0, self.smooth[index](features))
        return merged


class Head(nn.Module):
    """Reads one level: where the object's sides are, its description, and its class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.box_tower = nn.Sequential(
            separable(NECK_CHANNELS, NECK_CHANNELS), separable(NECK_CHANNELS, NECK_CHANNELS)
        )
        self.class_tower = nn.Sequential(
            separable(NECK_CHANNELS, NECK_CHANNELS),
            separable(NECK_CHANNELS, EMBEDDING_SIZE),
        )
        self.distance = nn.Conv2d(NECK_CHANNELS, 4, 1)
        self.logit = nn.Conv2d(EMBEDDING_SIZE, classes, 1)
        assert self.logit.bias is not None
        assert self.distance.bias is not None
        nn.init.constant_(self.logit.bias, _logit(RARE))
        nn.init.constant_(self.distance.bias, FIRST_DISTANCE)

    def forward(self, features: Tensor) -> RawCandidates:
        """Maps one level [B, NECK_CHANNELS, H, W] to candidates, row by row."""
        embedding = self.class_tower(features)
        distances = functional.softplus(self.distance(self.box_tower(features)))
        return RawCandidates(_rows(distances), _rows(self.logit(embedding)), _rows(embedding))


class DetectionNetwork(nn.Module):
    """From normalised images to candidates.

    With context, a classifier of the whole image stands beside the heads, and its logits are added
    to those of every place: what a place cannot tell from what is near it, the image often can.

    Args:
        backbone: Made with its top where there is to be context.
        classes: How many there are.
        has_context: Whether the image as a whole has its say.
    """

    def __init__(self, backbone: Backbone, classes: int, *, has_context: bool = False) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = Neck(backbone.level_channels)
        self.heads = nn.ModuleList(Head(classes) for _ in STRIDES)
        self.context: nn.Sequential | None = None
        if has_context:
            last = nn.Linear(backbone.top_channels, classes)
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)
            self.context = nn.Sequential(nn.Dropout(CONTEXT_DROPOUT), last)

    def forward(self, image: Tensor) -> RawCandidates:
        """Maps [B, 3, H, W], `normalised` BGR, to candidates of all levels, finest first."""
        levels = self.backbone.levels(image)
        answers: list[RawCandidates] = [
            head(level) for head, level in zip(self.heads, self.neck(levels), strict=True)
        ]
        distances = torch.cat([answer.distances for answer in answers], dim=1)
        logits = torch.cat([answer.logits for answer in answers], dim=1)
        embedding = torch.cat([answer.embedding for answer in answers], dim=1)
        if self.context is None:
            return RawCandidates(distances, logits, embedding)
        shown = self.context(self.backbone.features_of(levels[-1]).mean((2, 3)))
        return RawCandidates(distances, logits + shown[:, None], embedding, shown)


def normalised(image_bgr: Tensor) -> Tensor:
    """Turns uint8 [B, H, W, 3] 0..255 into float32 [B, 3, H, W] about -1..1."""
    return (image_bgr.permute(0, 3, 1, 2).float() - PIXEL_ZERO) / PIXEL_SCALE


def places(height_px: int, width_px: int) -> tuple[Tensor, Tensor]:
    """Where the candidates of an input of this size stand.

    Returns:
        Centres float32 [N, 2] in input pixels (x, y), and strides float32 [N, 1], in the order of
        `DetectionNetwork.forward`.
    """
    centres, strides = [], []
    for stride in STRIDES:
        y = (torch.arange(height_px // stride) + 0.5) * stride
        x = (torch.arange(width_px // stride) + 0.5) * stride
        grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
        centres.append(torch.stack((grid_x, grid_y), dim=-1).reshape(-1, 2))
        strides.append(torch.full((grid_x.numel(), 1), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def to_boxes(distances: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """Turns distances [..., N, 4] in strides into boxes [..., N, 4] xyxy in input pixels."""
    offsets = distances * strides
    return torch.cat((centres - offsets[..., :2], centres + offsets[..., 2:]), dim=-1)


def _rows(features: Tensor) -> Tensor:
    """Turns [B, C, H, W] into [B, H * W, C]."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def _logit(probability: float) -> float:
    return float(torch.logit(torch.tensor(probability)))
