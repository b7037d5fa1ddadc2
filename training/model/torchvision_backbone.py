"""torchvision's classification models as backbones, whatever they are made of.

Which of a model's layers has which stride is found by letting one image through. Weights come
through torchvision, which fetches them where there is a network, or finds them in its cache.
"""

from typing import Final

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from beltmark.contract.errors import InputError
from training.model.backbone import PIXEL_SCALE, PIXEL_ZERO, STRIDES, Backbone

_PROBE_PX: Final = 128
_LEVELS: Final = ("level8", "level16", "level32")
_RED_MEAN_STD: Final = ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
"""What torchvision's weights expect of pixels 0..1, red first."""


def knows(name: str) -> bool:
    """Whether torchvision has a classification model of this name."""
    return name in torchvision.models.list_models(module=torchvision.models)


class TorchvisionBackbone(Backbone):
    """A model of torchvision, cut where its maps become coarser.

    Args:
        name: Of the model.
        has_top: Whether `features` is wanted: they are the finest that the coarsest map becomes.

    Raises:
        InputError: It has no maps of strides 8, 16 and 32, as transformers have not.
    """

    def __init__(self, name: str, *, has_top: bool) -> None:
        super().__init__()
        self._name = name
        model = torchvision.models.get_model(name, weights=None)
        nodes, channels = _level_nodes(model, name)
        self.level_channels = channels
        self.top_channels = channels[-1] if has_top else 0
        self.body = create_feature_extractor(model, dict(zip(nodes, _LEVELS, strict=True)))

    def parts(self) -> list[nn.Module]:
        """The model's outermost layers, from the first on."""
        found = [*self.body.children()]
        while len(found) == 1:
            found = [*found[0].children()]
        return found

    def levels(self, image: Tensor) -> list[Tensor]:
        """See `Backbone.levels`."""
        found: dict[str, Tensor] = self.body(image)
        return [found[level] for level in _LEVELS]

    def features_of(self, coarsest: Tensor) -> Tensor:
        """See `Backbone.features_of`."""
        return coarsest

    def load_imagenet(self) -> None:
        """Loads torchvision's weights, with its normalisation put into the first convolution.

        Raises:
            InputError: They cannot be fetched.
        """
        try:
            weights = torchvision.models.get_model_weights(self._name)["DEFAULT"]
            published = weights.get_state_dict(progress=False, check_hash=True)
        except (OSError, KeyError, RuntimeError) as error:
            raise InputError(
                f"torchvision's weights of {self._name} are not to be had: {error}",
                "connect to a network, or put the file into torch's cache",
                field="backbone",
            ) from None
        own = self.body.state_dict()
        self.body.load_state_dict({name: published[name] for name in own})
        take_pixels(_first_convolution(self.body))


def take_pixels(first: nn.Conv2d) -> None:
    """Changes a first convolution from torchvision's normalised RGB to our normalised BGR.

    What it adds by itself moves with it. Where it pads, it now pads with the value of `PIXEL_ZERO`
    instead of the mean colour: a difference of less than half a standard deviation.
    """
    mean, std = (torch.tensor(values) for values in zip(*_RED_MEAN_STD, strict=True))
    scale = PIXEL_SCALE / 255 / std
    shift = (PIXEL_ZERO / 255 - mean) / std
    with torch.no_grad():
        added = (first.weight * shift[:, None, None]).sum((1, 2, 3))
        if first.bias is None:
            first.bias = nn.Parameter(torch.zeros(first.out_channels))
        first.bias += added
        first.weight.copy_((first.weight * scale[:, None, None]).flip(1))


def _first_convolution(body: nn.Module) -> nn.Conv2d:
    found = next(part for part in body.modules() if isinstance(part, nn.Conv2d))
    if found.in_channels != 3:
        raise ValueError("the first convolution does not take a picture")
    return found


def _level_nodes(model: nn.Module, name: str) -> tuple[list[str], tuple[int, ...]]:
    """Finds the last node of each stride, and its channels."""
    try:
        names = get_graph_node_names(model)[1]  # of evaluation
        everything = create_feature_extractor(model, names).eval()
        with torch.no_grad():
            found = everything(torch.zeros(1, 3, _PROBE_PX, _PROBE_PX))
    except (AssertionError, RuntimeError, TypeError, ValueError):
        found = {}  # it takes no image of this size, or cannot be cut
    last: dict[int, tuple[str, int]] = {}
    for node, value in found.items():
        if isinstance(value, Tensor) and value.ndim == 4 and value.shape[2] == value.shape[3] > 1:
            last[_PROBE_PX // value.shape[2]] = node, int(value.shape[1])
    if not all(stride in last for stride in STRIDES):
        raise InputError(
            f"{name} has no maps at strides {', '.join(map(str, STRIDES))}",
            "name a convolutional network, such as mobilenet_v2 or resnet18",
            field="backbone",
        )
    chosen = [last[stride] for stride in STRIDES]
    return [node for node, _ in chosen], tuple(channels for _, channels in chosen)
