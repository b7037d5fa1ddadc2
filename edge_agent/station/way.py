"""Where the two ends of a track were over the last seconds, along the travel. Pure."""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

_PLACES = 64


@dataclass(frozen=True)
class Ends:
    """The ends of a track at a time.

    Attributes:
        at: When, in seconds since the epoch.
        front_px: Its foremost edge, from the zone's entry edge along the travel.
        rear_px: Its rearmost one.
    """

    at: float
    front_px: float
    rear_px: float


@dataclass(eq=False)
class Way:
    """One track's way.

    Attributes:
        ends: Where it was seen, in order.
        speed_px_s: Its speed along the travel, as known last.
    """

    ends: deque[Ends] = field(default_factory=lambda: deque(maxlen=_PLACES))
    speed_px_s: float = 0.0

    def see(self, ends: Ends, speed_px_s: float) -> None:
        """Takes in where it is; the same moment again changes nothing."""
        self.speed_px_s = speed_px_s
        if not self.ends or ends.at > self.ends[-1].at:
            self.ends.append(ends)

    def at(self, at: float) -> Ends:
        """Where it was at a time: between two places seen, or on from the nearest of them."""
        first, last = self.ends[0], self.ends[-1]
        for before, after in pairwise(self.ends):
            if before.at <= at <= after.at:
                return _between(before, after, (at - before.at) / (after.at - before.at))
        nearest = first if at < first.at else last
        moved_px = self.speed_px_s * (at - nearest.at)
        return Ends(at, nearest.front_px + moved_px, nearest.rear_px + moved_px)

    def crossed_at(self, place_px: float) -> float:
        """When its front came to a place; the last moment seen where it has not."""
        for before, after in pairwise(self.ends):
            if before.front_px < place_px <= after.front_px:
                way_px = after.front_px - before.front_px
                return _between(before, after, (place_px - before.front_px) / way_px).at
        return self.ends[-1].at


def _between(before: Ends, after: Ends, share: float) -> Ends:
    return Ends(
        before.at + share * (after.at - before.at),
        before.front_px + share * (after.front_px - before.front_px),
        before.rear_px + share * (after.rear_px - before.rear_px),
    )
