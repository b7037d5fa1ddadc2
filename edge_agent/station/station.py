"""The rules of one station over time: detections in, each item's one decision out. Pure.

An item that comes in by the entry edge is decided at the line (on a bench: after a dwell). One that
appears anywhere else, or was there when this began, is never printed: it is either recognised as
an item already decided, or goes to a person. Committing and acting is left to others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from edge_agent.station.decision import Decision
from edge_agent.station.detected import Detected
from edge_agent.station.edges import Edges
from edge_agent.station.expected import Orders
from edge_agent.station.explaining import Explaining
from edge_agent.station.eye_watch import EyeNews, EyePlace, EyeWatch
from edge_agent.station.geometry import StationGeometry, centre_px
from edge_agent.station.items import Decided, EyePass, Item, Rules, StationUpdate
from edge_agent.station.memory import Memory
from edge_agent.station.outcomes import Outcomes
from edge_agent.station.passage import Passage
from edge_agent.station.photo_eye import PhotoEye
from edge_agent.station.reading_turns import CodeReader
from edge_agent.station.recovery import Remembered
from edge_agent.station.settling import Settling
from edge_agent.station.sighting import SightingInProgress
from edge_agent.station.track import Track
from edge_agent.station.tracker import Tracker, TrackerSettings
from edge_agent.station.views import Outliner, Views, no_outline

# Another release may take over while an undecided item has at least the rest of the way to the
# decision line before it: that must do for all the views that a decision needs.
_ADOPT_SHARE = 0.5
# An empty zone is looked at this often, and often enough to see an item come in by the entry edge.
_LONGEST_UNSEEN_S = 1.0
_UNSEEN_SHARE = 0.5
_STOPPED = "the agent was stopped before it was decided"


@dataclass(frozen=True)
class StationSettings:
    """Times of one station.

    Attributes:
        dwell_s: On a bench, how long an item lies before it is decided.
        startup_s: What is seen in this time after the first frame was there before.
        permit_timeout_s: Time after which the belt stops without the run permit; None where the
            belt does not obey one.
        may_reverse: Whether the belt is known to run backward; else that is found out when it does.
        tracker: When tracks begin and end.
        eye: Where its photo-eye is; None where none is fitted.
    """

    dwell_s: float = 0.5
    startup_s: float = 0.5
    permit_timeout_s: float | None = None
    may_reverse: bool = False
    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    eye: EyePlace | None = None


class Station:
    """All items of one station.

    Args:
        geometry: Its zone.
        rules: The release's.
        settings: Its times.
        new_item_id: Gives a new identity at each call.
        remembered: Items that an earlier run saw last.
        speed_px_s: Speed of the belt as an earlier run learnt it.
        orders: What is expected; None where it goes by no order.
        today: The day, for expiry dates.
    """

    def __init__(
        self,
        geometry: StationGeometry,
        rules: Rules,
        settings: StationSettings,
        new_item_id: Callable[[], str],
        *,
        remembered: Sequence[Remembered] = (),
        speed_px_s: float | None = None,
        orders: Orders | None = None,
        today: Callable[[], date] | None = None,
    ) -> None:
        self._outcomes = Outcomes(rules, orders, today)
        self._geometry, self._rules, self._settings = geometry, rules, settings
        self._new_item_id = new_item_id
        self._tracker = Tracker(geometry, settings.tracker, may_reverse=settings.may_reverse)
        if speed_px_s is not None:
            self._tracker.expect_speed(speed_px_s)
        self._memory = Memory(geometry, may_reverse=settings.may_reverse)
        self._edges = Edges(geometry, self._tracker.odometer)
        self._items: dict[int, Item] = {}
        self._last_at = 0.0
        self._at_eye: tuple[EyePass, ...] = ()
        self._eye = None if settings.eye is None else EyeWatch(settings.eye, geometry)
        self._views = Views(rules, geometry.plane)
        self._explaining = Explaining(
            self._memory, self._tracker, self._outcomes, self._eye, settings.permit_timeout_s
        )
        self._passage = Passage(
            geometry, self._tracker, self._edges, self._memory, self._outcomes, eye=self._eye
        )
        self._settling = Settling(
            self._explaining,
            self._edges.take_from_before(remembered),
            settings.startup_s,
            settings.tracker.birth_hits,
        )

    @property
    def has_settled(self) -> bool:
        """True once it is clear what was in the zone at the start."""
        return self._settling.is_over

    @property
    def items(self) -> tuple[Item, ...]:
        """The items in the zone."""
        return tuple(item for item in self._items.values() if self._tracker.is_item(item.track))

    @property
    def before_zone(self) -> tuple[Remembered, ...]:
        """The items that went back over the entry edge: placed before it, they may come again."""
        return self._edges.before_zone()

    @property
    def eye(self) -> PhotoEye | None:
        """What its photo-eye tells; None where none is fitted."""
        return None if self._eye is None else self._eye.eye

    @property
    def speed_px_s(self) -> float | None:
        """Speed of the running belt, where it is known."""
        return self._tracker.running_speed_px_s

    @property
    def longest_unseen_s(self) -> float:
        """How long nobody needs to look at the zone: 0 unless it is known to be empty."""
        if not self.has_settled or self._tracker.tracks or not self._memory.is_empty:
            return 0.0
        if self._eye is not None and self._eye.eye.is_waiting:
            return 0.0
        if not self._geometry.is_belt:
            return _LONGEST_UNSEEN_S
        if (speed_px_s := self.speed_px_s) is None:
            return 0.0
        return min(_LONGEST_UNSEEN_S, _UNSEEN_SHARE * self._geometry.entry_px / speed_px_s)

    def may_adopt(self) -> bool:
        """Whether another release may take over now: no item is in the midst of being judged."""
        undecided = [item for item in self._items.values() if item.outcome is None]
        if not self._geometry.is_belt:
            items = [item for item in undecided if self._tracker.is_item(item.track)]
            return self.has_settled and not items
        farthest_px = _ADOPT_SHARE * self._geometry.line_px
        return self.has_settled and all(self._come_px(i.track) <= farthest_px for i in undecided)

    def adopt(self, rules: Rules) -> None:
        """Goes by another release's rules from now on; only when `may_adopt` says so.

        An undecided item stays the item that it is, and its sighting begins anew; what is decided
        stays decided. How items looked to the model before tells nothing of how they will look.
        """
        self._rules = self._outcomes.rules = rules
        classes = len(rules.manifest.classes)
        self._views.adopt(rules, self._items.values())
        self._tracker.forget_looks(classes)
        self._memory.forget_looks()

    def observe(
        self,
        detections: Sequence[Detected],
        width_px: int,
        height_px: int,
        at: float,
        outline_px: Outliner = no_outline,
        *,
        read_codes: CodeReader | None = None,
        way_px: float | None = None,
        eye: EyeNews | None = None,
    ) -> StationUpdate:
        """Takes in one frame.

        Args:
            detections: What was found in it.
            width_px: Its width.
            height_px: Its height.
            at: When it was captured, in seconds.
            outline_px: Finds outlines in it; asked only where the catalogue knows sizes.
            read_codes: Reads barcodes in it; asked for one item at most. None reads none.
            way_px: How far the belt came since the last frame, where an encoder measures that;
                negative when it ran back.
            eye: What the photo-eye told since the frame before.
        """
        self._settling.begin_frame(at)
        self._last_at = at
        inside = [
            i
            for i, found in enumerate(detections)
            if self._geometry.contains(*centre_px(found.box_xyxy_px))
        ]
        update = self._tracker.update([detections[i] for i in inside], at, way_px)
        for track in update.ended:
            if track.track_id in self._items:
                item = self._items.pop(track.track_id)
                self._passage.end(item, at, looks_hold=item.rules is self._rules)
        seen = [(self._item(track), inside[i]) for track, i in update.seen]
        self._views.add(seen, detections, (width_px, height_px), outline_px, read_codes=read_codes)
        if not self._geometry.is_belt:
            present = {item.item_id for item, _ in seen}
            for item, _ in seen:
                item.seen_with |= present
        odometer = self._tracker.odometer
        self._memory.pass_time(
            at, update.shift_px, self.speed_px_s, may_reverse=odometer.may_reverse
        )
        self._passage.close_gone()
        self._heed_eye(eye or EyeNews(), at)
        for item, _ in seen:
            if item.outcome is None and item.came == "entry" and self._is_complete(item, at):
                self._complete(item, at)
        self._settling.explain(self._items.values(), at)
        return self._told(tuple(seen))

    def _heed_eye(self, news: EyeNews, at: float) -> None:
        """Takes in what the photo-eye told: an item that nobody saw goes to a person."""
        if self._eye is None:
            return
        self._at_eye, unseen = self._eye.observe(
            self.items,
            news,
            at,
            judges=self.has_settled,
            speed_px_s=self.speed_px_s,
            new_item_id=self._new_item_id,
        )
        for item_id, seen in unseen:
            reason = "the photo-eye told of an item that the camera did not see"
            decision = Decision("REVIEW", "seen_by_photo_eye_only", reason)
            place = self._geometry.middle_px(seen.middle_px)
            self._outcomes.keep(Decided(item_id, decision, *place, seen.at))
        for item in self._items.values() if unseen else ():
            track = item.track
            if not self._tracker.is_item(track) and self._eye.find(track, at, self.speed_px_s):
                item.came = "inside"  # it may be what the eye told of

    def finish(self, at: float) -> StationUpdate:
        """Ends: what has no decision goes to a person."""
        self._settling.finish(self._items.values(), at)
        for item in self.items:
            if item.outcome is None:
                self._outcomes.review(item, "stopped", _STOPPED)
        self._items.clear()
        for gone in self._edges.before_zone():
            self._outcomes.close(gone, "stopped", _STOPPED)
        return self._told()

    def _told(self, seen: tuple[tuple[Item, int], ...] = ()) -> StationUpdate:
        update = StationUpdate(seen, *self._outcomes.take(), self._at_eye)
        self._at_eye = ()
        return update

    def _item(self, track: Track) -> Item:
        if track.track_id not in self._items:
            sighting = SightingInProgress(len(self._rules.manifest.classes))
            came = (
                self._passage.way_in(track, self._items.values()) if self.has_settled else "start"
            )
            item = Item(self._new_item_id(), track, sighting, came, self._rules)
            self._items[track.track_id] = item
            if self.has_settled and self._geometry.is_belt:
                self._passage.come_back(item)
        return self._items[track.track_id]

    def _come_px(self, track: Track) -> float:
        """How far from the entry edge a track is by now, though it may be out of sight."""
        predicted_px = self._geometry.along_px(*track.predicted_px(self._last_at))
        return max(self._geometry.along_px(track.x_px, track.y_px), predicted_px)

    def _is_complete(self, item: Item, at: float) -> bool:
        track = item.track
        if not self._tracker.is_item(track):
            return False
        if self._geometry.is_belt:
            if self._eye is not None and self._eye.decides and self._eye.is_due(track):
                return True
            has_crossed = self._geometry.along_px(track.x_px, track.y_px) >= self._geometry.line_px
            return has_crossed and not (self._eye is not None and self._eye.is_waited_for(track))
        has_dwelt = at - track.first_at >= self._settings.dwell_s
        return has_dwelt and item.sighting.views >= self._rules.policy.min_votes

    def _complete(self, item: Item, at: float) -> None:
        """Decides an item that came in by the entry edge, or was laid on the bench."""
        in_zone, is_bench = self._items.values(), not self._geometry.is_belt
        if not (is_bench and self._explaining.explain_at_rest(item, in_zone, at)):
            self._outcomes.decide(item, self._outcomes.judge(item))
