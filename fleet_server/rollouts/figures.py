"""Whether the floor's figures are worse with a release than without it. Pure.

A rate with the release is compared with the same devices' before, and that with what the devices
outside the wave had meanwhile (difference in differences): goods, light and printers change for
all. Whoever looks again and again until something shows is not fooled: intervals hold at all times
together (asymptotic confidence sequences: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals
of Statistics 52(6), 2024, theorem 2.2, whose boundary is Robbins' normal mixture, 1970).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from beltmark.contract.records import Counters
from beltmark.contract.terms import PrintState
from fleet_server.domain.latency import percentile
from fleet_server.rollouts.plan import Gates

_DISPERSION: Final = 10.0
"""Items come in bursts: their count varies so much more than by chance alone (Poisson)."""

_NOT_PROVEN: Final[tuple[PrintState, ...]] = ("unknown", "failed", "late")


@dataclass(frozen=True)
class Tally:
    """What some devices did in some time.

    Attributes:
        minutes: So many minutes of them are known.
        items: Items decided.
        reviews: Of these, how many went to a person.
        labels: Labels that came to an end.
        bad_labels: Of these, how many did not come out, or may not have.
        latency: Frames by `LATENCY_BOUNDS_MS`, and those beyond.
    """

    minutes: int = 0
    items: int = 0
    reviews: int = 0
    labels: int = 0
    bad_labels: int = 0
    latency: tuple[int, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.minutes + other.minutes,
            self.items + other.items,
            self.reviews + other.reviews,
            self.labels + other.labels,
            self.bad_labels + other.bad_labels,
            tuple(a + b for a, b in zip_longest(self.latency, other.latency, fillvalue=0)),
        )


def tally_of(counters: Counters) -> Tally:
    """Returns one minute of a device as a tally."""
    labels = counters.labels
    bad = sum(labels.get(state, 0) for state in _NOT_PROVEN)
    return Tally(
        minutes=1,
        items=sum(counters.outcomes.values()),
        reviews=counters.outcomes.get("REVIEW", 0),
        labels=labels.get("printed", 0) + bad,
        bad_labels=bad,
        latency=tuple(counters.latency_counts),
    )


@dataclass(frozen=True)
class Measured:
    """Figures of a rollout.

    Attributes:
        with_it: Of the devices that run the release, since they do.
        before: Of the same devices before.
        others: Of devices outside, since the first of these runs it.
        others_before: Of the same before.
        wave_items: Items that the current wave decided with the release.
    """

    with_it: Tally = Tally()
    before: Tally = Tally()
    others: Tally = Tally()
    others_before: Tally = Tally()
    wave_items: int = 0


@dataclass(frozen=True)
class Interval:
    """An estimate that holds at all times together, but for the chance that was asked for.

    Attributes:
        estimate: The difference.
        low: Lower end.
        high: Upper end.
    """

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Evidence:
    """What is known of a release's effect on the floor.

    Attributes:
        items: Items that the current wave decided with the release.
        worse: What is worse, each in a line; empty for nothing.
        doubtful: What looks worse, though it may be chance: more items will tell.
        told: All that was compared, each in a line.
    """

    items: int = 0
    worse: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


@dataclass
class _Told:
    worse: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    all: list[str] = field(default_factory=list)

    def add(self, line: str, *, is_worse: bool, looks_worse: bool) -> None:
        self.all.append(line)
        if is_worse:
            self.worse.append(line)
        elif looks_worse:
            self.doubtful.append(line)


def weigh(gates: Gates, measured: Measured) -> Evidence:
    """Returns what the figures say."""
    limits, told = gates.figures, _Told()
    with_it, before = measured.with_it, measured.before
    groups = (with_it, before, measured.others, measured.others_before)
    error = limits.error

    def compare(name: str, counts: Sequence[tuple[int, int]], least: int, limit: float) -> None:
        if counts[0][1] < max(least, 1):
            return
        interval = change(counts, error, tuned_for=max(least, 20))
        if interval is None:
            return
        told.add(
            f"{name}: {_points(interval.estimate)} points "
            f"({_points(interval.low)} to {_points(interval.high)}) with the release, "
            f"{100 * limit:g} are allowed",
            is_worse=interval.low > limit,
            looks_worse=interval.estimate > limit,
        )

    least = gates.min_items
    compare("reviews", [(each.reviews, each.items) for each in groups], least, limits.reviews)
    compare(
        "labels not proven",
        [(each.bad_labels, each.labels) for each in groups],
        least,
        limits.labels,
    )
    usual = percentile(before.latency, 0.99) or percentile(measured.others.latency, 0.99)
    if usual is not None:
        slow = [(sum(each.latency[usual.bin + 1 :]), sum(each.latency)) for each in groups]
        compare("slow frames", slow, gates.min_frames, limits.slow)
    if limits.pace is not None and with_it.items >= gates.min_items:
        rates = [(each.items, each.minutes) for each in groups]
        if (interval := pace(rates, error)) is not None:
            needed = math.log(max(limits.pace, 1e-9))
            told.add(
                f"pace: {100 * math.exp(interval.estimate):.0f} % "
                f"({100 * math.exp(interval.low):.0f} to {100 * math.exp(interval.high):.0f}) "
                f"of what it was, {100 * limits.pace:g} are needed",
                is_worse=interval.high < needed,
                looks_worse=interval.estimate < needed,
            )
    return Evidence(measured.wave_items, tuple(told.worse), tuple(told.doubtful), tuple(told.all))


def change(counts: Sequence[tuple[int, int]], error: float, *, tuned_for: int) -> Interval | None:
    """Returns by how much a rate changed; None where there is nothing to compare it with.

    Args:
        counts: Hits and trials: with the release; before; outside; outside before. Terms without
            trials are left out; the last two count only together, or where there is no before.
        error: Chance that the interval is ever wrong.
        tuned_for: Trials for which the interval is as narrow as can be.
    """
    with_it, before, others, others_before = counts
    if before[1] and others[1] and others_before[1]:
        terms = [(1, with_it), (-1, before), (-1, others), (1, others_before)]
    elif before[1]:
        terms = [(1, with_it), (-1, before)]
    elif others[1]:
        terms = [(1, with_it), (-1, others)]
    else:
        return None
    estimate = sum(sign * hits / trials for sign, (hits, trials) in terms)
    # One hit and one miss more in each: no rate is known to be nothing at all (Agresti and
    # Caffo, The American Statistician 54(4), 2000).
    variance = sum(
        (hits + 1) * (trials - hits + 1) / (trials + 2) ** 3 for _, (hits, trials) in terms
    )
    half = boundary(with_it[1], error, tuned_for) * math.sqrt(variance)
    return Interval(estimate, estimate - half, estimate + half)


def pace(rates: Sequence[tuple[int, int]], error: float) -> Interval | None:
    """Returns the logarithm of the ratio of items a minute, likewise."""
    with_it, before, others, others_before = rates
    if not with_it[1] or not before[1] or not before[0]:
        return None
    terms = [(1, with_it), (-1, before)]
    if others[0] and others_before[0]:
        terms += [(-1, others), (1, others_before)]
    estimate = sum(sign * math.log((items + 0.5) / minutes) for sign, (items, minutes) in terms)
    variance = sum(_DISPERSION / (items + 0.5) for _, (items, _) in terms)
    half = boundary(with_it[1], error, 60) * math.sqrt(variance)
    return Interval(estimate, estimate - half, estimate + half)


def boundary(trials: int, error: float, tuned_for: int) -> float:
    """Returns how many standard errors an interval that holds at all times reaches to each side.

    Args:
        trials: So many were made by now.
        error: Chance that it is ever wrong, on either side.
        tuned_for: Trials for which it is as narrow as can be; there it is by 28 % wider than
            one that is looked at once, for an error of 0.1 %.
    """
    # Near the optimum of the paper's section 2.3 (rho as a function of the time and of alpha).
    rho2 = (-2 * math.log(error) + math.log(-2 * math.log(error) + 1)) / tuned_for
    scaled = trials * rho2
    return math.sqrt((scaled + 1) / scaled * math.log((scaled + 1) / error**2))


def total(tallies: Iterable[Tally]) -> Tally:
    """Returns tallies as one."""
    return sum(tallies, Tally())


def _points(share: float) -> str:
    rounded = round(100 * share, 1) or 0.0  # no -0.0
    return f"{rounded:+.1f}"
