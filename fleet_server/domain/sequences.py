"""Which numbers of a stream are there and which are missing. Pure; storing is left to `storage`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_HOLES = 1_000
"""A device sends in order, so it leaves a hole or two; one that leaves more is not waited for."""


class Span(NamedTuple):
    """Numbers from `first` to `last`, both included."""

    first: int
    last: int


@dataclass(frozen=True)
class Coverage:
    """What of a stream is accounted for: all up to `newest`, but for the holes.

    Attributes:
        newest: The last number that is stored or gone; 0 for none.
        holes: What is missing before it: ascending, apart from each other.
    """

    newest: int = 0
    holes: tuple[Span, ...] = ()

    @property
    def committed(self) -> int:
        """All up to this number is accounted for."""
        return self.holes[0].first - 1 if self.holes else self.newest


def join(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Returns the same numbers as ascending spans that neither overlap nor touch."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.first <= joined[-1].last + 1:
            joined[-1] = Span(joined[-1].first, max(joined[-1].last, span.last))
        else:
            joined.append(span)
    return tuple(joined)


def subtract(spans: Sequence[Span], taken: Sequence[Span]) -> tuple[Span, ...]:
    """Returns what is in `spans` and not in `taken`; both as `join` gives them."""
    left: list[Span] = []
    following = 0
    for first, last in spans:
        begin = first
        while following < len(taken) and taken[following].last < first:
            following += 1
        for at in range(following, len(taken)):
            if taken[at].first > last:
                break
            if taken[at].first > begin:
                left.append(Span(begin, taken[at].first - 1))
            begin = max(begin, taken[at].last + 1)
        if begin <= last:
            left.append(Span(begin, last))
    return tuple(left)


def cover(before: Coverage, arrived: Sequence[Span]) -> Coverage:
    """Returns what is accounted for once `arrived` (as `join` gives it) is, too."""
    newest = max(before.newest, arrived[-1].last) if arrived else before.newest
    missing = before.holes
    if newest > before.newest:
        missing = join((*missing, Span(before.newest + 1, newest)))
    return Coverage(newest, subtract(missing, arrived))


def admit(
    before: Coverage, arrived: Sequence[Span], max_holes: int = MAX_HOLES
) -> tuple[Span, ...]:
    """Returns what to take of `arrived` (as `join` gives it): all, unless it leaves too many holes.

    Then only what follows `committed` at once is taken. The rest is not lost: it is not committed,
    so the device sends it again.
    """
    if len(cover(before, arrived).holes) <= max_holes:
        return tuple(arrived)
    following = before.committed + 1
    return tuple(span for span in arrived if span.first <= following <= span.last)


def closed(before: Coverage, after: Coverage) -> tuple[Span, ...]:
    """Returns what was missing before and no longer is."""
    return subtract(before.holes, after.holes)
