"""What finds features in an image, whichever architecture it is; what they mean is the heads'.

All take the same input, so that package and quantiser need not know which one it is.
"""

from abc import abstractmethod

from torch import Tensor, nn

STRIDES = (8, 16, 32)
"""Of the levels, in input pixels."""

PIXEL_ZERO = 127
PIXEL_SCALE = 128
"""Images come as `(pixel - 127) / 128`, BGR."""


class Backbone(nn.Module):
    """An architecture without its last layer.

    Attributes:
        level_channels: Of the three levels.
        top_channels: Of the features; 0 where it was made without them.
    """

    level_channels: tuple[int, ...]
    top_channels: int = 0

    def __init__(self) -> None:
        super().__init__()
        self._frozen: list[nn.Module] = []

    @abstractmethod
    def parts(self) -> list[nn.Module]:
        """Its parts in the order of the forward pass, for freezing: the stem, then the stages."""

    @abstractmethod
    def levels(self, image: Tensor) -> list[Tensor]:
        """Maps images [B, 3, H, W] to [B, C, H / s, W / s] for each of `STRIDES`, finest first.

        H and W are multiples of 32.
        """

    @abstractmethod
    def features_of(self, coarsest: Tensor) -> Tensor:
        """Maps the coarsest level to features [B, `top_channels`, H / 32, W / 32]."""

    def features(self, image: Tensor) -> Tensor:
        """Maps images [B, 3, H, W] to [B, `top_channels`, H / 32, W / 32]."""
        return self.features_of(self.levels(image)[-1])

    @abstractmethod
    def load_imagenet(self) -> None:
        """Loads weights learnt on ImageNet.

        Raises:
            InputError: They are not to be had.
        """

    def freeze(self, stages: int) -> None:
        """Keeps the stem and the first stages as they are, normalisation included; 0 for none."""
        self._frozen = self.parts()[: stages + 1] if stages else []
        for part in self._frozen:
            part.requires_grad_(False)
            part.eval()

    def train(self, mode: bool = True) -> "Backbone":
        """Sets the mode of all but the frozen parts."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self
