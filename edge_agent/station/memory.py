"""Remembers items that are out of sight, for as long as they can still come back. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_agent.station.geometry import StationGeometry
from edge_agent.station.odometer import Way
from edge_agent.station.recovery import (
    Recognised,
    Remembered,
    Unexplained,
    could_have_come_to,
    farthest_way_px,
    recognise,
)

_MAX_ITEMS = 64
_LONGEST_S = 60.0
# On a bench, an item whose place is in view but which is not seen has been hidden for so long at
# most; then it is gone.
_HIDDEN_S = 2.0
# A running belt has carried an item out after this many times the time that its way takes.
_LEAVING_FACTOR = 2.0


@dataclass(frozen=True)
class _Kept:
    """An item out of sight.

    Attributes:
        item: As it was last seen.
        kept_at: Since when it is here.
        ran_s: For how long the belt may have run between the two.
        in_view_since: On a bench, since when its place is in view.
        is_from_before: Whether an earlier run saw it last.
        looks_hold: False where another model saw it: to the one of now, it may look like anything.
        mark: How far the belt had come when it was last seen; None where that is not known.
    """

    item: Remembered
    kept_at: float
    ran_s: float
    in_view_since: float | None
    is_from_before: bool
    looks_hold: bool
    mark: Way | None


class Memory:
    """The items out of sight of one station.

    Args:
        geometry: Its zone.
        may_reverse: Whether its belt is known to run backward at times.
    """

    def __init__(self, geometry: StationGeometry, *, may_reverse: bool = False) -> None:
        self._geometry, self._may_reverse = geometry, may_reverse
        self._kept: dict[str, _Kept] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no item is out of sight that may come back."""
        return not self._kept

    def keep(
        self,
        item: Remembered,
        at: float,
        ran_s: float | None = None,
        *,
        looks_hold: bool = True,
        mark: Way | None = None,
    ) -> None:
        """Remembers an item from now on.

        Args:
            item: As it was last seen.
            at: The time.
            ran_s: For one that an earlier run saw last: for how long the belt ran since, at most.
            looks_hold: False where another model than the one of now saw it.
            mark: How far the belt had come then, see `Odometer.way`.
        """
        while len(self._kept) >= _MAX_ITEMS:
            del self._kept[next(iter(self._kept))]
        is_from_before = ran_s is not None
        ran_s = at - item.seen_at if ran_s is None else ran_s
        self._kept[item.item_id] = _Kept(item, at, ran_s, at, is_from_before, looks_hold, mark)

    def forget_looks(self) -> None:
        """Another model looks from now on: how the items looked before tells nothing any more."""
        for item_id, kept in self._kept.items():
            item = replace(kept.item, class_name=None)
            self._kept[item_id] = replace(kept, item=item, looks_hold=False)

    def take(self, item_id: str) -> Remembered:
        """Gives an item back that is in sight again."""
        return self._kept.pop(item_id).item

    def close_undecided(self) -> tuple[Remembered, ...]:
        """Returns the items without an outcome; from now on they count as reviewed."""
        undecided = tuple(k.item for k in self._kept.values() if k.item.outcome is None)
        for item in undecided:
            kept = self._kept[item.item_id]
            self._kept[item.item_id] = replace(kept, item=replace(item, outcome="REVIEW"))
        return undecided

    def recognise(
        self, unexplained: Sequence[Unexplained], speed_px_s: float | None, at: float, way: Way
    ) -> dict[int, Recognised]:
        """Tells which of the items kept each unexplained one is; see `recovery.recognise`.

        Args:
            unexplained: What is seen.
            speed_px_s: Speed of the running belt, where it is known.
            at: The time.
            way: How far the belt has come.
        """
        ways = [self._since(kept, speed_px_s, at, way) for kept in self._kept.values()]
        # Each is tried from its least way: beyond that, all have come by much the same.
        items = [
            self._moved(kept.item, since.least_px)
            for kept, since in zip(self._kept.values(), ways, strict=True)
        ]
        farthest_px = max((since.unsure_px for since in ways), default=0.0)
        return recognise(unexplained, items, self._geometry, farthest_px)

    def _since(self, kept: _Kept, speed_px_s: float | None, at: float, way: Way) -> Way:
        """How far the belt came since an item was last seen."""
        ran_s = kept.ran_s + at - kept.kept_at
        if self._geometry.is_belt and kept.mark is not None and ran_s >= 0:
            since = way.since(kept.mark)
            farthest_px = 2 * self._geometry.length_px
            return Way(max(-farthest_px, since.least_px), min(farthest_px, since.most_px))
        # A clock that was set back leaves everything open.
        most_px = farthest_way_px(self._geometry, speed_px_s, ran_s)
        return Way(-most_px if self._may_reverse else 0.0, most_px)

    def _moved(self, item: Remembered, way_px: float) -> Remembered:
        dx, dy = self._geometry.direction
        return replace(item, x_px=item.x_px + dx * way_px, y_px=item.y_px + dy * way_px)

    def could_be_at(self, x_px: float, y_px: float, size_px: float, way: Way) -> bool:
        """Whether the belt can have carried an item that this run lost to this place."""
        for kept in self._kept.values():
            if kept.is_from_before:
                continue  # the start has settled what became of those
            back_px = 0.0 if kept.mark is None else min(0.0, way.since(kept.mark).least_px)
            item = self._moved(kept.item, back_px)
            if could_have_come_to(item, x_px, y_px, size_px, self._geometry):
                return True
        return False

    def alike(self, class_name: str | None) -> list[str]:
        """Returns the items that looked like this, or may look like it now."""
        return [
            item_id
            for item_id, kept in self._kept.items()
            if not kept.looks_hold or kept.item.class_name == class_name
        ]

    def pass_time(
        self,
        at: float,
        shift_px: tuple[float, float],
        speed_px_s: float | None,
        *,
        may_reverse: bool = False,
    ) -> None:
        """Moves all items along with the picture, and lets go of what can't come back."""
        geometry = self._geometry
        longest_s = _LONGEST_S
        # A belt that runs back and forth may keep an item in the zone for as long as it likes.
        if geometry.is_belt and speed_px_s and not may_reverse:
            longest_s = min(longest_s, _LEAVING_FACTOR * geometry.length_px / speed_px_s)
        for item_id, kept in list(self._kept.items()):
            item = replace(
                kept.item, x_px=kept.item.x_px + shift_px[0], y_px=kept.item.y_px + shift_px[1]
            )
            is_in_view = geometry.contains(item.x_px, item.y_px)
            since = (kept.in_view_since or at) if is_in_view else None
            is_hidden_too_long = (
                not geometry.is_belt and since is not None and at - since > _HIDDEN_S
            )
            if is_hidden_too_long or not 0 <= at - kept.kept_at <= longest_s:
                del self._kept[item_id]
            else:
                self._kept[item_id] = replace(kept, item=item, in_view_since=since)
