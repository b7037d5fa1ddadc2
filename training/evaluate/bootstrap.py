"""Intervals by drawing whole groups anew: how far a figure would move with other scenes; pure.

Frames of one scene are alike, so scenes are drawn, not frames: an interval over frames would be far
too narrow. Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 (groups) and
13.3 (percentiles). For two models, hand in a statistic that takes their difference on the same rows
(`difference`): what both find hard then cancels out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Statistic = Callable[[Rows], float]
"""From rows of images, int64 [R], some of them repeated, to a figure; NaN where there is none."""

DRAWS = 1000
LEVEL = 0.95
FEW_GROUPS = 10
"""With fewer groups than this an interval is too narrow more often than it should be."""
_LEAST_GROUPS = 2
_LEAST_DRAWS = 0.5
"""Where more of the draws than this give no figure, neither does the interval."""


@dataclass(frozen=True)
class Interval:
    """Between what bounds a figure lies.

    Attributes:
        low: Lower bound.
        high: Upper bound.
        groups: How many groups it was drawn from; below `FEW_GROUPS`, say so.
    """

    low: float
    high: float
    groups: int


def bootstrap(
    groups: Sequence[str],
    statistic: Statistic,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval | None:
    """Draws as many groups as there are, with replacement, and takes the statistic of each draw.

    Args:
        groups: Of each image, in the images' order.
        statistic: From rows of images to the figure.
        draws: How often.
        seed: Of the draws; the same for the same result.
        level: Share of draws between the bounds. One-sided at 0.95: give 0.9, use one bound.

    Returns:
        The interval; None where it cannot be told: a single group, or hardly a draw with a figure.
    """
    rows_of = _rows_by_group(groups)
    if len(rows_of) < _LEAST_GROUPS:
        return None
    rng = np.random.default_rng(seed)
    values = np.empty(draws)
    for number in range(draws):
        chosen = rng.integers(len(rows_of), size=len(rows_of))
        values[number] = statistic(np.concatenate([rows_of[group] for group in chosen]))
    values = values[np.isfinite(values)]
    if len(values) < _LEAST_DRAWS * draws:
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), len(rows_of))


def difference(candidate: Statistic, champion: Statistic) -> Statistic:
    """Returns the statistic for a paired comparison: candidate less champion, on the same rows."""
    return lambda rows: candidate(rows) - champion(rows)


def mean_of(values: NDArray[np.float64]) -> Statistic:
    """Returns the statistic that averages a figure of each image, float64 [N]; NaN counts as none.

    Use it for shares: right or wrong as 1 and 0.
    """
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)

    def mean(rows: Rows) -> float:
        count = int(known[rows].sum())
        return float(filled[rows].sum() / count) if count else float("nan")

    return mean


def ratio_of(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> Statistic:
    """Returns the statistic sum of parts over sum of wholes, float64 [N] each, one per image."""

    def ratio(rows: Rows) -> float:
        whole = float(wholes[rows].sum())
        return float(parts[rows].sum()) / whole if whole else float("nan")

    return ratio


def _rows_by_group(groups: Sequence[str]) -> list[Rows]:
    rows: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return [np.array(each, np.int64) for each in rows.values()]
