"""Makes the exported model int8: static QDQ, weights per channel; measuring it is left to others.

Three things differ from the quantiser's defaults. The input's scale and zero point are those of the
ImageNet normalisation, so that its QuantizeLinear can be replaced by a Transpose of the camera's
pixels and no float work is left in front of the first convolution. The last convolutions and all
that decodes their answers stay fp32: they cost next to nothing, and 256 steps are too coarse for
distances and small scores. Outputs stay apart, each with its own range.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from beltmark.contract.package import InputSpec
from training.export import CORE_INPUT, replace_input
from training.model.backbone import PIXEL_SCALE, PIXEL_ZERO

QUANTISED_OPERATORS = ["Conv", "Add", "Clip", "Resize"]
FULL_PRECISION_WEIGHTS = (".distance.", ".logit.")
"""Parts of the names of the weights whose convolutions, and all after them, stay fp32."""


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Hands normalised images to the quantiser."""

    def __init__(self, inputs: Iterable[NDArray[np.uint8]]) -> None:
        self._inputs: Iterator[NDArray[np.uint8]] = iter(inputs)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Returns the next input of the core, or None after the last."""
        pixels = next(self._inputs, None)
        if pixels is None:
            return None
        centred = pixels.astype(np.float32).transpose(0, 3, 1, 2) - np.float32(PIXEL_ZERO)
        return {CORE_INPUT: np.ascontiguousarray(centred / np.float32(PIXEL_SCALE))}


def quantise(
    core: onnx.ModelProto, inputs: Iterable[NDArray[np.uint8]], spec: InputSpec
) -> onnx.ModelProto:
    """Makes an int8 model that takes the camera's pixels.

    Args:
        core: From `export_core`.
        inputs: Calibration inputs, each uint8 [1, H, W, 3], BGR, as the detector prepares them.
        spec: The model's input.

    Returns:
        A model from uint8 [1, H, W, 3] to the package's named outputs.
    """
    source = onnx.ModelProto()
    source.CopyFrom(core)  # the quantiser moves the weights of what it is given into files
    level = logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        logging.getLogger().setLevel(logging.ERROR)  # the quantiser advises on the root logger
        try:
            quantize_static(
                source,
                path,
                _Images(inputs),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=QUANTISED_OPERATORS,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=full_precision_nodes(core),
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={
                    # Ranges are averaged over images: one outlier would make all steps coarser.
                    "CalibMovingAverage": True,
                    "CalibMovingAverageConstant": 0.02,
                    "TensorQuantOverrides": {
                        CORE_INPUT: [
                            {
                                "scale": np.array(1 / PIXEL_SCALE, np.float32),
                                "zero_point": np.array(PIXEL_ZERO, np.uint8),
                                "quant_type": QuantType.QUInt8,
                            }
                        ]
                    },
                },
            )
        finally:
            logging.getLogger().setLevel(level)
        model = onnx.load(path)
    _take_pixels(model, spec)
    onnx.checker.check_model(model)
    return model


def full_precision_nodes(model: onnx.ModelProto) -> list[str]:
    """Names the nodes that stay fp32: the last convolutions, and all that follows them."""
    reached: set[str] = set()
    names = []
    for node in model.graph.node:  # in topological order, as ONNX requires
        last = node.op_type == "Conv" and any(
            part in name for name in node.input for part in FULL_PRECISION_WEIGHTS
        )
        if last or reached.intersection(node.input):
            reached.update(node.output)
            names.append(node.name)
    return names


def _take_pixels(model: onnx.ModelProto, spec: InputSpec) -> None:
    """Replaces the input's QuantizeLinear by a Transpose of uint8 pixels."""
    first: Any = next(node for node in model.graph.node if CORE_INPUT in node.input)
    assert first.op_type == "QuantizeLinear", first.op_type
    model.graph.node.remove(first)
    pixels = helper.make_node("Transpose", [spec.name], [first.output[0]], perm=[0, 3, 1, 2])
    replace_input(model, [pixels], spec)
