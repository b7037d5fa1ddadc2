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
from numpy.typing import NDArray
from torch import Tensor, nn

from training.model.backbone import PIXEL_SCALE, PIXEL_ZERO
from training.model.backbones import DEFAULT, make_backbone
from training.model.efficientnet_lite import TOP_CHANNELS

VERSION: Final = "lite0-160-1"
"""Raised when a crop would be described otherwise."""

SIDE_PX: Final = 160
LENGTH: Final = TOP_CHANNELS
BATCH: Final = 16


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
                    _Described().eval(),
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


class _Described(nn.Module):
    """What the backbone knows of a crop, as a mean over its places."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = make_backbone(DEFAULT, has_top=True)
        self.backbone.load_imagenet()

    def forward(self, crops: Tensor) -> Tensor:
        """Maps normalised BGR crops [B, 3, H, W] to features [B, 1280]."""
        return self.backbone.features(crops).mean((2, 3))
