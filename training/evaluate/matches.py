"""Matches detections with objects as COCO does, once; average precision follows from it quickly.

Lin et al., "Microsoft COCO", ECCV 2014, as pycocotools' COCOeval computes it: class by class, the
100 best detections of an image, best first, each to the free object that it overlaps most; 101
points of recall. Matching is done image by image, so a bootstrap only counts images differently
and need not match again.

What differs from COCO: `ignore` regions. COCO's crowds belong to a class, take any number of its
detections that found no object, and ask for a share of the detection that rises with the IoU
threshold. Ours belong to no class, and take a detection with half of its area inside before
anything is matched, unless it overlaps an object of its class by half (`matching.judged`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.evaluate.bootstrap import Rows, Statistic
from training.evaluate.matching import Found, Truth

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10, dtype=np.float64)
RECALL_POINTS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100
"""Of a class, in an image."""

AreaRange = tuple[float, float]
ANY_AREA: AreaRange = (0.0, float("inf"))


@dataclass(frozen=True, eq=False)
class ClassMatches:
    """What became of the detections of one class, over all images; surest first.

    Attributes:
        scores: float32 [K], falling.
        images: int64 [K], the row of the image of each.
        hit: bool [T, K], at each IoU threshold: it is on an object that no surer one is on.
        ignored: bool [T, K], it counts neither for nor against.
        objects: int64 [N], how many objects of the class are judged in each image.
    """

    scores: NDArray[np.float32]
    images: NDArray[np.int64]
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: NDArray[np.int64]

    @cached_property
    def hit_rows(self) -> tuple[NDArray[np.int64], ...]:
        """The rows that count as hits at each threshold; between them, precision only falls."""
        return tuple(np.flatnonzero(row) for row in self.hit & ~self.ignored)

    @cached_property
    def is_all_judged(self) -> bool:
        """Whether every detection counts, at every threshold."""
        return not self.ignored.any()


@dataclass(frozen=True, eq=False)
class Matches:
    """All classes' matches.

    Attributes:
        classes: In the model's order.
        images: How many images there are.
        iou_thresholds: float64 [T].
    """

    classes: tuple[ClassMatches, ...]
    images: int
    iou_thresholds: NDArray[np.float64]


def match(
    found: Sequence[Found],
    truths: Sequence[Truth],
    class_count: int,
    area_px: AreaRange | Sequence[AreaRange] = ANY_AREA,
    iou_thresholds: NDArray[np.float64] = IOU_THRESHOLDS,
) -> Matches:
    """Matches every image's detections, already freed of those that are not judged.

    Args:
        found: Of each image, best first.
        truths: Of each image; objects of classes that the model does not know match nothing.
        class_count: How many classes the model knows.
        area_px: Only objects of this size are judged, in square pixels, both ends included; one
            range, or one for each image.
        iou_thresholds: float64 [T].
    """
    ranges = [area_px] * len(found) if isinstance(area_px, tuple) else area_px
    objects = np.zeros((class_count, len(found)), np.int64)
    parts: list[list[tuple[int, _ImageMatches]]] = [[] for _ in range(class_count)]
    for row, (each, truth, area) in enumerate(zip(found, truths, ranges, strict=True)):
        for label in {*each.labels.tolist(), *truth.labels.tolist()}:
            if not 0 <= label < class_count:
                continue
            one = _match_image(each, truth, label, area, iou_thresholds)
            objects[label, row] = one.objects
            parts[label].append((row, one))
    classes = tuple(
        _joined(parts[label], objects[label], len(iou_thresholds)) for label in range(class_count)
    )
    return Matches(classes, len(found), iou_thresholds)


def precisions(matches: Matches, rows: Rows | None = None) -> NDArray[np.float64]:
    """Returns average precision, float64 [C, T]; NaN for classes that do not occur.

    Args:
        matches: Of all images.
        rows: Which images count, repeated ones as often; without it, each once.
    """
    counts = _counts(matches, rows)
    table = np.full((len(matches.classes), len(matches.iou_thresholds)), np.nan)
    for label, one in enumerate(matches.classes):
        total = float(counts @ one.objects)
        if not total:
            continue
        weights = counts[one.images]
        told = np.cumsum(weights)
        for column, hits in enumerate(one.hit_rows):
            if not one.is_all_judged:
                told = np.cumsum(np.where(one.ignored[column], 0.0, weights))
            table[label, column] = _precision(weights[hits], told[hits], total)
    return table


def recalls(matches: Matches, rows: Rows | None = None) -> NDArray[np.float64]:
    """Returns the recall of all detections, float64 [C, T]; its mean over T is COCO's AR100."""
    counts = _counts(matches, rows)
    table = np.full((len(matches.classes), len(matches.iou_thresholds)), np.nan)
    for label, one in enumerate(matches.classes):
        total = float(counts @ one.objects)
        if total:
            table[label] = (one.hit & ~one.ignored) @ counts[one.images] / total
    return table


def average(table: NDArray[np.float64]) -> float:
    """Returns the mean over classes that occur, float64 of any shape; NaN where none does."""
    known = table[np.isfinite(table)]
    return float(known.mean()) if len(known) else float("nan")


def ap_statistic(matches: Matches, iou_threshold: float | None = None) -> Statistic:
    """Returns what a bootstrap takes: AP50-95 of rows of images, or AP at one IoU threshold."""
    chosen = matches if iou_threshold is None else at_threshold(matches, iou_threshold)
    return lambda rows: average(precisions(chosen, rows))


def at_threshold(matches: Matches, iou_threshold: float) -> Matches:
    """Returns the matches at one IoU threshold only."""
    column = int(np.abs(matches.iou_thresholds - iou_threshold).argmin())
    only = slice(column, column + 1)
    classes = tuple(
        ClassMatches(one.scores, one.images, one.hit[only], one.ignored[only], one.objects)
        for one in matches.classes
    )
    return Matches(classes, matches.images, matches.iou_thresholds[only])


def _counts(matches: Matches, rows: Rows | None) -> NDArray[np.float64]:
    if rows is None:
        return np.ones(matches.images)
    return np.bincount(rows, minlength=matches.images).astype(np.float64)


def _precision(hits: NDArray[np.float64], told: NDArray[np.float64], total: float) -> float:
    """Average precision of one class at one threshold.

    Args:
        hits: float64 [H], how often each hit counts, surest first.
        told: float64 [H], how many answers there are up to each hit.
        total: How many objects there are.
    """
    if not len(hits):
        return 0.0
    right = np.cumsum(hits)
    envelope = np.maximum.accumulate((right / np.maximum(told, 1))[::-1])[::-1]
    at = np.searchsorted(right / total, RECALL_POINTS, side="left")
    return float(np.append(envelope, 0.0)[at].mean())


@dataclass(frozen=True, eq=False)
class _ImageMatches:
    """One class in one image; as in `ClassMatches`."""

    scores: NDArray[np.float32]
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: int


def _match_image(
    found: Found,
    truth: Truth,
    label: int,
    area: AreaRange,
    thresholds: NDArray[np.float64],
) -> _ImageMatches:
    rows = np.flatnonzero(found.labels == label)[:MAX_DETECTIONS]
    boxes = found.boxes[rows].astype(np.float64)
    objects = truth.boxes[truth.labels == label].astype(np.float64)
    outside = _is_outside(objects, area)
    order = np.argsort(outside, kind="stable")  # those that are judged come first
    objects, outside = objects[order], outside[order]
    hit = np.zeros((len(thresholds), len(rows)), bool)
    ignored = np.zeros_like(hit)
    ignored[:] = _is_outside(boxes, area)
    if len(objects) and len(boxes):
        near = _near(overlaps_of(boxes, objects), float(thresholds.min()))
        for index, threshold in enumerate(thresholds.tolist()):
            for row, column in _pairs(near, outside.tolist(), min(threshold, 1 - 1e-10)):
                hit[index, row] = True
                ignored[index, row] = outside[column]
    return _ImageMatches(found.scores[rows], hit, ignored, int((~outside).sum()))


_Near = list[tuple[int, list[tuple[int, float]]]]
"""Detections with the objects that they overlap, and how much."""


def _near(overlaps: NDArray[np.float64], least: float) -> _Near:
    fits = overlaps >= min(least, 1 - 1e-10)
    return [
        (int(row), [(int(c), float(overlaps[row, c])) for c in np.flatnonzero(fits[row])])
        for row in np.flatnonzero(fits.any(axis=1))
    ]


def _pairs(near: _Near, outside: list[bool], least: float) -> Iterator[tuple[int, int]]:
    """Pairs detections, best first, with free objects; of equal overlaps the last, as COCO does.

    An object that is not judged takes a detection only if none that is judged can.
    """
    taken: set[int] = set()
    for row, options in near:
        best, most = -1, least
        for column, overlap in options:
            if column in taken or overlap < most:
                continue
            if best >= 0 and outside[column] and not outside[best]:
                break
            best, most = column, overlap
        if best >= 0:
            taken.add(best)
            yield row, best


def overlaps_of(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union, float64 [A, 4] and [B, 4] xyxy to [A, B]; 0 where both are empty.

    In double precision, as pycocotools has it: at an IoU of exactly 0.6, rounding decides.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    union = _areas(a)[:, None] + _areas(b)[None, :] - shared
    result: NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared), where=union > 0
    )
    return result


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return areas


def _is_outside(boxes: NDArray[np.float64], area: AreaRange) -> NDArray[np.bool_]:
    areas = _areas(boxes)
    return (areas < area[0]) | (areas > area[1])


def _joined(
    parts: Sequence[tuple[int, _ImageMatches]], objects: NDArray[np.int64], thresholds: int
) -> ClassMatches:
    if not parts:
        empty = np.zeros((thresholds, 0), bool)
        return ClassMatches(
            np.zeros(0, np.float32), np.zeros(0, np.int64), empty, empty.copy(), objects
        )
    scores = np.concatenate([one.scores for _, one in parts])
    order = np.argsort(-scores, kind="stable")
    images = np.concatenate([np.full(len(one.scores), row, np.int64) for row, one in parts])
    return ClassMatches(
        scores[order],
        images[order],
        np.hstack([one.hit for _, one in parts])[:, order],
        np.hstack([one.ignored for _, one in parts])[:, order],
        objects,
    )
