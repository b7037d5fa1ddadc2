"""Times a package's model by stage, and measures what it needs of memory, on this very machine."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import ModelPackage
from edge_agent.vision.detector import Detector

WARM_UPS: Final = 5
ROUNDS: Final = 60
FOOTPRINT_TIMEOUT_S: Final = 300


@dataclass(frozen=True)
class StageTimes:
    """Median times of one image, in milliseconds.

    Attributes:
        prepare_ms: From the picture to the model's input.
        infer_ms: The model alone.
        interpret_ms: From its outputs to detections.
        infer_p90_ms: The ninetieth percentile of the model alone.
    """

    prepare_ms: float
    infer_ms: float
    interpret_ms: float
    infer_p90_ms: float

    @property
    def whole_ms(self) -> float:
        """All stages."""
        return self.prepare_ms + self.infer_ms + self.interpret_ms


def time_stages(
    packages: Sequence[ModelPackage],
    pictures: Sequence[NDArray[np.uint8]],
    threads: int,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
) -> list[StageTimes]:
    """Times packages in turn, image by image, so that what else the machine does hits all alike.

    Args:
        packages: What to time.
        pictures: uint8 [H, W, 3] BGR, at least one.
        threads: Of onnxruntime.
        rounds: How many images each is timed on.
        clock: Gives seconds.
    """
    detectors = [Detector(package, threads) for package in packages]
    taken: list[list[tuple[float, float, float]]] = [[] for _ in packages]
    for number in range(WARM_UPS + rounds):
        picture = pictures[number % len(pictures)]
        for detector, times in zip(detectors, taken, strict=True):
            begin = clock()
            model_input, letterbox = detector.prepare(picture)
            prepared = clock()
            candidates = detector.infer(model_input)
            inferred = clock()
            detector.interpret(candidates, letterbox)
            end = clock()
            if number >= WARM_UPS:
                times.append((prepared - begin, inferred - prepared, end - inferred))
    return [_medians(times) for times in taken]


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def footprint_bytes(package: ModelPackage, image: Path) -> int | None:
    """Peak resident memory of a fresh process that loads the model and looks at one image.

    None where it cannot be measured.
    """
    command = [sys.executable, "-m", "training.evaluate.footprint", str(package.folder), str(image)]
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=FOOTPRINT_TIMEOUT_S,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        return int(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _medians(times: Sequence[tuple[float, float, float]]) -> StageTimes:
    table = np.array(times) * 1000
    prepare_ms, infer_ms, interpret_ms = np.median(table, axis=0).tolist()
    return StageTimes(prepare_ms, infer_ms, interpret_ms, float(np.quantile(table[:, 1], 0.9)))
