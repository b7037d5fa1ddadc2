"""The photo-eye of a simulated belt: what breaks its beam, to the moment, and what it tells of it.

Pure: it is told where the items are. Its faults are those of real ones: it can miss an item, tell
of one twice, or say nothing at all.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

BOUNCE_S = 0.01
"""How far apart the edges of a bouncing eye are."""


@dataclass(frozen=True)
class BeamPlan:
    """A photo-eye.

    Attributes:
        place_part: Where it lies across the belt, as a part of the image's width.
        missed: Numbers of the items that do not break it.
        bouncing: Numbers of the items of which it tells twice.
        is_silent: Whether it says nothing at all.
    """

    place_part: float = 0.5
    missed: Collection[int] = ()
    bouncing: Collection[int] = ()
    is_silent: bool = False


@dataclass(frozen=True)
class BeamEdge:
    """A change of the beam: when, seconds since the epoch, and whether something came into it."""

    at_s: float
    is_broken: bool


class Beam:
    """The beam across one belt.

    Args:
        plan: What it is like.
        place_mm: Where it is, along the belt.

    Attributes:
        edges: All that it told so far.
    """

    def __init__(self, plan: BeamPlan, place_mm: float) -> None:
        self._plan, self._place_mm = plan, place_mm
        self._inside: set[int] = set()
        self.edges: list[BeamEdge] = []

    def advance(
        self, ends_mm: Mapping[int, tuple[float, float]], at_s: float, speed_mm_s: float
    ) -> list[BeamEdge]:
        """Returns what it tells of the time since it was asked last.

        Args:
            ends_mm: Front and rear of each item on the belt now, by its number.
            at_s: The time, in seconds since the epoch.
            speed_mm_s: How fast the belt ran; 0 where it stood.
        """
        inside = {
            number
            for number, (front_mm, rear_mm) in ends_mm.items()
            if rear_mm < self._place_mm <= front_mm and number not in self._plan.missed
        }
        taken_off = (self._place_mm, self._place_mm)
        came = [(ends_mm[number][0], 1, number) for number in inside - self._inside]
        went = [(ends_mm.get(number, taken_off)[1], -1, number) for number in self._inside - inside]
        changes = [
            (at_s - self._ago_s(end_mm, speed_mm_s), step, number)
            for end_mm, step, number in (*came, *went)
        ]
        told: list[BeamEdge] = []
        depth = len(self._inside)
        for when_s, step, number in sorted(changes):
            before, depth = depth, depth + step
            if (before == 0) != (depth == 0):
                told.append(BeamEdge(when_s, depth > 0))
                if number in self._plan.bouncing:
                    told += [
                        BeamEdge(when_s + BOUNCE_S, depth == 0),
                        BeamEdge(when_s + 2 * BOUNCE_S, depth > 0),
                    ]
        self._inside = inside
        if self._plan.is_silent:
            return []
        self.edges += told
        return told

    def _ago_s(self, end_mm: float, speed_mm_s: float) -> float:
        return max(0.0, end_mm - self._place_mm) / speed_mm_s if speed_mm_s > 0 else 0.0
