"""Backbones by name: the EfficientNet-Lite family, and those of torchvision."""

from beltmark.contract.errors import InputError
from training.config import DEFAULT_BACKBONE
from training.model.backbone import Backbone
from training.model.efficientnet_lite import EfficientNetLite
from training.model.torchvision_backbone import TorchvisionBackbone, knows

DEFAULT = DEFAULT_BACKBONE

_LITE = {f"efficientnet_lite{size}": size for size in (0, 1, 2)}


def make_backbone(name: str, *, has_top: bool = False) -> Backbone:
    """Makes a backbone with weights drawn by chance; `load_imagenet` fetches better ones.

    Args:
        name: `efficientnet_lite0` to `2`, or a classification model of torchvision, such as
            `resnet18` or `mobilenet_v2`.
        has_top: With the layers that only classifiers use.

    Raises:
        InputError: There is none of that name, or it has no levels of strides 8, 16 and 32.
    """
    if name in _LITE:
        return EfficientNetLite(_LITE[name], has_top=has_top)
    if knows(name):
        return TorchvisionBackbone(name, has_top=has_top)
    raise InputError(
        f"no backbone {name!r}",
        f"name one of {', '.join(_LITE)}, or a classification model of torchvision",
        field="backbone",
    )
