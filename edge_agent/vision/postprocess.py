"""Turns the model's candidates into detections: score floor, calibration, non-maximum suppression.

Pure numpy. The model itself, and what an item is, are left to others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import Calibration, Postprocess

_EPSILON = 1e-6


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


def calibrated(scores: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Divides the scores' logits by the temperature.

    Args:
        scores: float32, any shape, 0..1.
        temperature: Above 1 makes scores less sure, below 1 surer.

    Returns:
        float32 of the same shape, 0..1.
    """
    bounded = np.clip(scores, _EPSILON, 1 - _EPSILON)
    logits = np.log(bounded / (1 - bounded)) / np.float32(temperature)
    result: NDArray[np.float32] = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
    return result


def select(candidates: Candidates, settings: Postprocess, calibration: Calibration) -> Kept:
    """Keeps the candidates at or above the score floor that no better one overlaps.

    The floor is meant on calibrated scores. As calibration keeps the order, the floor is taken
    back through it once, and only the few survivors are calibrated.
    """
    floor = np.float32(settings.score_floor)
    raw_floor = calibrated(np.array([floor]), 1 / calibration.temperature)[0]
    best = candidates.scores.max(axis=1)
    rows = np.flatnonzero(best >= raw_floor)
    rows = rows[np.argsort(-best[rows], kind="stable")]
    kept = suppress(candidates.boxes_xyxy_px[rows], settings.nms_iou, settings.max_detections)
    rows = rows[kept]
    return Kept(rows, calibrated(candidates.scores[rows], calibration.temperature))


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
    kept: list[int] = []
    alive = np.arange(len(boxes_xyxy_px))
    while len(alive) and len(kept) < max_kept:
        first, rest = alive[0], alive[1:]
        kept.append(int(first))
        overlaps = iou(boxes_xyxy_px[first : first + 1], boxes_xyxy_px[rest])[0]
        alive = rest[overlaps <= iou_above]
    return np.array(kept, dtype=np.int64)


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
