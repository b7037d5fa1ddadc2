"""The fallback ladder: on which rung a station starts. Pure; trying a rung is left to `opening`.

release    the release that is to run
previous   the one before it
barcode    no model: items are told by the barcodes that they bear, the others go to a person
person     no model: every item goes to a person, who labels it on the panel
(stop)     no rung holds: the agent does not start, and without it the belt has no run permit

A station falls while it starts, never while it runs: what goes wrong in running ends the agent, the
belt stands, and the next start finds out what was on it. So the ways down are two: a rung that
cannot be proven at the start, and one on which the agent died too often.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

Rung = Literal["release", "previous", "barcode", "person"]

RUNGS: tuple[Rung, ...] = get_args(Rung)
"""From the top down."""

WORDS: dict[Rung, str] = {
    "release": "the release",
    "previous": "the release before",
    "barcode": "barcodes only",
    "person": "a person labels all items",
}


@dataclass(frozen=True)
class LadderState:
    """What is kept between two runs.

    Attributes:
        rung: The highest rung that may be tried.
        why: What took the station down to it; empty at the top.
        release: Name of the release that ran last; the one that it died on, below the top.
        running_in: The boot of the computer in which the agent runs, or died; None where it ended
            in order.
        crashes: Times of its unclean ends on this rung, in seconds since the epoch.
    """

    rung: Rung = "release"
    why: str = ""
    release: str = ""
    running_in: str | None = None
    crashes: tuple[float, ...] = ()


@dataclass(frozen=True)
class CrashLimit:
    """How often the agent may die on a rung.

    Attributes:
        crashes: So many unclean ends are too many.
        within_s: In this time.
    """

    crashes: int = 3
    within_s: float = 600.0


def start(
    state: LadderState, at: float, boot: str, limit: CrashLimit, allowed: Sequence[Rung]
) -> LadderState:
    """What holds for a start.

    A run that ended in order clears the account: a person stopped it, and has had the time to mend
    what was wrong. So does a reboot: a computer that lost its power says nothing of the release.

    Args:
        state: What the run before left.
        at: Now, in seconds since the epoch.
        boot: Which start of the computer this is.
        limit: How often it may die.
        allowed: The rungs that the station has, from the top down.
    """
    if state.running_in is None:
        return LadderState(release=state.release, running_in=boot)
    if state.running_in != boot:
        return replace(state, running_in=boot, crashes=())
    crashes = (*(c for c in state.crashes if 0 <= at - c <= limit.within_s), at)
    if len(crashes) < limit.crashes:
        return replace(state, crashes=crashes)
    below = [rung for rung in allowed if RUNGS.index(rung) > RUNGS.index(state.rung)]
    why = f"the agent died {len(crashes)} times on {WORDS[state.rung]}"
    if not below:
        # There is nothing below it but standing still: it goes on trying.
        return replace(state, crashes=crashes[-limit.crashes :])
    return LadderState(below[0], why, state.release, boot)


def end(state: LadderState) -> LadderState:
    """What holds after a run that ended in order."""
    return replace(state, running_in=None)


def from_rung(state: LadderState, allowed: Sequence[Rung]) -> tuple[Rung, ...]:
    """The rungs to try, from the top down."""
    return tuple(rung for rung in allowed if RUNGS.index(rung) >= RUNGS.index(state.rung))
