"""Which range of values each tensor of a model takes: what 256 steps of int8 are laid over.

The methods are onnxruntime's; the ranges are plain numbers, so that what was learnt (`tuning`)
can stand in their place.
"""

import contextlib
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, create_calibrator

from training.compress.settings import Calibration
from training.export import CORE_INPUT
from training.model.backbone import PIXEL_SCALE, PIXEL_ZERO

QUANTISED_OPERATORS = ["Conv", "Add", "Clip", "Relu", "MaxPool", "Resize"]
HISTOGRAM_IMAGES = 32
"""For percentiles and entropy so many do: every activation of each counts."""

_AT_ONCE = 4
"""Images whose activations are in memory together: some 30 MB each."""

Ranges = Mapping[str, tuple[float, float]]
"""Least and greatest value by the tensor's name."""


class Images(CalibrationDataReader):  # type: ignore[misc]
    """Hands images to onnxruntime as the core takes them."""

    def __init__(self, inputs: Iterable[NDArray[np.uint8]]) -> None:
        self._inputs: Iterator[NDArray[np.uint8]] = iter(inputs)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Returns the next input of the core, or None after the last."""
        pixels = next(self._inputs, None)
        return None if pixels is None else {CORE_INPUT: core_input(pixels)}


def core_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turns uint8 [1, H, W, 3] into float32 [1, 3, H, W] as an exported core takes it."""
    centred = pixels.astype(np.float32).transpose(0, 3, 1, 2) - np.float32(PIXEL_ZERO)
    return np.ascontiguousarray(centred / np.float32(PIXEL_SCALE))


def observe(
    core: onnx.ModelProto,
    inputs: Sequence[NDArray[np.uint8]],
    calibrations: Sequence[Calibration],
) -> dict[Calibration, Ranges]:
    """Lets the core look at images and returns the ranges of its tensors, by method.

    Args:
        core: From `export_core`.
        inputs: Each uint8 [1, H, W, 3], BGR, as the detector prepares them.
        calibrations: Which methods; those that share what they look at look once.
    """
    found: dict[Calibration, Ranges] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder) / "core.onnx"
        path.write_bytes(core.SerializeToString())
        if "average" in calibrations:
            # Of all images at once onnxruntime's moving average is the plain mean.
            averaged = _calibrator(path, CalibrationMethod.MinMax, moving_average=True)
            averaged.collect_data(Images(inputs))
            found["average"] = _ranges(averaged)
        if "minmax" in calibrations:
            extremes = _calibrator(path, CalibrationMethod.MinMax)
            extremes.collect_data(Images(inputs))
            found["minmax"] = _ranges(extremes)
        if shares := [name for name in calibrations if name.startswith("percentile_")]:
            histograms = _calibrator(path, CalibrationMethod.Percentile, symmetric=False)
            _collect(histograms, inputs[:HISTOGRAM_IMAGES])
            for name in shares:
                histograms.collector.percentile = float(name.removeprefix("percentile_"))
                found[name] = _ranges(histograms)
        if "entropy" in calibrations:
            informed = _calibrator(path, CalibrationMethod.Entropy, symmetric=False)
            _collect(informed, inputs[:HISTOGRAM_IMAGES])
            found["entropy"] = _ranges(informed)
    return found


def _calibrator(path: Path, method: CalibrationMethod, **options: bool) -> Any:
    augmented = str(path.with_name("augmented.onnx"))
    made = create_calibrator(
        path, QUANTISED_OPERATORS, augmented, method, extra_options=dict(options)
    )
    made.set_execution_providers(["CPUExecutionProvider"])
    return made


def _collect(calibrator: Any, inputs: Sequence[NDArray[np.uint8]]) -> None:
    for first in range(0, len(inputs), _AT_ONCE):
        calibrator.collect_data(Images(inputs[first : first + _AT_ONCE]))


def _ranges(calibrator: Any) -> Ranges:
    data = calibrator.compute_data()
    ranges = {}
    for name in data.keys():  # noqa: SIM118 - it is onnxruntime's, no mapping
        low, high = data[name].range_value
        ranges[name] = (np.asarray(low).item(), np.asarray(high).item())
    return ranges
