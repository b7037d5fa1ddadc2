"""What comes and goes over a belt's edges, in the words of tracks and items. Pure.

Who may be whom is told by `beyond`; what becomes of an item is left to `station`.
"""

from collections.abc import Sequence
from dataclasses import replace

from edge_agent.station.beyond import Beyond, Comer, Edge, Left, Told
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.odometer import Odometer, Way
from edge_agent.station.recovery import Remembered
from edge_agent.station.track import Track

# An item whose front came into this last share of the zone has left when it is seen no more.
_EXIT_SHARE = 0.1
# Where a belt can run backward, one that was last seen to begin in this first share of the zone may
# have left by the entry; and one that comes into sight in this last share came back over the exit.
_ENTRY_SHARE = 0.1
_BACK_IN_SHARE = 0.3
# Says nothing of where an item is: for one that left in an earlier run.
_UNKNOWN = Way(1e9, -1e9)


class Edges:
    """The two edges of one belt.

    Args:
        geometry: The station's.
        odometer: How far its belt has come.
    """

    def __init__(self, geometry: StationGeometry, odometer: Odometer) -> None:
        self._geometry, self._odometer = geometry, odometer
        self._beyond = Beyond()

    def take_from_before(self, remembered: Sequence[Remembered]) -> tuple[Remembered, ...]:
        """Takes the items that an earlier run noted before the zone; returns the others."""
        others = []
        for item in remembered:
            if self._geometry.is_belt and self._geometry.along_px(item.x_px, item.y_px) < 0:
                across_px = self._geometry.across_px(item.x_px, item.y_px)
                lane = across_px - item.size_px / 2, across_px + item.size_px / 2
                self._beyond.leave(Left(item, "entry", 0.0, lane, _UNKNOWN))
            else:
                others.append(item)
        return tuple(others)

    def before_zone(self) -> tuple[Remembered, ...]:
        """The items that went back over the entry edge, placed before it."""
        return tuple(self._outside(item) for item in self._beyond.items("entry"))

    def edge_of(self, track: Track) -> Edge | None:
        """By which edge a track left that is seen no more; None for one hidden in the zone."""
        if not self._geometry.is_belt:
            return None
        start_px, _ = self._odometer.ends_px(track.seen_box_px)
        length_px = self._geometry.length_px
        if self._odometer.may_reverse and start_px <= _ENTRY_SHARE * length_px:
            return "entry"
        front_px = self._geometry.along_px(track.x_px, track.y_px) + track.size_px / 2
        return None if front_px < (1 - _EXIT_SHARE) * length_px else "exit"

    def leave(self, item: Remembered, track: Track, edge: Edge, mark: Way) -> Remembered | None:
        """An item left; returns the one that must be forgotten for it.

        Args:
            item: As it was last seen.
            track: Its way.
            edge: By which edge.
            mark: How far the belt had come then.
        """
        start_px, end_px = self._odometer.ends_px(track.seen_box_px)
        inner_px = end_px if edge == "entry" else start_px
        lane = self._across_px(track.seen_box_px)
        return self._beyond.leave(Left(item, edge, inner_px, lane, mark))

    def leave_again(self, left: Left) -> Remembered | None:
        """What came was none: who it was thought to be is still beyond."""
        return self._beyond.leave(left)

    def come(self, track: Track) -> Told:
        """Tells who it is that comes into sight."""
        start_px, end_px = self._odometer.ends_px(track.seen_box_px)
        lane = self._across_px(track.seen_box_px)
        if self._geometry.along_px(*track.first_px) <= self._geometry.entry_px:
            comer = Comer("entry", end_px, lane)
        elif end_px >= (1 - _BACK_IN_SHARE) * self._geometry.length_px:
            comer = Comer("exit", start_px, lane)
        else:
            return Told()
        return self._beyond.come(comer, self._odometer.way)

    def gone(self) -> tuple[Remembered, ...]:
        """Forgets and returns the items that do not come again."""
        return self._beyond.gone(self._odometer.way, self._geometry.length_px)

    def _across_px(self, box_xyxy_px: BoxXyxyPx) -> tuple[float, float]:
        """From where to where a box lies across the travel."""
        left, top, right, bottom = box_xyxy_px
        return self._geometry.across_px(left, top), self._geometry.across_px(right, bottom)

    def _outside(self, item: Remembered) -> Remembered:
        dx, dy = self._geometry.direction
        out_px = self._geometry.along_px(item.x_px, item.y_px) + item.size_px
        return replace(item, x_px=item.x_px - dx * out_px, y_px=item.y_px - dy * out_px)
