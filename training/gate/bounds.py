"""How sure a figure is: one-sided bounds from a bootstrap over groups, widened where it errs; pure.

The percentile bootstrap alone is too narrow in cases that a gate must not fall for:

- With few groups. Its quantiles are widened as a t interval is wider than a normal one (Hesterberg,
  "What Teachers Should Know about the Bootstrap", The American Statistician 2015, section 4.3).
- With few groups a figure may read too high as a whole, as average precision does. By how much,
  the draws' mean estimates (Efron and Tibshirani 1993, chapter 10); they are off by it once more
  than the figure itself. So twice that is taken off the bound that would profit from it.
- Where hardly any group shows a fault, drawing anew shows none either. That G groups are without it
  proves only that it is in less than 1 - (1 - confidence)^(1/G) of all groups (for 95 %, about 3/G:
  Hanley and Lippman-Hand, JAMA 1983); the bound is moved by that much, as if the figure were lost
  there wholly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from training.evaluate.bootstrap import Rows, Statistic, bootstrap

DRAWS = 1000
SHOWN_FAULTS = 5
"""Groups that must show a fault before their number is trusted to tell how often it comes."""
_SAME = 1e-9


@dataclass(frozen=True)
class Bounds:
    """Between what a figure lies; each side with the confidence that was asked for.

    Attributes:
        value: On the images as they are.
        low: One-sided lower bound.
        high: One-sided upper bound.
        groups: From how many.
        few_faults: The lower side was moved because hardly any group shows a fault.
        few_merits: Likewise the upper side.
    """

    value: float
    low: float
    high: float
    groups: int
    few_faults: bool = False
    few_merits: bool = False


def bounds(
    statistic: Statistic,
    groups: Sequence[str],
    confidence: float,
    seed: int,
    *,
    origin: float,
    span: float = 1.0,
    draws: int = DRAWS,
) -> Bounds | None:
    """Bounds a figure, by drawing groups anew.

    Args:
        statistic: From rows of images to the figure.
        groups: Of each image.
        confidence: One-sided, 0.5 and more.
        seed: Of the draws.
        origin: The figure of a group without fault and without merit: 1 for the lower bound of a
            share, 0 for the upper one and for a difference.
        span: The most that the figure can lose in a group.
        draws: How often.

    Returns:
        None where the figure cannot be told on these images, or there are fewer than two groups.
    """
    value = statistic(np.arange(len(groups)))
    if not np.isfinite(value):
        return None
    count = len(set(groups))
    drawn: list[float] = []

    def noted(rows: Rows) -> float:
        drawn.append(statistic(rows))
        return drawn[-1]

    interval = bootstrap(groups, noted, draws, seed, level=widened(confidence, count))
    if interval is None:
        return None
    faults, merits = _apart(statistic, groups, origin)
    bias = float(np.nanmean(drawn)) - value
    low = min(interval.low, value) - 2 * max(bias, 0.0)
    high = max(interval.high, value) - 2 * min(bias, 0.0)
    unseen = span * unseen_share(confidence, count)
    if faults < SHOWN_FAULTS:
        low = min(low, value - unseen)
    if merits < SHOWN_FAULTS:
        high = max(high, value + unseen)
    return Bounds(value, low, high, count, faults < SHOWN_FAULTS, merits < SHOWN_FAULTS)


def widened(confidence: float, groups: int) -> float:
    """Returns the two-sided level whose percentiles have this confidence on each side."""
    if groups < 2:
        return confidence
    reach = np.sqrt(groups / (groups - 1)) * t.ppf(confidence, groups - 1)
    return float(2 * norm.cdf(reach) - 1)


def unseen_share(confidence: float, groups: int) -> float:
    """Returns the share of all groups that may have what none of these groups has."""
    return float(1 - (1 - confidence) ** (1 / groups))


def _apart(statistic: Statistic, groups: Sequence[str], origin: float) -> tuple[int, int]:
    """Counts the groups whose own figure is below and above the origin; one without is neither."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(groups):
        rows.setdefault(name, []).append(row)
    alone = np.array([statistic(np.array(each)) for each in rows.values()])
    return int((alone < origin - _SAME).sum()), int((alone > origin + _SAME).sum())
