"""What a histogram of latencies amounts to. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from beltmark.contract.records import LATENCY_BOUNDS_MS


@dataclass(frozen=True)
class Percentile:
    """A share of frames, and within what time they were dealt with.

    Attributes:
        share: The share, from 0 to 1.
        bin: Index of the histogram's bin in which it lies.
        within_ms: Upper bound of that bin; None if it has none.
    """

    share: float
    bin: int
    within_ms: int | None


def add_histograms(histograms: Iterable[Sequence[int]]) -> list[int]:
    """Returns histograms as one, with a bin for each of `LATENCY_BOUNDS_MS` and one beyond."""
    total = [0] * (len(LATENCY_BOUNDS_MS) + 1)
    for histogram in histograms:
        total = [a + b for a, b in zip_longest(total, histogram[: len(total)], fillvalue=0)]
    return total


def percentile(counts: Sequence[int], share: float) -> Percentile | None:
    """Returns within what time at least `share` of the frames were dealt with; None for no frames.

    Args:
        counts: Frames by `LATENCY_BOUNDS_MS`, and those beyond.
        share: From 0 to 1, without 0.
    """
    needed, passed = share * sum(counts), 0
    for index, number in enumerate(counts):
        passed += number
        if number and passed >= needed:
            is_bounded = index < len(LATENCY_BOUNDS_MS)
            return Percentile(share, index, LATENCY_BOUNDS_MS[index] if is_bounded else None)
    return None
