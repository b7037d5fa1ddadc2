"""When a station asks for more numbers, and how long those that it holds last. Pure."""

from collections.abc import Collection
from typing import Final

from beltmark.contract.records import PartHealth
from edge_agent.printing.numbers import NAMES, HeldNumbers

AHEAD: Final = 2
"""So many ranges of which none was given yet are held beside the one in use."""


def seconds_left(held: HeldNumbers) -> float | None:
    """How long they last at the present rate; None where none was given lately."""
    if held.used <= 0 or held.over_s <= 0:
        return None
    return held.left * held.over_s / held.used


def is_wanted(held: HeldNumbers) -> bool:
    """Whether another range is to be asked for."""
    return held.untouched < AHEAD or held.left == 0


def health(
    held: Collection[HeldNumbers],
    warn_before_s: float,
    problem: str | None,
) -> PartHealth:
    """How a station stands with its numbers: down without any, degraded when they soon run out.

    Args:
        held: What it holds of each kind that it needs.
        warn_before_s: Seconds before the end from which it is degraded.
        problem: Why it gets no more; None where it does.
    """
    because = f": {problem}" if problem else ""
    for one in held:
        if one.left == 0:
            return PartHealth(state="down", told=f"no {NAMES[one.kind]} left{because}"[:2_000])
    for one in held:
        left_s = seconds_left(one)
        if left_s is not None and left_s < warn_before_s:
            told = f"{NAMES[one.kind]} run out in {_duration(left_s)}, {one.left} left{because}"
            return PartHealth(state="degraded", told=told[:2_000])
    told = ", ".join(f"{one.left} {NAMES[one.kind]}" for one in held)
    return PartHealth(state="ok", told=f"{told} held{because}"[:2_000])


def _duration(seconds: float) -> str:
    for length, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"
