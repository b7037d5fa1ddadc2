"""Shows which pixels carry a class score, by hiding parts of the picture and looking again.

Works on the file that ships, which has no gradients: occlusion sensitivity (Zeiler and Fergus,
"Visualizing and Understanding Convolutional Networks", ECCV 2014), coarse first and finer where
that tells something. A hundred looks of the model, about a second.
"""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.vision.detector import Detector
from edge_agent.vision.postprocess import calibrated, iou

COARSE = 8
"""The region is cut into so many cells each way. Squares of two by two are hidden first..."""

FINE_CELLS = 8
"""...then each of so many cells that tell most is hidden quarter by quarter."""

MARGIN_SHARE = 0.5
"""The region reaches so far beyond the box, as a share of its sides: what lies beside it counts."""

SAME_IOU = 0.3


@dataclass(frozen=True, eq=False)
class Saliency:
    """What a class score rests on.

    Attributes:
        region_xyxy_px: The part of the picture that was looked at.
        heat: float32 [H, W] of the region's size, 0..1: how much of the score is lost where that
            pixel is hidden.
        score: The class score with nothing hidden, 0..1.
        inside_share: Share of the heat that lies in the item's box; None where there is none.
        looks: How often the model looked.
    """

    region_xyxy_px: tuple[int, int, int, int]
    heat: NDArray[np.float32]
    score: float
    inside_share: float | None
    looks: int


def explain(
    detector: Detector, image_bgr: NDArray[np.uint8], box_xyxy_px: BoxXyxyPx, class_index: int
) -> Saliency:
    """Finds out what the score of a class rests on, for an object in a picture.

    Args:
        detector: Whose model looks.
        image_bgr: uint8 [height, width, 3], BGR.
        box_xyxy_px: The object.
        class_index: The class.
    """
    looks = _Looks(detector, image_bgr, box_xyxy_px, class_index)
    region = _region(box_xyxy_px, image_bgr.shape[1], image_bgr.shape[0])
    score = looks.score(())
    if score <= 0:
        nothing = _stretched(np.zeros((COARSE, COARSE)), region)
        return Saliency(region, nothing, 0.0, None, looks.count)
    xs = np.linspace(region[0], region[2], COARSE + 1).round().astype(int)
    ys = np.linspace(region[1], region[3], COARSE + 1).round().astype(int)
    lost = np.ones((COARSE, COARSE))
    for row, column in product(range(-1, COARSE), range(-1, COARSE)):
        rows = slice(max(row, 0), min(row + 2, COARSE))
        columns = slice(max(column, 0), min(column + 2, COARSE))
        square = (xs[columns.start], ys[rows.start], xs[columns.stop], ys[rows.stop])
        # A cell carries what is lost with every square that hides it: its neighbours' part is not
        # its own.
        lost[rows, columns] = np.minimum(lost[rows, columns], looks.lost(score, square))
    fine: NDArray[np.float64] = lost.repeat(2, axis=0).repeat(2, axis=1)
    for cell in np.argsort(-lost, axis=None, kind="stable")[:FINE_CELLS]:
        row, column = divmod(int(cell), COARSE)
        if lost[row, column] <= 0:
            break
        parts = _quarters(looks, score, xs[column : column + 2], ys[row : row + 2])
        parts += lost[row, column] / 2  # a quarter by itself may cost little
        fine[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] *= parts / parts.mean()
    heat = _stretched(fine, region)
    return Saliency(region, heat, score, _inside(heat, region, box_xyxy_px), looks.count)


class _Looks:
    """Asks the model for one object's class score in a picture of which parts are hidden."""

    def __init__(
        self, detector: Detector, image_bgr: NDArray[np.uint8], box: BoxXyxyPx, class_index: int
    ) -> None:
        self._detector, self._class_index = detector, class_index
        model_input, self._letterbox = detector.prepare(image_bgr)
        self._input = model_input.copy()
        self._box = self._letterbox.to_input(np.array([box], np.float32))
        used = self._input[
            0, : self._letterbox.used_height_px, : self._letterbox.used_width_px
        ].reshape(-1, 3)
        # What hides must not look like anything: the picture's usual colour, as the belt's is.
        self._colour = np.median(used, axis=0).astype(np.uint8)
        self.count = 0

    def score(self, hidden: tuple[tuple[int, int, int, int], ...]) -> float:
        """The calibrated score, 0..1, with regions (xyxy in image pixels) hidden."""
        shown = self._input
        if hidden:
            shown = shown.copy()
            boxes = self._letterbox.to_input(np.array(hidden, np.float32))
            for left, top, right, bottom in np.rint(boxes).astype(int):
                shown[0, top:bottom, left:right] = self._colour
        candidates = self._detector.infer(shown)
        self.count += 1
        is_it = iou(candidates.boxes_xyxy_px, self._box)[:, 0] >= SAME_IOU
        if not is_it.any():
            return 0.0
        scores = calibrated(candidates.scores[is_it], self._detector.manifest.calibration)
        return float(scores[:, self._class_index].max())

    def lost(self, whole: float, hidden: tuple[int, int, int, int]) -> float:
        """Share of the score that is lost with a region hidden, 0..1."""
        return max(0.0, 1 - self.score((hidden,)) / whole)


def _quarters(
    looks: _Looks, score: float, xs: NDArray[np.int64], ys: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What the score loses with each quarter of a cell hidden, [2, 2]."""
    mid_x, mid_y = int(xs.mean()), int(ys.mean())
    spans_x, spans_y = ((xs[0], mid_x), (mid_x, xs[1])), ((ys[0], mid_y), (mid_y, ys[1]))
    return np.array(
        [
            [looks.lost(score, (left, top, right, bottom)) for left, right in spans_x]
            for top, bottom in spans_y
        ]
    )


def _region(box: BoxXyxyPx, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    dx, dy = MARGIN_SHARE * (right - left), MARGIN_SHARE * (bottom - top)
    x0, y0 = max(0, int(left - dx)), max(0, int(top - dy))
    x1, y1 = min(width_px, int(right + dx) + 1), min(height_px, int(bottom + dy) + 1)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _stretched(
    values: NDArray[np.float64], region: tuple[int, int, int, int]
) -> NDArray[np.float32]:
    size = (region[2] - region[0], region[3] - region[1])
    wide = cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(wide, 0, 1), np.float32)


def _inside(
    heat: NDArray[np.float32], region: tuple[int, int, int, int], box: BoxXyxyPx
) -> float | None:
    left, top, right, bottom = (round(side) for side in box)
    x0, y0 = region[:2]
    total = float(heat.sum())
    within = heat[max(0, top - y0) : bottom - y0, max(0, left - x0) : right - x0]
    return float(within.sum()) / total if total > 0 else None
