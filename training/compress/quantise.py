"""Makes the exported model int8: static QDQ, weights per channel; which ranges is left to others.

Three things differ from the quantiser's defaults. The input's scale and zero point are those of the
ImageNet normalisation, so that its QuantizeLinear can be replaced by a Transpose of the camera's
pixels and no float work is left in front of the first convolution. The last convolutions and all
that decodes their answers stay fp32: they cost next to nothing, and 256 steps are too coarse for
distances and small scores. Outputs stay apart, each with its own range.
"""

import logging
import tempfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data

from beltmark.contract.package import InputSpec
from training.compress.ranges import QUANTISED_OPERATORS, Ranges
from training.export import CORE_INPUT, replace_input, with_pixels
from training.model.backbone import PIXEL_SCALE, PIXEL_ZERO

FULL_PRECISION_WEIGHTS = (".distance.", ".logit.")
"""Parts of the names of the weights whose convolutions, and all after them, stay fp32."""


def quantise(
    core: onnx.ModelProto, ranges: Ranges, spec: InputSpec, in_float: Collection[str] = ()
) -> onnx.ModelProto:
    """Makes an int8 model that takes the camera's pixels.

    Args:
        core: From `export_core`.
        ranges: Of its tensors, from `observe`.
        spec: The model's input.
        in_float: Nodes that stay fp32, besides the last ones.

    Returns:
        A model from uint8 [1, H, W, 3] to the package's named outputs.
    """
    return behind_pixels(quantise_core(core, ranges, in_float), spec)


def behind_pixels(quantised: onnx.ModelProto, spec: InputSpec) -> onnx.ModelProto:
    """Puts the camera's pixels, uint8 [1, H, W, 3], before what `quantise_core` made."""
    model = onnx.ModelProto()
    model.CopyFrom(quantised)
    first = next(node for node in model.graph.node if CORE_INPUT in node.input)
    if first.op_type != "QuantizeLinear":  # the first convolution stays fp32
        return with_pixels(model, spec)
    # Pixels are what quantising the normalised image would give: only their order changes.
    model.graph.node.remove(first)
    pixels = helper.make_node("Transpose", [spec.name], [first.output[0]], perm=[0, 3, 1, 2])
    replace_input(model, [pixels], spec)
    onnx.checker.check_model(model)
    return model


def quantise_core(
    core: onnx.ModelProto, ranges: Ranges, in_float: Collection[str] = ()
) -> onnx.ModelProto:
    """Makes an int8 model that takes normalised images, float32 [1, 3, H, W], as the core does."""
    source = onnx.ModelProto()
    source.CopyFrom(core)  # the quantiser moves the weights of what it is given into files
    level = logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        path, kept = Path(folder) / "int8.onnx", Path(folder) / "ranges.json"
        tensors = {name: tuple(map(np.float32, pair)) for name, pair in ranges.items()}
        save_tensors_data(TensorsData(CalibrationMethod.MinMax, tensors), kept)
        logging.getLogger().setLevel(logging.ERROR)  # the quantiser advises on the root logger
        try:
            quantize_static(
                source,
                path,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=QUANTISED_OPERATORS,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=[*full_precision_nodes(core), *in_float],
                calibrate_method=CalibrationMethod.MinMax,
                calibration_cache_path=kept,
                extra_options={
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
        return onnx.load(path)


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
