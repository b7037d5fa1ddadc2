"""How far all items together are off the places where they were expected. Pure.

Goods at rest all shift when the camera moves. Items on a belt all seem to shift along it when the
time of a frame is not quite that of its exposure, as with frames that a network delayed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
    x = np.array([[s.x_px for s in seen]]) - np.array([[e.x_px] for e in expected])
    y = np.array([[s.y_px for s in seen]]) - np.array([[e.y_px] for e in expected])
    sizes = np.minimum(
        np.array([[e.size_px] for e in expected]), np.array([[s.size_px for s in seen]])
    )
    likeness = likeness_of([e.class_scores for e in expected], [s.class_scores for s in seen])
    unshifted = _fit((0.0, 0.0), x, y, sizes, likeness)
    if unshifted >= _EXPLAINS_ALL * min(x.shape):
        return 0.0, 0.0
    is_alike = likeness >= _LEAST_LIKENESS
    if belt is None:
        farthest = _FARTHEST_SIZES if min(x.shape) > 1 else _FARTHEST_ALONE_SIZES
        possible = is_alike & (np.hypot(x, y) <= farthest * sizes)
        ways = zip(x[possible].tolist(), y[possible].tolist(), strict=True)
    else:
        dx, dy = belt.direction
        along = x * dx + y * dy
        possible = is_alike & (along >= belt.least_px) & (along <= belt.most_px)
        ways = zip((along * dx)[possible].tolist(), (along * dy)[possible].tolist(), strict=True)
    shifts = [(0.0, 0.0), *ways]
    scores = [unshifted, *(_fit(shift, x, y, sizes, likeness) for shift in shifts[1:])]
    best = int(np.argmax(scores))
    is_far = float(np.hypot(*shifts[best])) > _FARTHEST_ALONE_SIZES * float(sizes.mean())
    if scores[best] < scores[0] + (_LEAST_GAIN_FAR if is_far else _LEAST_GAIN):
        return 0.0, 0.0
    return shifts[best]


def _fit(
    shift: tuple[float, float],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    sizes: NDArray[np.float64],
    likeness: NDArray[np.float64],
) -> float:
    """How much a shift explains: each spot counts once, by its likeness and nearness.

    Args:
        shift: The shift tried, in pixels.
        x: float64 [expected, seen], way from one to the other.
        y: The same.
        sizes: float64 [expected, seen], the smaller of the two sizes.
        likeness: float64 [expected, seen], 0..1.
    """
    off = np.hypot(x - shift[0], y - shift[1]) / (_FIT_SIZES * sizes)
    gain = np.where((off <= 1) & (likeness >= _LEAST_LIKENESS), likeness * (1 - 0.5 * off), 0.0)
    total = 0.0
    while gain.size and (most := float(gain.max())) > 0:
        row, column = np.unravel_index(int(gain.argmax()), gain.shape)
        total += most
        gain = np.delete(np.delete(gain, row, axis=0), column, axis=1)
    return total - _SHIFT_COST * float(np.hypot(*shift)) / float(sizes.mean())


def likeness_of(
    ones: Sequence[NDArray[np.float32]], others: Sequence[NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Cosine of each pair of class scores (float32 [C] each): float64 [ones, others], 0..1."""
    a, b = np.array(ones, np.float64), np.array(others, np.float64)
    a /= np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-9)
    b /= np.maximum(np.linalg.norm(b, axis=1, keepdims=True), 1e-9)
    return np.asarray(a @ b.T)
