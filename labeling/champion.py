"""What the champion's package sees in an image: boxes for people to correct, and its doubt."""

import threading
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from beltmark.contract.package import load_package
from edge_agent.vision.detector import Detection, Detector
from labeling.exporting import predicted_region
from labeling.samples import Seen
from labeling.selection import uncertainty

MIN_SCORE: Final = 0.25
_VERSION: Final = "1"
"""Raised when something else is made of what a package sees: looks that were kept are old then."""


class Champion:
    """A loaded package. For use from any thread.

    Args:
        folder: The package.
        class_names: The project's classes: what the model calls otherwise is not shown to people.
        min_score: Likewise boxes of a lower probability: to remove one costs more than to draw it.

    Raises:
        InputError: The package is missing or damaged.
    """

    def __init__(self, folder: Path, class_names: Set[str], min_score: float = MIN_SCORE) -> None:
        package = load_package(folder)
        self._detector = Detector(package)
        self._lock = threading.Lock()
        self._class_names = class_names
        self._min_score = min_score
        self._key = f"{_VERSION} {package.digest} {onnxruntime.__version__} {min_score:g}"
        self.version = f"{package.manifest.name} {package.digest[:12]}"
        self.classes = frozenset(self._detector.classes)

    def key(self, class_names: Set[str]) -> str:
        """Tells what it shows to a project of these classes from what others do; see `Looks`."""
        return f"{self._key} {' '.join(sorted(class_names))}"

    def look(self, image_bgr: NDArray[np.uint8], class_names: Set[str] | None = None) -> Seen:
        """Looks at one image.

        Args:
            image_bgr: uint8 [H, W, 3] 0..255 BGR.
            class_names: Of the project that asks, where they are not those of the start.
        """
        known = self._class_names if class_names is None else class_names
        with self._lock:
            detections = self._detector.detect(image_bgr)
        size = (image_bgr.shape[1], image_bgr.shape[0])
        regions = []
        for index, each in enumerate(detections):
            left, top, right, bottom = each.box_xyxy_px
            if each.class_name not in known or each.score < self._min_score:
                continue
            if right <= left or bottom <= top:
                continue
            box = (left, top, right - left, bottom - top)
            region = predicted_region(f"model-{index}", each.class_name, box, size)
            regions.append({**region, "score": round(min(max(each.score, 0.0), 1.0), 6)})
        doubt = uncertainty([each.class_scores.tolist() for each in detections])
        prediction: dict[str, Any] = {"model_version": self.version, "result": regions}
        if regions:
            prediction["score"] = min(region["score"] for region in regions)
        return Seen(doubt, prediction, _embedding(detections))


def _embedding(detections: Sequence[Detection]) -> NDArray[np.float32] | None:
    """Returns what an image looks like: the mean of what its objects do, by their scores."""
    total = sum((each.score * each.embedding for each in detections), np.zeros(1, np.float32))
    length = float(np.linalg.norm(total))
    return np.asarray(total / length, np.float32) if length > 0 else None
