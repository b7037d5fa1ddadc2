"""A station's photo-eye among its items: which are due by it, and what passed unseen. Pure.

An item that only the photo-eye saw has an identity and a place from then on: if the camera finds it
later, it is that one. Which edge belongs to which track is `photo_eye`'s to say.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.station.eye_words import EyeEdge, EyeUpdate, Passing, Unseen
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.items import EyeEvent, EyePass, Item
from edge_agent.station.photo_eye import PhotoEye
from edge_agent.station.track import Track
from edge_agent.station.way import Ends

_SPEED_TOLERANCE = 1.2
_MAX_KEPT = 64
_MAX_NAMED = 256
_KEPT_S = 60.0
# A running belt has carried an item out after this many times the time that its way takes.
_LEAVING_FACTOR = 2.0


@dataclass(frozen=True)
class EyePlace:
    """Where a station's photo-eye is, and what it is for.

    Attributes:
        place_px: Where the beam crosses the belt, from the zone's entry edge along the travel.
        tolerance_px: How far off that place an item's edge may be when the beam tells of it.
        decides: Whether its edge decides an item; else it only counts.
    """

    place_px: float
    tolerance_px: float
    decides: bool = True


@dataclass(frozen=True)
class EyeNews:
    """What the photo-eye told since the last frame.

    Attributes:
        edges: Its edges, in order.
        is_heard: Whether it can be heard at all.
    """

    edges: Sequence[EyeEdge] = ()
    is_heard: bool = True


@dataclass(frozen=True)
class _Kept:
    """An item that only the photo-eye saw."""

    item_id: str
    seen: Unseen


class EyeWatch:
    """The photo-eye of one station.

    Args:
        place: Where it is.
        geometry: The station's.

    Attributes:
        eye: What it told.
    """

    def __init__(self, place: EyePlace, geometry: StationGeometry) -> None:
        self._place, self._geometry = place, geometry
        self.eye = PhotoEye(place.place_px, place.tolerance_px)
        self._due: set[int] = set()
        self._kept: list[_Kept] = []
        self._is_heard = True
        self._item_ids: dict[int, str] = {}

    def observe(
        self,
        items: Iterable[Item],
        news: EyeNews,
        at: float,
        *,
        judges: bool,
        speed_px_s: float | None,
        new_item_id: Callable[[], str],
    ) -> tuple[tuple[EyePass, ...], tuple[tuple[str, Unseen], ...]]:
        """Takes in one frame.

        Args:
            items: The items in the zone.
            news: What the eye told.
            at: When the frame was captured.
            judges: Whether it is clear what was in the zone at the start.
            speed_px_s: Speed of the running belt, where it is known.
            new_item_id: Gives a new identity at each call.

        Returns:
            What happened, and the items among it that nobody saw, with their new identities.
        """
        inside = tuple(items)
        # What is out of sight may still come to the beam: it is known for a while.
        self._item_ids |= {item.track.track_id: item.item_id for item in inside}
        while len(self._item_ids) > _MAX_NAMED:
            del self._item_ids[next(iter(self._item_ids))]
        passing = [self._passing(item.track) for item in inside]
        self._is_heard = news.is_heard
        self.eye.take(news.edges)
        update = self.eye.observe(passing, at, judges=judges, is_heard=news.is_heard)
        self._due |= {*update.matched, *update.joined}
        way_px = _LEAVING_FACTOR * self._geometry.length_px
        longest_s = min(_KEPT_S, way_px / speed_px_s) if speed_px_s else _KEPT_S
        self._kept = [kept for kept in self._kept if 0 <= at - kept.seen.at <= longest_s]
        unseen = tuple((new_item_id(), seen) for seen in update.unseen)
        self._kept = [*self._kept, *(_Kept(*new) for new in unseen)][-_MAX_KEPT:]
        return (
            *_told(update, self._item_ids, at),
            *(EyePass(s.at, "unseen", i) for i, s in unseen),
        ), unseen

    def is_due(self, track: Track) -> bool:
        """Whether the eye has told of an item."""
        return track.track_id in self._due

    def is_waited_for(self, track: Track) -> bool:
        """Whether an item is not decided at the line, because its edge is still to come."""
        if not self._place.decides or not self._is_heard or self.eye.misses_items:
            return False
        reach_px = self._place.place_px + self._place.tolerance_px
        return not self.is_due(track) and self._passing(track).ends.front_px <= reach_px

    @property
    def decides(self) -> bool:
        """Whether its edge decides an item."""
        return self._place.decides

    def forget(self, track: Track) -> None:
        """A track is over."""
        self._due.discard(track.track_id)

    def find(self, track: Track, at: float, speed_px_s: float | None) -> str | None:
        """The item that only the eye saw until now and that a track is or may be."""
        along_px = self._geometry.along_px(track.x_px, track.y_px)
        slack_px = self._place.tolerance_px + track.size_px / 2
        for kept in self._kept:
            way_px = along_px - kept.seen.middle_px
            ran_px = self._geometry.length_px
            if speed_px_s is not None:
                ran_px = _SPEED_TOLERANCE * speed_px_s * max(0.0, at - kept.seen.at)
            if -slack_px <= way_px <= ran_px + slack_px:
                return kept.item_id
        return None

    def take(self, item_id: str) -> None:
        """The camera has found it."""
        self._kept = [kept for kept in self._kept if kept.item_id != item_id]

    def _passing(self, track: Track) -> Passing:
        left, top, right, bottom = track.seen_box_px
        ends = (self._geometry.along_px(left, top), self._geometry.along_px(right, bottom))
        dx, dy = self._geometry.direction
        speed_px_s = track.velocity_px_s[0] * dx + track.velocity_px_s[1] * dy
        return Passing(track.track_id, Ends(track.seen_at, max(ends), min(ends)), speed_px_s)


def _told(update: EyeUpdate, item_ids: Mapping[int, str], at: float) -> list[EyePass]:
    happened: tuple[tuple[EyeEvent, tuple[int, ...]], ...] = (
        ("matched", update.matched),
        ("joined", update.joined),
        ("missed", update.missed),
        ("repeated", update.repeated),
    )
    return [
        EyePass(at, what, item_ids[key])
        for what, keys in happened
        for key in keys
        if key in item_ids
    ]
