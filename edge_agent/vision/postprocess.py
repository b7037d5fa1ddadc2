"""Turns the model's candidates into detections: score floor, calibration, non-maximum suppression.

Pure. The model itself, and what an item is, are left to others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import Calibration, Postprocess

_EPSILON = 1e-6
_TINY = np.float32(1e-30)
"""Stands for a probability of 0, which has no logarithm."""


@dataclass(frozen=True)
class Candidates:
    """The model's outputs for one image, N candidate places.

    Attributes:
        boxes_xyxy_px: float32 [N, 4] in input pixels.
        scores: float32 [N, C], 0..1, before calibration.
        embedding: float32 [N, D].
    """

    boxes_xyxy_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    embedding: NDArray[np.float32]


@dataclass(frozen=True)
class Kept:
    """The candidates that stay, best first.

    Attributes:
        rows: int64 [K], their rows among the candidates.
        class_scores: float32 [K, C], 0..1, calibrated.
    """

    rows: NDArray[np.int64]
    class_scores: NDArray[np.float32]


def calibrated(scores: NDArray[np.float32], calibration: Calibration) -> NDArray[np.float32]:
    """Divides the scores' logits by the temperature.

    Args:
        scores: float32 [..., C], 0..1; where classes are weighed together, all of them.
        calibration: A temperature above 1 makes scores less sure, below 1 surer.

    Returns:
        float32 of the same shape, 0..1, each row in the same order.
    """
    temperature = np.float32(calibration.temperature)
    if calibration.method == "softmax_temperature":
        logits = np.log(np.maximum(scores, _TINY)) / temperature
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares: NDArray[np.float32] = weights / weights.sum(axis=-1, keepdims=True)
        return shares
    bounded = np.minimum(np.maximum(scores, _EPSILON), 1 - _EPSILON)
    logits = np.log(bounded / (1 - bounded)) / temperature
    result: NDArray[np.float32] = 1 / (1 + np.exp(np.minimum(-logits, 60)))
    return result


def uncalibrated(scores: NDArray[np.float32], calibration: Calibration) -> NDArray[np.float32]:
    """Returns the scores, float32 [..., C], that calibration made these of."""
    return calibrated(scores, _inverse(calibration))


def _inverse(calibration: Calibration) -> Calibration:
    return calibration.model_copy(update={"temperature": 1 / calibration.temperature})


def select(candidates: Candidates, settings: Postprocess, calibration: Calibration) -> Kept:
    """Keeps the candidates at or above the score floor that no better one overlaps.

    A candidate with a box edge or a score that is not a finite number is left out. The floor is
    meant on calibrated scores. As calibration of single scores keeps the order, the floor is taken
    back through it once, and only the few survivors are calibrated. Classes that are weighed
    together are calibrated first.
    """
    scores, raw_floor = candidates.scores, np.float32(settings.score_floor)
    is_first = calibration.method == "softmax_temperature"
    if is_first:
        scores = calibrated(scores, calibration)
    else:
        raw_floor = _raw_floor(settings.score_floor, calibration.temperature)
    # Few of the many scores reach the floor; one by one they are handled faster than as arrays.
    places = (scores >= raw_floor).ravel().nonzero()[0]
    best: dict[int, float] = {}
    for place, score in zip(places.tolist(), scores.ravel()[places].tolist(), strict=True):
        row = place // scores.shape[1]
        best[row] = max(score, best.get(row, 0.0))
    rows = np.array(sorted(best, key=best.__getitem__, reverse=True), np.int64)
    # What is not a number overlaps nothing and has no order: it would mislead the tracker.
    is_number = np.isfinite(np.hstack([candidates.boxes_xyxy_px[rows], scores[rows]])).all(axis=1)
    rows = rows[is_number]
    kept = suppress(candidates.boxes_xyxy_px[rows], settings.nms_iou, settings.max_detections)
    rows = rows[kept]
    return Kept(rows, scores[rows] if is_first else calibrated(scores[rows], calibration))


@lru_cache
def _raw_floor(score: float, temperature: float) -> np.float32:
    """The score that calibration turns into this one; a floor of 0 is none."""
    if score <= 0:
        return np.float32(0)
    calibration = Calibration(temperature=temperature)
    raw: np.float32 = uncalibrated(np.array([score], np.float32), calibration)[0]
    return raw


def suppress(
    boxes_xyxy_px: NDArray[np.float32], iou_above: float, max_kept: int
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression across classes.

    Args:
        boxes_xyxy_px: float32 [N, 4], best first.
        iou_above: A box that overlaps a kept one by more than this is dropped.
        max_kept: Stop after so many.

    Returns:
        int64 [K], rows that stay, best first.
    """
    kept: dict[int, list[float]] = {}
    for row, box in enumerate(boxes_xyxy_px.tolist()):
        if len(kept) == max_kept:
            break
        for better in kept.values():
            if _iou(box, better) > iou_above:
                break
        else:
            kept[row] = box
    return np.array(list(kept), dtype=np.int64)


def _iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes xyxy: what `iou` is for many, without arrays."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def iou(a_xyxy: NDArray[np.float32], b_xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of each pair: float32 [A, 4] and [B, 4] give [A, B], 0..1."""
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [
        np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (a_xyxy, b_xyxy)
    ]
    union = areas[0][:, None] + areas[1][None, :] - shared
    result: NDArray[np.float32] = shared / np.maximum(union, np.float32(_EPSILON))
    return result
