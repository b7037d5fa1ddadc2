"""Keeps count of what devices of a rollout do with its release, and did before.

Minutes are counted once they had time to come in, each once; those that come later are left out.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from beltmark.contract.documents import Document
from beltmark.contract.records import Counters
from fleet_server.rollouts.advance import order_of
from fleet_server.rollouts.figures import Measured, Tally, tally_of, total
from fleet_server.rollouts.plan import Plan
from fleet_server.rollouts.state import Fact, State

MAX_OTHERS: Final = 50
"""So many devices outside are enough to see whether something changed for all."""


class CountedMinute(NamedTuple):
    """A minute of a device; its begin is in seconds since the epoch by the server's clock."""

    device: str
    start_at: float
    counters: Counters


@dataclass(frozen=True)
class Minutes:
    """What devices did, minute by minute.

    Attributes:
        read: Gives the minutes of devices that began from a time on and before another.
        now: The time until which they are known, in seconds since the epoch.
    """

    read: Callable[[Collection[str], float, float], Iterable[CountedMinute]]
    now: float


class Books(Document):
    """What was counted.

    Attributes:
        counted_until: Minutes that began before are counted, or left out; None before any.
        wave: Whose items are in `measured.wave_items`.
        others: Devices outside that are compared with.
        measured: The figures.
    """

    counted_until: float | None = None
    wave: int = -1
    others: tuple[str, ...] = ()
    measured: Measured = Measured()


def count(
    books: Books,
    plan: Plan,
    state: State,
    facts: Mapping[str, Fact],
    minutes: Minutes,
) -> Books:
    """Returns the books with the minutes that have come in.

    Args:
        books: As they were.
        plan: The rollout's.
        state: How far it is.
        facts: The fleet's devices by name.
        minutes: What they did.
    """
    read, now = minutes.read, minutes.now
    since = {name: each.since for name, each in state.members.items() if each.phase == "running"}
    measured = books.measured
    if books.wave != state.wave:
        measured = replace(measured, wave_items=0)
        books = books.model_copy(update={"wave": state.wave, "measured": measured})
    if not since:
        return books
    begin = books.counted_until
    if begin is None:
        begin = min(since.values())
        others = _others(plan, state, facts)
        before = _tally(read(others, begin - plan.baseline_s, begin))
        measured = replace(measured, others_before=before)
        books = books.model_copy(update={"others": others})
    until = max(now - plan.settle_s, begin)
    with_it = [each for each in read(since, begin, until) if each.start_at >= since[each.device]]
    in_wave = [each for each in with_it if state.members[each.device].wave == state.wave]
    still_others = [name for name in books.others if name not in state.members]
    measured = replace(
        measured,
        with_it=measured.with_it + _tally(with_it),
        others=measured.others + _tally(read(still_others, begin, until)),
        wave_items=measured.wave_items + _tally(in_wave).items,
    )
    return books.model_copy(update={"counted_until": until, "measured": measured})


def add_before(books: Books, plan: Plan, devices: Collection[str], minutes: Minutes) -> Books:
    """Returns the books with what devices did until now, when they are first asked."""
    now = minutes.now
    before = _tally(minutes.read(devices, now - plan.baseline_s, now))
    measured = replace(books.measured, before=books.measured.before + before)
    return books.model_copy(update={"measured": measured})


def begun_anew(books: Books) -> Books:
    """Returns the books without what was done with the release: another try is judged by itself."""
    measured = Measured(before=books.measured.before)
    return Books(wave=books.wave, measured=measured)


def _others(plan: Plan, state: State, facts: Mapping[str, Fact]) -> tuple[str, ...]:
    """Chooses devices that come last, and so stay outside as long as any."""
    free = [
        name
        for name, fact in facts.items()
        if name not in state.members and fact.running != plan.release
    ]
    return tuple(sorted(free, key=lambda name: order_of(plan, name), reverse=True)[:MAX_OTHERS])


def _tally(minutes: Iterable[CountedMinute]) -> Tally:
    return total(tally_of(each.counters) for each in minutes)
