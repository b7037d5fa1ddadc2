"""How fast a belt runs over time: it may slow down, stand, and run backward. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from beltmark.contract.errors import InputError

MAX_KNOTS = 1_000
_MOST_FACTOR = 4.0


@dataclass(frozen=True)
class SpeedProfile:
    """Speed as a factor of the belt's own, linear between knots and constant around them.

    Attributes:
        knots: (seconds of permitted running, factor), in order; a factor below 0 runs backward.
    """

    knots: tuple[tuple[float, float], ...] = ((0.0, 1.0),)

    def factor_at(self, ran_s: float) -> float:
        """Speed at a time, as a factor."""
        after = bisect_right(self.knots, ran_s, key=_time)
        if after in (0, len(self.knots)):
            return self.knots[max(0, after - 1)][1]
        (t0, f0), (t1, f1) = self.knots[after - 1], self.knots[after]
        return f0 + (f1 - f0) * (ran_s - t0) / (t1 - t0)

    def way_s(self, ran_s: float) -> float:
        """How far it has come by a time, in seconds at its own speed; less when it ran back."""
        times = [0.0, *(t for t, _ in self.knots if 0 < t < ran_s), ran_s]
        return sum(
            (t1 - t0) * (self.factor_at(t0) + self.factor_at(t1)) / 2 for t0, t1 in pairwise(times)
        )


STEADY = SpeedProfile()
"""A belt that runs at its own speed whenever it may."""


def parse_profile(text: str, field: str) -> SpeedProfile:
    """Reads `0:1,10:1,10.5:-1`: after 10 seconds it begins to turn, half a second later it is back.

    Raises:
        InputError: It is something else.
    """
    try:
        knots = tuple(_knot(part) for part in text.split(","))
    except ValueError:
        knots = ()
    if not _is_fine(knots):
        raise InputError(
            f"{text!r:.80} is no speed profile",
            f"write SECONDS:FACTOR,… with growing seconds and factors of {-_MOST_FACTOR:g} to "
            f"{_MOST_FACTOR:g}, as 0:1,10:1,10.5:-1",
            field=field,
        )
    return SpeedProfile(knots)


def _knot(text: str) -> tuple[float, float]:
    seconds, factor = text.split(":")
    return float(seconds), float(factor)


def _is_fine(knots: Sequence[tuple[float, float]]) -> bool:
    return (
        0 < len(knots) <= MAX_KNOTS
        and knots[0][0] >= 0
        and all(before[0] < after[0] < float("inf") for before, after in pairwise(knots))
        and all(abs(factor) <= _MOST_FACTOR for _, factor in knots)
    )


def _time(knot: tuple[float, float]) -> float:
    return knot[0]
