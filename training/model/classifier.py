"""A network that says what an image as a whole is; training it is elsewhere."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.model.backbone import Backbone

EMBEDDING_SIZE = 64
_PROJECTION_SEED = 64


class RawAnswer(NamedTuple):
    """What the network says of each image.

    Attributes:
        logits: [B, C].
        embedding: [B, D]: images that are alike lie close together.
    """

    logits: Tensor
    embedding: Tensor


class ClassificationNetwork(nn.Module):
    """From normalised images to one answer each.

    The embedding is the mean features on `EMBEDDING_SIZE` axes drawn once for all: distances stay
    about what they were (Johnson and Lindenstrauss, 1984), and nothing needs to be learnt.

    Args:
        backbone: Made with its top.
        classes: How many there are.
        dropout: Share of features left out in training.
    """

    def __init__(self, backbone: Backbone, classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.logit = nn.Linear(backbone.top_channels, classes)
        nn.init.zeros_(self.logit.bias)
        nn.init.normal_(self.logit.weight, std=0.01)
        chance = torch.Generator().manual_seed(_PROJECTION_SEED)
        drawn = torch.randn(backbone.top_channels, EMBEDDING_SIZE, generator=chance)
        self.register_buffer("axes", torch.linalg.qr(drawn).Q)

    def forward(self, image: Tensor) -> RawAnswer:
        """Maps [B, 3, H, W], `normalised` BGR, to an answer for each image."""
        pooled = self.backbone.features(image).mean((2, 3))
        assert isinstance(self.axes, Tensor)
        return RawAnswer(self.logit(self.dropout(pooled)), pooled @ self.axes)
