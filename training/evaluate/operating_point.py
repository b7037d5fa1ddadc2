"""Chooses the operating point for a precision per label, and says what the counts prove. Pure.

Bounds are exact binomial (Clopper and Pearson, Biometrika 26, 1934): no wrong label among 120
proves no more than 97.5 % right, 19 times of 20. They take items as independent of each other;
those of one belt share light and camera, so that many short belts prove more than one long one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betaincinv

from training.evaluate.items import JudgedItem, Tally, tally

CONFIDENCE = 0.95
THRESHOLDS: tuple[float, ...] = tuple(np.arange(0.2, 0.9951, 0.005).round(3).tolist())

Criterion = Literal["bound", "estimate"]
"""What must reach the target: the lower bound of the precision, or the share that was seen."""

Finding = Literal["proven", "not_refuted", "refuted", "no_label"]
"""What other items say of a precision that was chosen for: it is at least the target; it may be; it
is less; nothing."""


def lower_bound(count: int, total: int, confidence: float = CONFIDENCE) -> float:
    """The share that is exceeded with this confidence (one-sided); 0 of nothing."""
    if count == 0:
        return 0.0
    return float(betaincinv(count, total - count + 1, 1 - confidence))


def upper_bound(count: int, total: int, confidence: float = CONFIDENCE) -> float:
    """The share that is not reached with this confidence (one-sided); 1 of nothing."""
    if count == total:
        return 1.0
    return float(betaincinv(count + 1, total - count, confidence))


def interval(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The two-sided interval of a share."""
    one_sided = 1 - (1 - confidence) / 2
    return lower_bound(count, total, one_sided), upper_bound(count, total, one_sided)


def labels_needed(target: float, confidence: float = CONFIDENCE) -> int:
    """How many labels, all right, prove a precision."""
    return int(np.ceil(np.log(1 - confidence) / np.log(target)))


@dataclass(frozen=True)
class Point:
    """What a policy does to the items that were counted.

    Attributes:
        min_votes: Frames that must have seen an item.
        threshold: Fused probability from which it is printed.
        counts: What became of the items.
    """

    min_votes: int
    threshold: float
    counts: Tally

    @property
    def precision_lower(self) -> float:
        """What the labels prove of the precision, with CONFIDENCE."""
        return lower_bound(self.counts.right, self.counts.labels)

    @property
    def coverage_interval(self) -> tuple[float, float]:
        """Between what the share of products with their label lies, with CONFIDENCE."""
        return interval(self.counts.fates["right"], self.counts.products)

    def reaches(self, target: float, criterion: Criterion) -> bool:
        """Whether its precision is at least the target; no label is none."""
        if criterion == "bound":
            return self.precision_lower >= target
        return self.counts.precision is not None and self.counts.precision >= target


def item_curve(
    items: Sequence[JudgedItem], min_votes: int, thresholds: Sequence[float] = THRESHOLDS
) -> tuple[Point, ...]:
    """What each threshold does to items that a station judged without one."""
    return tuple(Point(min_votes, each, tally(items, each)) for each in thresholds)


def choose(points: Sequence[Point], target: float, criterion: Criterion) -> Point | None:
    """Returns the lowest threshold that reaches the target; of several numbers of votes, the one
    with most products labelled rightly, and the fewest where that is equal."""
    lowest: dict[int, Point] = {}
    for point in sorted(points, key=lambda point: (point.min_votes, point.threshold)):
        if point.reaches(target, criterion):
            lowest.setdefault(point.min_votes, point)
    return max(lowest.values(), key=lambda point: point.counts.fates["right"], default=None)


@dataclass(frozen=True)
class Choice:
    """The operating point, and how it came about.

    Attributes:
        curve: What each threshold does to the items to choose by.
        by: The point that each criterion chooses; None where none reaches the target.
        criterion: The one that decided.
        confirmed: The chosen point on other items; None where nothing was chosen.
    """

    curve: tuple[Point, ...]
    by: Mapping[Criterion, Point | None]
    criterion: Criterion
    confirmed: Point | None

    @property
    def chosen(self) -> Point | None:
        """The operating point; None where no point reaches the target."""
        return self.by[self.criterion]


def find_operating_point(
    judge: Callable[[float, int], Sequence[JudgedItem]],
    judge_others: Callable[[float, int], Sequence[JudgedItem]],
    votes: Sequence[int],
    target: float,
    criterion: Criterion = "bound",
) -> Choice:
    """Chooses by some items, and holds the choice against others.

    Args:
        judge: Judges the items to choose by, for a threshold and a number of votes.
        judge_others: Judges the others; they are looked at once, after the choice.
        votes: Numbers of votes to try.
        target: Share of labels that must be right.
        criterion: What must reach the target; what the other would choose is told beside it.
    """
    curve = tuple(point for number in votes for point in item_curve(judge(0.0, number), number))
    by: dict[Criterion, Point | None] = {
        "bound": choose(curve, target, "bound"),
        "estimate": choose(curve, target, "estimate"),
    }
    chosen = by[criterion]
    if chosen is None:
        return Choice(curve, by, criterion, None)
    others = tally(judge_others(chosen.threshold, chosen.min_votes))
    confirmed = Point(chosen.min_votes, chosen.threshold, others)
    return Choice(curve, by, criterion, confirmed)


def finding(counts: Tally, target: float) -> Finding:
    """What items say of a precision that was chosen for."""
    if not counts.labels:
        return "no_label"
    if lower_bound(counts.right, counts.labels) >= target:
        return "proven"
    if upper_bound(counts.right, counts.labels) < target:
        return "refuted"
    return "not_refuted"
