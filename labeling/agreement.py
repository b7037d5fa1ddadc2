"""Whether people who annotated the same image agree, and who disagrees with whom on what. Pure.

Boxes of two people are matched so that the sum of IoU is largest (Hungarian method), whatever their
classes: the same box with two classes is one disagreement, not two boxes that are missing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from beltmark.datasets.label_studio.regions import Box

MIN_IOU: Final = 0.5
"""Two boxes that overlap less are not of the same thing."""

_TIE: Final = 1e-9

NOTHING: Final = ""
"""Stands for the class of a box that the other person didn't draw."""


@dataclass(frozen=True)
class Judged:
    """A box and its class, as one person has it.

    Attributes:
        class_name: Or "unsure".
        box_xywh: Left, top, width, height, in any unit that both people's boxes have.
    """

    class_name: str
    box_xywh: Box


@dataclass(frozen=True)
class Comparison:
    """Two people's boxes of one image.

    Attributes:
        same: Boxes of the same class, by class.
        different: Boxes of two classes, the first person's and the second's; `NOTHING` where one
            of them has none.
        iou_sum: Of all boxes that both drew.
    """

    same: Counter[str]
    different: Counter[tuple[str, str]]
    iou_sum: float

    @property
    def agree(self) -> bool:
        """Whether they have the same boxes with the same classes."""
        return not self.different


def compare(first: Sequence[Judged], second: Sequence[Judged], min_iou: float) -> Comparison:
    """Compares two people's boxes of one image."""
    same: Counter[str] = Counter()
    different: Counter[tuple[str, str]] = Counter()
    iou_sum = 0.0
    overlaps = _ious([each.box_xywh for each in first], [each.box_xywh for each in second])
    # What is too little counts nothing: else a pair that is none could cost one that is.
    # Of two boxes in one place, each goes with the one of its class.
    same_class = [[a.class_name == b.class_name for b in second] for a in first]
    bonus = _TIE * np.array(same_class, np.float64).reshape(overlaps.shape)
    counted = np.where(overlaps >= min_iou, overlaps + bonus, 0.0)
    left_first, left_second = set(range(len(first))), set(range(len(second)))
    for a, b in zip(*linear_sum_assignment(counted, maximize=True), strict=True):
        if counted[a, b] <= 0:
            continue
        left_first.discard(int(a))
        left_second.discard(int(b))
        iou_sum += float(overlaps[a, b])
        if first[a].class_name == second[b].class_name:
            same[first[a].class_name] += 1
        else:
            different[first[a].class_name, second[b].class_name] += 1
    different.update((first[k].class_name, NOTHING) for k in left_first)
    different.update((NOTHING, second[k].class_name) for k in left_second)
    return Comparison(same, different, iou_sum)


@dataclass
class Tally:
    """What came of all comparisons.

    Attributes:
        images: How many images each two people both annotated, and on how many they agree.
        same: Boxes that two people both have, of one class, by class.
        different: Those of two classes, or of one person only: by the two classes, sorted.
        iou_sum: Of the boxes that two people both have.
    """

    images: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    same: Counter[str] = field(default_factory=Counter)
    different: Counter[tuple[str, str]] = field(default_factory=Counter)
    iou_sum: float = 0.0

    def add(self, people: tuple[str, str], comparison: Comparison) -> None:
        """Counts one image of two people."""
        pair = (min(people), max(people))
        images, agreed = self.images.get(pair, (0, 0))
        self.images[pair] = (images + 1, agreed + comparison.agree)
        self.same += comparison.same
        for (one, other), count in comparison.different.items():
            self.different[min(one, other), max(one, other)] += count
        self.iou_sum += comparison.iou_sum

    @property
    def mean_iou(self) -> float | None:
        """Mean IoU of the boxes that two people both have."""
        both = sum(self.same.values()) + sum(
            count for pair, count in self.different.items() if NOTHING not in pair
        )
        return self.iou_sum / both if both else None

    def by_class(self) -> dict[str, float]:
        """Returns each class's agreement: boxes both have, twice, of all that either has (Dice)."""
        apart: Counter[str] = Counter()
        for pair, count in self.different.items():
            for name in set(pair) - {NOTHING}:
                apart[name] += count
        names = sorted({*self.same, *apart})
        return {name: 2 * self.same[name] / (2 * self.same[name] + apart[name]) for name in names}


def consensus(
    answers: Sequence[tuple[str, Sequence[Judged]]], min_iou: float, tally: Tally
) -> int | None:
    """Compares all people's answers for an image.

    Args:
        answers: Each person's name and boxes; the earliest first.
        min_iou: From which on two boxes are of the same thing.
        tally: Counts the comparisons.

    Returns:
        The index of the answer that stands for all where all agree: that with the largest sum of
        IoU with the others. No box is averaged: each is as somebody drew it. None where they don't.
    """
    closeness = [0.0] * len(answers)
    do_all_agree = True
    for a, b in combinations(range(len(answers)), 2):
        comparison = compare(answers[a][1], answers[b][1], min_iou)
        tally.add((answers[a][0], answers[b][0]), comparison)
        do_all_agree = do_all_agree and comparison.agree
        closeness[a] += comparison.iou_sum
        closeness[b] += comparison.iou_sum
    if not answers or not do_all_agree:
        return None
    return max(range(len(answers)), key=lambda k: (closeness[k], -k))


def _ious(first: Sequence[Box], second: Sequence[Box]) -> NDArray[np.float64]:
    """Returns IoU [N, M] of N and M boxes."""
    a = np.array(first, np.float64).reshape(-1, 1, 4)
    b = np.array(second, np.float64).reshape(1, -1, 4)
    start = np.maximum(a[..., :2], b[..., :2])
    end = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.clip(end - start, 0, None).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - common
    ious: NDArray[np.float64] = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return ious
