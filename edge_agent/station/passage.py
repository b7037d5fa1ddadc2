"""How items come into sight and go out of it: who a track is, and who it may be later. Pure.

Who may be whom is told by `edges`, `memory` and the photo-eye; when an item is decided is left to
`station`.
"""

from collections.abc import Iterable
from typing import Literal

from edge_agent.station.edges import Edges
from edge_agent.station.eye_watch import EyeWatch
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.items import Item
from edge_agent.station.memory import Memory
from edge_agent.station.outcomes import Outcomes
from edge_agent.station.recovery import Remembered, could_have_come_to
from edge_agent.station.track import Track
from edge_agent.station.tracker import Tracker


class Passage:
    """The comings and goings of one station's items.

    Args:
        geometry: The station's.
        tracker: Follows the items.
        edges: What left by an edge.
        memory: What is out of sight in the zone.
        outcomes: Where outcomes go.
        eye: The photo-eye; None where none is fitted.
    """

    def __init__(
        self,
        geometry: StationGeometry,
        tracker: Tracker,
        edges: Edges,
        memory: Memory,
        outcomes: Outcomes,
        *,
        eye: EyeWatch | None,
    ) -> None:
        self._geometry, self._tracker, self._edges = geometry, tracker, edges
        self._memory, self._outcomes, self._eye = memory, outcomes, eye

    def way_in(self, track: Track, in_zone: Iterable[Item]) -> Literal["entry", "inside"]:
        """How a track came that begins after the start, given the items in the zone by then."""
        geometry = self._geometry
        if not geometry.is_belt:
            return "entry"
        is_deep = geometry.along_px(*track.first_px) > geometry.entry_px
        speed_px_s = self._tracker.running_speed_px_s
        if self._eye is not None and self._eye.find(track, track.first_at, speed_px_s):
            return "inside"
        return "inside" if is_deep or self._may_be_hidden_one(track, in_zone) else "entry"

    def come_back(self, item: Item) -> None:
        """Finds out whether an item that comes into sight left by an edge before."""
        told = self._edges.come(item.track)
        if told.left is None:
            return
        item.was, left = told.left, told.left.item
        if left.outcome is None:
            item.item_id = left.item_id
            item.came = "entry" if told.is_certain else item.came
            return
        item.came = "back"
        if told.is_certain:
            item.item_id, item.outcome = left.item_id, left.outcome
            self._outcomes.recognise(item)

    def end(self, item: Item, at: float, *, looks_hold: bool) -> None:
        """An item was out of sight for too long: it has left, or it is hidden.

        Args:
            item: The item.
            at: The time.
            looks_hold: False where another model than the one of now saw it.
        """
        track = item.track
        if self._eye is not None:
            self._eye.forget(track)
        if not self._tracker.is_item(track):
            if item.was is not None:
                self._forget(self._edges.leave_again(item.was))
            return
        edge = self._edges.edge_of(track)
        # What went back over the entry edge undecided is not lost: it has not come yet.
        if item.outcome is None and edge != "entry":
            missed = "the line" if self._geometry.is_belt else "it was seen for long enough"
            self._outcomes.review(item, "lost", f"lost from sight before {missed}")
        mark = self._tracker.mark(track)
        if edge is not None:
            self._forget(self._edges.leave(_remembered(item, None), track, edge, mark))
            return
        class_name = item.class_name if looks_hold else None
        self._memory.keep(_remembered(item, class_name), at, looks_hold=looks_hold, mark=mark)

    def close_gone(self) -> None:
        """What went back over the entry edge, and can't come again by now, goes to a person."""
        for gone in self._edges.gone():
            self._outcomes.close(
                gone, "lost", "went back over the entry edge and did not come again"
            )

    def _forget(self, item: Remembered | None) -> None:
        if item is not None:
            self._outcomes.close(item, "lost", "went back over the entry edge")

    def _may_be_hidden_one(self, track: Track, in_zone: Iterable[Item]) -> bool:
        """Whether a track begins where an item that is out of sight could be by now."""
        hidden = [
            item
            for item in in_zone
            if self._tracker.is_item(item.track) and item.track.seen_at < track.first_at
        ]
        place = (*track.first_px, track.size_px)
        return self._memory.could_be_at(*place, self._tracker.odometer.way) or any(
            could_have_come_to(_remembered(item, None), *place, self._geometry) for item in hidden
        )


def _remembered(item: Item, class_name: str | None) -> Remembered:
    track = item.track
    return Remembered(
        item.item_id, track.x_px, track.y_px, track.size_px, class_name, track.seen_at, item.outcome
    )
