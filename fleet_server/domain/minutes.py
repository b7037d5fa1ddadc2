"""Adds up what a station counted in one minute. Pure."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import TypeVar

from beltmark.contract.records import Counters
from beltmark.contract.terms import MAX_SEQUENCE

_KeyT = TypeVar("_KeyT")


def add(first: Counters, second: Counters) -> Counters:
    """Returns both counts of the same minute as one: an agent that restarts tells it in parts."""
    return Counters(
        start_at=first.start_at,
        frames=_sum(first.frames, second.frames),
        dropped=_sum(first.dropped, second.dropped),
        outcomes=_add_counts(first.outcomes, second.outcomes),
        labels=_add_counts(first.labels, second.labels),
        latency_counts=tuple(
            _sum(*pair)
            for pair in zip_longest(first.latency_counts, second.latency_counts, fillvalue=0)
        ),
    )


def _add_counts(first: Mapping[_KeyT, int], second: Mapping[_KeyT, int]) -> dict[_KeyT, int]:
    return {key: _sum(first.get(key, 0), second.get(key, 0)) for key in [*first, *second]}


def _sum(first: int, second: int) -> int:
    return min(first + second, MAX_SEQUENCE)  # nothing that a device says overflows a column
