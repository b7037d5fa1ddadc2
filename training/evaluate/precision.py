"""Average precision by name, and the precision/coverage curve; pure.

How average precision is computed stands in `matches`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import CurvePoint
from training.evaluate.matches import Matches, average, precisions
from training.evaluate.matching import Found, Truth, labels_under

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


def average_precision(matches: Matches, class_names: Sequence[str]) -> AveragePrecision:
    """Names the average precision of matched detections; 0 where no class occurs."""
    table = precisions(matches)
    objects = {
        name: int(one.objects.sum())
        for name, one in zip(class_names, matches.classes, strict=True)
        if one.objects.any()
    }
    if not objects:
        return AveragePrecision(0.0, 0.0, {}, {})
    by_class = {name: float(table[list(class_names).index(name), 0]) for name in objects}
    return AveragePrecision(average(table[:, 0]), average(table), by_class, objects)


@dataclass(frozen=True, eq=False)
class Answers:
    """Every answer that a model gave, over all images.

    An answer is a detection of a product; one of the class that means none of these is none. Of an
    image that is judged as a whole, only the best detection is an answer.

    Attributes:
        scores: float32 [K].
        right: bool [K], it lies on an object of its class that no better answer lies on.
        on_object: bool [K], it lies on some product.
        images: int64 [K], the image of each, rising.
        objects: How many products there are.
    """

    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    on_object: NDArray[np.bool_]
    images: NDArray[np.int64]
    objects: int


def answers(found: Sequence[Found], truths: Sequence[Truth], none_of_these: int | None) -> Answers:
    """Judges each detection as the answer to what the object under it is."""
    scores, right, on_object, counts = [], [], [], []
    objects = 0
    for each, truth in zip(found, truths, strict=True):
        labels = labels_under(each, truth, ANSWER_IOU)
        given = is_product(each.labels, none_of_these)
        if truth.is_whole:
            given[1:] = False
        scores.append(each.scores[given])
        right.append((labels == each.labels)[given])
        on_object.append(is_product(labels, none_of_these)[given])
        counts.append(int(given.sum()))
        objects += int(is_product(truth.asked, none_of_these).sum())
    return Answers(
        np.concatenate(scores),
        np.concatenate(right),
        np.concatenate(on_object),
        np.repeat(np.arange(len(counts)), counts),
        objects,
    )


def is_product(labels: NDArray[np.int64], none_of_these: int | None) -> NDArray[np.bool_]:
    """Returns which labels, int64 [K], are products that the model knows, bool [K]."""
    known: NDArray[np.bool_] = labels >= 0
    return known if none_of_these is None else known & (labels != none_of_these)


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
