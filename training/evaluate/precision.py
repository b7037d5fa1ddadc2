"""Average precision as COCO defines it, and the precision/coverage curve; pure.

Lin et al., "Microsoft COCO", ECCV 2014; 101 points of recall, one area range, 100 detections.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import CurvePoint
from training.evaluate.matching import Found, Truth, of_class, pair

IOU_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
RECALL_POINTS = np.linspace(0, 1, 101)
ANSWER_IOU = 0.5


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision over classes that occur.

    Attributes:
        ap50: At IoU 0.5.
        ap50_95: Mean over IoU 0.5 to 0.95.
        ap50_by_class: By class name; classes that do not occur are left out.
        objects: By class name, how many there are.
    """

    ap50: float
    ap50_95: float
    ap50_by_class: dict[str, float]
    objects: dict[str, int]


def average_precision(
    found: Sequence[Found], truths: Sequence[Truth], class_names: Sequence[str]
) -> AveragePrecision:
    """Measures detections, already freed of those that are not judged, against the truth."""
    table = np.full((len(class_names), len(IOU_THRESHOLDS)), np.nan)
    objects = {}
    for label, name in enumerate(class_names):
        count = sum(int((truth.labels == label).sum()) for truth in truths)
        if not count:
            continue
        objects[name] = count
        ours = of_class(found, label)
        theirs = [_only_label(truth, label) for truth in truths]
        for column, threshold in enumerate(IOU_THRESHOLDS):
            table[label, column] = _one(ours, theirs, threshold, count)
    if not objects:
        return AveragePrecision(0.0, 0.0, {}, {})
    by_class = {name: float(table[list(class_names).index(name), 0]) for name in objects}
    return AveragePrecision(
        float(np.nanmean(table[:, 0])), float(np.nanmean(table)), by_class, objects
    )


def _one(found: Sequence[Found], truths: Sequence[Truth], threshold: float, count: int) -> float:
    scores = np.concatenate([each.scores for each in found])
    right = np.concatenate(
        [pair(each, truth, threshold) >= 0 for each, truth in zip(found, truths, strict=True)]
    )
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    recall = hits / count
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALL_POINTS, side="left")
    values = np.append(envelope, 0.0)[at]
    return float(values.mean())


def _only_label(truth: Truth, label: int) -> Truth:
    chosen = truth.labels == label
    return Truth(truth.boxes[chosen], truth.labels[chosen], truth.ignored)


@dataclass(frozen=True, eq=False)
class Answers:
    """Every answer that a model gave, over all images.

    An answer is a detection of a product; one of the class that means none of these is none.

    Attributes:
        scores: float32 [K].
        right: bool [K], it lies on an object of its class that no better answer lies on.
        on_object: bool [K], it lies on some product.
        objects: How many products there are.
    """

    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    on_object: NDArray[np.bool_]
    objects: int


def answers(found: Sequence[Found], truths: Sequence[Truth], none_of_these: int | None) -> Answers:
    """Judges each detection as the answer to what the object under it is."""
    scores, right, on_object = [], [], []
    objects = 0
    for each, truth in zip(found, truths, strict=True):
        pairs = pair(each, truth, ANSWER_IOU)
        labels = np.append(truth.labels, -1)[pairs]
        given = each.labels != -2 if none_of_these is None else each.labels != none_of_these
        scores.append(each.scores[given])
        right.append((labels == each.labels)[given])
        on_object.append(((labels >= 0) & (labels != _or_none(none_of_these)))[given])
        objects += int((truth.labels != _or_none(none_of_these)).sum())
    return Answers(
        np.concatenate(scores), np.concatenate(right), np.concatenate(on_object), objects
    )


def curve(given: Answers, thresholds: Sequence[float]) -> tuple[CurvePoint, ...]:
    """Tells precision and coverage at each threshold; no answers at all count as precise."""
    points = []
    for threshold in thresholds:
        chosen = given.scores >= threshold
        count = int(chosen.sum())
        points.append(
            CurvePoint(
                threshold=threshold,
                precision=float(given.right[chosen].mean()) if count else 1.0,
                coverage=float(given.on_object[chosen].sum() / max(given.objects, 1)),
            )
        )
    return tuple(points)


def threshold_for(points: Sequence[CurvePoint], target_precision: float) -> CurvePoint | None:
    """Returns the point of most coverage from which on precision stays at the target; or None."""
    chosen = None
    for point in sorted(points, key=lambda point: -point.threshold):
        if point.precision < target_precision:
            break
        chosen = point
    return chosen if chosen is not None and chosen.coverage > 0 else None


def _or_none(label: int | None) -> int:
    return -3 if label is None else label
