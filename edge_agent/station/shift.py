"""How far all items together are off the places where they were expected. Pure.

Goods at rest all shift when the camera moves. Items on a belt all seem to shift along it when the
time of a frame is not quite that of its exposure, as with frames that a network delayed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

# An item looks like itself from frame to frame: least cosine of two vectors of class scores.
_LEAST_LIKENESS = 0.6
# In sizes of an item: how well items must fall into place, and how far a camera may move; one item
# alone may also have been taken and another laid down, so it tells less.
_FIT_SIZES = 0.4
_FARTHEST_SIZES = 4.0
_FARTHEST_ALONE_SIZES = 1.6
# What a shift costs for each of an item's sizes: standing still is the better explanation.
_SHIFT_COST = 0.05
# Share of the greatest possible fit above which nothing else is tried.
_EXPLAINS_ALL = 0.85
# Of two shifts that explain about as much, the nearer is true; a far one must explain two items.
_LEAST_GAIN = 0.2
_LEAST_GAIN_FAR = 1.0


@dataclass(frozen=True, eq=False)
class Spot:
    """An item in one frame.

    Attributes:
        x_px: Centre.
        y_px: Centre.
        size_px: Side of the square with the area of its box.
        class_scores: float32 [C], 0..1.
    """

    x_px: float
    y_px: float
    size_px: float
    class_scores: NDArray[np.float32]


@dataclass(frozen=True)
class Along:
    """A belt, on which a shift has one direction and bounds.

    Attributes:
        direction: Unit vector of its travel.
        least_px: Farthest against the travel, 0 or less.
        most_px: Farthest along it.
    """

    direction: tuple[float, float]
    least_px: float
    most_px: float


def common_shift_px(
    expected: Sequence[Spot], seen: Sequence[Spot], belt: Along | None = None
) -> tuple[float, float]:
    """Returns the shift (x, y) that brings most of the spots expected onto spots seen.

    Args:
        expected: Where items should be.
        seen: Where something is.
        belt: Bounds of the shift on a belt; None where goods rest and a camera may move.
    """
    if not expected or not seen:
        return 0.0, 0.0
    pairs = [_Pair(i, j, e, s) for i, e in enumerate(expected) for j, s in enumerate(seen)]
    fewer = min(len(expected), len(seen))
    unshifted = _fit((0.0, 0.0), pairs)
    if unshifted >= _EXPLAINS_ALL * fewer:
        return 0.0, 0.0
    size_px = sum(pair.size_px for pair in pairs) / len(pairs)
    alike = [pair for pair in pairs if pair.is_alike]
    if belt is None:
        farthest = _FARTHEST_SIZES if fewer > 1 else _FARTHEST_ALONE_SIZES
        shifts = [p.way_px for p in alike if hypot(*p.way_px) <= farthest * p.size_px]
    else:
        dx, dy = belt.direction
        ways = [pair.way_px[0] * dx + pair.way_px[1] * dy for pair in alike]
        shifts = [(way * dx, way * dy) for way in ways if belt.least_px <= way <= belt.most_px]
    if not shifts:
        return 0.0, 0.0
    # Of many pairs only those about as far apart as a shift goes can fit it.
    alike.sort(key=_across_px)
    reach_px = _FIT_SIZES * max(pair.size_px for pair in alike)
    scores = []
    for shift in shifts:
        first = bisect_left(alike, shift[0] - reach_px, key=_across_px)
        last = bisect_right(alike, shift[0] + reach_px, key=_across_px)
        scores.append(_fit(shift, alike[first:last]) - _SHIFT_COST * hypot(*shift) / size_px)
    best = scores.index(max(scores))
    is_far = hypot(*shifts[best]) > _FARTHEST_ALONE_SIZES * size_px
    if scores[best] < unshifted + (_LEAST_GAIN_FAR if is_far else _LEAST_GAIN):
        return 0.0, 0.0
    return shifts[best]


class _Pair:
    """A spot expected with one seen, which may be the same item.

    Attributes:
        expected: Index of the one.
        seen: Index of the other.
        way_px: From one to the other, (x, y).
        size_px: The smaller of the two sizes.
    """

    def __init__(self, expected: int, seen: int, one: Spot, other: Spot) -> None:
        self.expected, self.seen = expected, seen
        self.way_px = other.x_px - one.x_px, other.y_px - one.y_px
        self.size_px = min(one.size_px, other.size_px)
        self._scores = one.class_scores, other.class_scores

    @cached_property
    def likeness(self) -> float:
        """See `likeness`; most pairs are too far apart to ask."""
        return likeness(*self._scores)

    @property
    def is_alike(self) -> bool:
        """Whether they may be one item by their looks."""
        return self.likeness >= _LEAST_LIKENESS


def _across_px(pair: _Pair) -> float:
    return pair.way_px[0]


def _fit(shift: tuple[float, float], pairs: Sequence[_Pair]) -> float:
    """How much a shift (x, y) explains: each spot counts once, by its likeness and nearness."""
    x, y = shift
    gains = []
    for pair in pairs:
        way_x, way_y = pair.way_px
        off = hypot(way_x - x, way_y - y) / (_FIT_SIZES * pair.size_px)
        if off <= 1 and pair.is_alike:
            gains.append((pair.likeness * (1 - 0.5 * off), pair.expected, pair.seen))
    total, explained, used = 0.0, set[int](), set[int]()
    for gain, expected, seen in sorted(gains, key=lambda gain: (-gain[0], *gain[1:])):
        if expected not in explained and seen not in used:
            total += gain
            explained.add(expected)
            used.add(seen)
    return total


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Cosine of two vectors of class scores, float32 [C] each: 0..1, 0 where one is all zero."""
    lengths = sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / lengths if lengths else 0.0
