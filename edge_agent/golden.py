"""Proves that a model finds on this processor what it found where it was made."""

from collections.abc import Sequence

import cv2
import numpy as np

from beltmark.contract.errors import InputError
from beltmark.contract.package import GoldenExpectation, GoldenSet, ModelPackage
from edge_agent.vision.detector import Detection, Detector


def check_golden_images(package: ModelPackage, detector: Detector) -> int:
    """Runs the package's golden images; returns how many there are.

    Raises:
        InputError: An image is unreadable, or something expected is not found on it.
    """
    golden = package.golden()
    for expectation in golden.images:
        path = package.folder / expectation.image
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError("is no picture", "copy the package anew", file=path)
        found = detector.detect(np.asarray(image, np.uint8))
        missing = _first_missing(expectation, golden, found)
        if missing is not None:
            raise InputError(
                f"the model does not find the {missing} that it found where it was made",
                "use a package that was made for this processor",
                file=path,
            )
    return len(golden.images)


def _first_missing(
    expectation: GoldenExpectation, golden: GoldenSet, found: Sequence[Detection]
) -> str | None:
    for class_name, box, score in zip(
        expectation.class_names, expectation.boxes_xyxy_px, expectation.scores, strict=True
    ):
        agrees = any(
            d.class_name == class_name
            and abs(d.score - score) <= golden.score_tolerance
            and max(abs(a - b) for a, b in zip(d.box_xyxy_px, box, strict=True))
            <= golden.box_tolerance_px
            for d in found
        )
        if not agrees:
            return f"{class_name} at {', '.join(f'{edge:.0f}' for edge in box)}"
    return None
