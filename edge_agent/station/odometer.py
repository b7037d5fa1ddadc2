"""How far the belt has come, forward or back, and how sure that is. Pure.

All that lies on a belt moves by the same way: what is seen in two frames measures it, an encoder
tells it. While nothing is seen, it lies between bounds. Whose way that is, is the tracker's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from edge_agent.station.geometry import BoxXyxyPx, StationGeometry

# What the belt may have come unseen, in parts of what it would at its speed.
_SPEED_TOLERANCE = 1.1
# A belt has run backward when it came back so far: more than boxes tremble by.
_BACK_PX = 16.0
# A box that ends so near to an edge is cut by it: only its other end moves with the belt.
_CUT_PX = 3.0


@dataclass(frozen=True)
class Way:
    """A way along the travel, negative for one back, of which two bounds are known.

    Attributes:
        least_px: At least so far.
        most_px: At most so far.
    """

    least_px: float
    most_px: float

    def since(self, mark: "Way") -> "Way":
        """The way from a mark to this."""
        return Way(self.least_px - mark.least_px, self.most_px - mark.most_px)

    @property
    def unsure_px(self) -> float:
        """How far apart the two bounds are."""
        return self.most_px - self.least_px


class Odometer:
    """The way of one belt since the beginning.

    Args:
        geometry: The station's.
        may_reverse: Whether the belt can run backward; else that is found out when it is seen to.

    Attributes:
        way: How far it has come so far.
        may_reverse: Whether it can run backward.
        is_going_back: Whether it was last seen going backward.
    """

    def __init__(self, geometry: StationGeometry, *, may_reverse: bool = False) -> None:
        self._geometry = geometry
        self.way = Way(0.0, 0.0)
        self.may_reverse = may_reverse
        self._back_px = 0.0

    @property
    def is_going_back(self) -> bool:
        """Whether it has gone back since it last went forward."""
        return self._back_px < -_BACK_PX / 2

    def tell(self, way_px: float) -> None:
        """Takes in a way that an encoder measured since the last call."""
        self._went(way_px)
        self.way = Way(self.way.least_px + way_px, self.way.most_px + way_px)

    def see(
        self, seen: Sequence[tuple[Way, float]], dt: float, speed_px_s: float | None
    ) -> float | None:
        """Takes in one frame.

        Args:
            seen: Of each item that is seen again, the mark at which it was seen before, and how far
                it has come since.
            dt: Time since the last frame, in seconds.
            speed_px_s: Speed of the running belt, where it is known.

        Returns:
            How far the belt came since the last frame; None where that was not seen.
        """
        before = self.way
        unseen = self._unseen(dt, speed_px_s)
        if not seen:
            self.way = unseen
            return None
        least_unsure = min(mark.unsure_px for mark, _ in seen)
        if least_unsure > unseen.unsure_px:
            self.way = unseen
            return None
        ways = [m.least_px + way for m, way in seen if m.unsure_px <= least_unsure]
        least_px = median(ways)
        self.way = Way(least_px, least_px + least_unsure)
        if before.unsure_px > least_unsure:
            return None
        self._went(least_px - before.least_px)
        return least_px - before.least_px

    def moved_px(self, before: BoxXyxyPx, now: BoxXyxyPx) -> float | None:
        """How far an item came along the travel between two boxes; None where both ends are cut."""
        (start, end), (start_now, end_now) = self.ends_px(before), self.ends_px(now)
        length_px = self._geometry.length_px
        at_entry = min(start, start_now) <= _CUT_PX
        at_exit = max(end, end_now) >= length_px - _CUT_PX
        if at_entry and at_exit:
            return None
        if at_entry:
            return end_now - end
        if at_exit:
            return start_now - start
        return (start_now + end_now - start - end) / 2

    def ends_px(self, box: BoxXyxyPx) -> tuple[float, float]:
        """Where a box begins and ends along the travel."""
        one = self._geometry.along_px(box[0], box[1])
        other = self._geometry.along_px(box[2], box[3])
        return min(one, other), max(one, other)

    def _unseen(self, dt: float, speed_px_s: float | None) -> Way:
        if speed_px_s is None or dt < 0:
            most_px = 2 * self._geometry.length_px  # nothing is known of where things may be
        else:
            most_px = _SPEED_TOLERANCE * speed_px_s * dt
        least_px = -most_px if self.may_reverse else 0.0
        return Way(self.way.least_px + least_px, self.way.most_px + most_px)

    def _went(self, way_px: float) -> None:
        self._back_px = min(0.0, self._back_px + way_px)
        self.may_reverse = self.may_reverse or self._back_px < -_BACK_PX
