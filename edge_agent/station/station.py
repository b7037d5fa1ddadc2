"""The rules of one station over time: detections in, each item's one decision out. Pure.

An item that comes in by the entry edge is decided at the line (on a bench: after a dwell). One that
appears anywhere else, or was there when this began, is never printed: it is either recognised as
an item already decided, or goes to a person. Committing and acting is left to others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_agent.station.decision import Decision
from edge_agent.station.detected import Detected
from edge_agent.station.edges import Edges
from edge_agent.station.expected import Orders
from edge_agent.station.explaining import Explaining
from edge_agent.station.eye_watch import EyeNews, EyePlace, EyeWatch
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry, centre_px
from edge_agent.station.items import Decided, EyePass, Item, Rules, StationUpdate
from edge_agent.station.memory import Memory
from edge_agent.station.outcomes import Outcomes
from edge_agent.station.photo_eye import PhotoEye
from edge_agent.station.product_size import sized_classes
from edge_agent.station.reading_turns import CodeReader, is_apart, whose_turn
from edge_agent.station.recovery import Remembered, could_have_come_to
from edge_agent.station.sighting import SightingInProgress, is_whole
from edge_agent.station.track import Track
from edge_agent.station.tracker import Tracker, TrackerSettings

Outliner = Callable[[BoxXyxyPx], NDArray[np.float32] | None]
"""Finds the convex outline of the item in a box: float32 [N, 2], x and y in pixels, or None."""

# Another release may take over while an undecided item has at least the rest of the way to the
# decision line before it: that must do for all the views that a decision needs.
_ADOPT_SHARE = 0.5
# An empty zone is looked at this often, and often enough to see an item come in by the entry edge.
_LONGEST_UNSEEN_S = 1.0
_UNSEEN_SHARE = 0.5


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


def _no_outline(_: BoxXyxyPx) -> None:
    return None


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
        self._sized = sized_classes(rules.catalogue)
        self._tracker = Tracker(geometry, settings.tracker, may_reverse=settings.may_reverse)
        if speed_px_s is not None:
            self._tracker.expect_speed(speed_px_s)
        self._memory = Memory(geometry, may_reverse=settings.may_reverse)
        self._edges = Edges(geometry, self._tracker.odometer)
        self._before_start = self._edges.take_from_before(remembered)
        self._items: dict[int, Item] = {}
        self._first_at: float | None = None
        self._last_at = 0.0
        self._frames = 0
        self._has_settled = False
        self._at_eye: tuple[EyePass, ...] = ()
        self._eye = None if settings.eye is None else EyeWatch(settings.eye, geometry)
        self._explaining = Explaining(
            self._memory, self._tracker, self._outcomes, self._eye, settings.permit_timeout_s
        )

    @property
    def has_settled(self) -> bool:
        """True once it is clear what was in the zone at the start."""
        return self._has_settled

    @property
    def items(self) -> tuple[Item, ...]:
        """The items in the zone."""
        return tuple(item for item in self._items.values() if self._is_item(item.track))

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
        if not self._has_settled or self._tracker.tracks or not self._memory.is_empty:
            return 0.0
        if self._eye is not None and self._eye.eye.is_waiting:
            return 0.0
        if not self._geometry.is_belt:
            return _LONGEST_UNSEEN_S
        if (speed_px_s := self.speed_px_s) is None:
            return 0.0
        return min(_LONGEST_UNSEEN_S, _UNSEEN_SHARE * self._geometry.entry_px / speed_px_s)

    def class_name(self, item: Item) -> str | None:
        """The class that leads among an item's views so far."""
        return item.class_name

    def may_adopt(self) -> bool:
        """Whether another release may take over now: no item is in the midst of being judged."""
        undecided = [item for item in self._items.values() if item.outcome is None]
        if not self._geometry.is_belt:
            return self._has_settled and not any(self._is_item(item.track) for item in undecided)
        farthest_px = _ADOPT_SHARE * self._geometry.line_px
        return self._has_settled and all(self._come_px(i.track) <= farthest_px for i in undecided)

    def adopt(self, rules: Rules) -> None:
        """Goes by another release's rules from now on; only when `may_adopt` says so.

        An undecided item stays the item that it is, and its sighting begins anew; what is decided
        stays decided. How items looked to the model before tells nothing of how they will look.
        """
        self._rules, self._sized = rules, sized_classes(rules.catalogue)
        self._outcomes.rules = rules
        classes = len(rules.manifest.classes)
        for item in self._items.values():
            if item.outcome is None:
                before = item.sighting
                item.rules, item.sighting = rules, SightingInProgress(classes)
                item.sighting.best_view, item.sighting.codes = before.best_view, before.codes
        self._tracker.forget_looks(classes)
        self._memory.forget_looks()

    def observe(
        self,
        detections: Sequence[Detected],
        width_px: int,
        height_px: int,
        at: float,
        outline_px: Outliner = _no_outline,
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
        self._first_at = at if self._first_at is None else self._first_at
        self._frames, self._last_at = self._frames + 1, at
        inside = [
            i
            for i, found in enumerate(detections)
            if self._geometry.contains(*centre_px(found.box_xyxy_px))
        ]
        update = self._tracker.update([detections[i] for i in inside], at, way_px)
        for track in update.ended:
            if track.track_id in self._items:
                self._end(self._items.pop(track.track_id), at)
        seen = [(self._item(track), inside[i]) for track, i in update.seen]
        for item, index in seen:
            found = detections[index]
            if item.rules is self._rules:
                is_vote = is_whole(found.box_xyxy_px, width_px, height_px)
                item.sighting.add(found.class_scores, is_vote)
                if is_vote and item.outcome is None:
                    self._measure(item, found, outline_px)
        if read_codes is not None:
            boxes_px = [found.box_xyxy_px for found in detections]
            whole = [
                (item, boxes_px[index])
                for item, index in seen
                if is_whole(boxes_px[index], width_px, height_px) and is_apart(boxes_px, index)
            ]
            if (turn := whose_turn(whole)) is not None:
                item, box_px = turn
                item.sighting.codes.add(read_codes(box_px))
        if not self._geometry.is_belt:
            present = {item.item_id for item, _ in seen}
            for item, _ in seen:
                item.seen_with |= present
        odometer = self._tracker.odometer
        self._memory.pass_time(
            at, update.shift_px, self.speed_px_s, may_reverse=odometer.may_reverse
        )
        for gone in self._edges.gone():
            self._outcomes.close(
                gone, "lost", "went back over the entry edge and did not come again"
            )
        self._heed_eye(eye or EyeNews(), at)
        for item, _ in seen:
            if item.outcome is None and item.came == "entry" and self._is_complete(item, at):
                self._complete(item, at)
        self._explain(at)
        return self._told(tuple(seen))

    def _heed_eye(self, news: EyeNews, at: float) -> None:
        """Takes in what the photo-eye told: an item that nobody saw goes to a person."""
        if self._eye is None:
            return
        self._at_eye, unseen = self._eye.observe(
            self.items,
            news,
            at,
            judges=self._has_settled,
            speed_px_s=self.speed_px_s,
            new_item_id=self._new_item_id,
        )
        for item_id, seen in unseen:
            reason = "the photo-eye told of an item that the camera did not see"
            decision = Decision("REVIEW", "seen_by_photo_eye_only", reason)
            place = self._geometry.middle_px(seen.middle_px)
            self._outcomes.keep(Decided(item_id, decision, *place, seen.at))
        for item in self._items.values() if unseen else ():
            if not self._is_item(item.track) and self._eye.find(item.track, at, self.speed_px_s):
                item.came = "inside"  # it may be what the eye told of

    def _measure(self, item: Item, found: Detected, outline_px: Outliner) -> None:
        plane = self._geometry.plane
        best = self._rules.manifest.classes[int(np.argmax(found.class_scores))]
        if plane is None or best not in self._sized:
            return
        outline = outline_px(found.box_xyxy_px)
        item.sighting.add_footprint(None if outline is None else plane.footprint(outline))

    def finish(self, at: float) -> StationUpdate:
        """Ends: what has no decision goes to a person."""
        if self._first_at is not None and not self._has_settled:
            self._settle(at)
        for item in self.items:
            if item.outcome is None:
                self._outcomes.review(
                    item, "stopped", "the agent was stopped before it was decided"
                )
        self._items.clear()
        for gone in self._edges.before_zone():
            self._outcomes.close(gone, "stopped", "the agent was stopped before it was decided")
        return self._told()

    def _told(self, seen: tuple[tuple[Item, int], ...] = ()) -> StationUpdate:
        update = StationUpdate(seen, *self._outcomes.take(), self._at_eye)
        self._at_eye = ()
        return update

    def _item(self, track: Track) -> Item:
        if track.track_id not in self._items:
            sighting = SightingInProgress(len(self._rules.manifest.classes))
            item = Item(self._new_item_id(), track, sighting, self._came(track), self._rules)
            self._items[track.track_id] = item
            if self._has_settled and self._geometry.is_belt:
                self._come_back(item)
        return self._items[track.track_id]

    def _come_back(self, item: Item) -> None:
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

    def _came(self, track: Track) -> Literal["entry", "start", "inside"]:
        if not self._has_settled:
            return "start"
        geometry = self._geometry
        if not geometry.is_belt:
            return "entry"
        is_deep = geometry.along_px(*track.first_px) > geometry.entry_px
        if self._eye is not None and self._eye.find(track, track.first_at, self.speed_px_s):
            return "inside"
        return "inside" if is_deep or self._may_be_hidden_one(track) else "entry"

    def _may_be_hidden_one(self, track: Track) -> bool:
        """Whether a track begins where an item that is out of sight could be by now."""
        hidden = [
            item
            for item in self._items.values()
            if self._is_item(item.track) and item.track.seen_at < track.first_at
        ]
        place = (*track.first_px, track.size_px)
        return self._memory.could_be_at(*place, self._tracker.odometer.way) or any(
            could_have_come_to(_remembered(item, None), *place, self._geometry) for item in hidden
        )

    def _is_item(self, track: Track) -> bool:
        return track.hits >= self._settings.tracker.birth_hits

    def _come_px(self, track: Track) -> float:
        """How far from the entry edge a track is by now, though it may be out of sight."""
        predicted_px = self._geometry.along_px(*track.predicted_px(self._last_at))
        return max(self._geometry.along_px(track.x_px, track.y_px), predicted_px)

    def _is_complete(self, item: Item, at: float) -> bool:
        track = item.track
        if not self._is_item(track):
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
        if not self._geometry.is_belt:
            if self._explaining.recognise_at_rest(item, at):
                return
            if (similar := self._similar(item)) is not None:
                reason = f"may be item {similar}, which was moved or out of view"
                self._outcomes.review(item, "maybe_seen_before", reason)
                return
        self._outcomes.decide(item, self._outcomes.judge(item))

    def _similar(self, item: Item) -> str | None:
        """An item of the same looks that is out of sight and never was seen beside this one."""
        class_name = self.class_name(item)
        hidden = [
            other.item_id
            for other in self._items.values()
            if other.outcome is not None
            and other.track.seen_at < item.track.seen_at
            and (other.rules is not self._rules or self.class_name(other) == class_name)
        ]
        alike = (i for i in (*hidden, *self._memory.alike(class_name)) if i not in item.seen_with)
        return next(alike, None)

    def _end(self, item: Item, at: float) -> None:
        """An item was out of sight for too long: it has left, or it is hidden."""
        track, geometry = item.track, self._geometry
        if self._eye is not None:
            self._eye.forget(track)
        if not self._is_item(track):
            if item.was is not None:
                self._forget(self._edges.leave_again(item.was))
            return
        edge = self._edges.edge_of(track)
        # What went back over the entry edge undecided is not lost: it has not come yet.
        if item.outcome is None and edge != "entry":
            missed = "the line" if geometry.is_belt else "it was seen for long enough"
            self._outcomes.review(item, "lost", f"lost from sight before {missed}")
        mark = self._tracker.mark(track)
        if edge is not None:
            self._forget(self._edges.leave(_remembered(item, None), track, edge, mark))
            return
        is_known = item.rules is self._rules
        class_name = self.class_name(item) if is_known else None
        self._memory.keep(_remembered(item, class_name), at, looks_hold=is_known, mark=mark)

    def _forget(self, item: Remembered | None) -> None:
        if item is not None:
            self._outcomes.close(item, "lost", "went back over the entry edge")

    def _explain(self, at: float) -> None:
        assert self._first_at is not None
        if not self._has_settled:
            # The clock may be set back just now: what counts is that time has passed.
            is_long_enough = abs(at - self._first_at) > self._settings.startup_s
            if is_long_enough and self._frames > 2 * self._settings.tracker.birth_hits:
                self._settle(at)
            return
        self._recognise(at, 2 * self._settings.tracker.birth_hits)

    def _settle(self, at: float) -> None:
        """Finds out what became of the items that an earlier run saw last."""
        assert self._first_at is not None
        self._has_settled = True
        self._explaining.remember(self._before_start, at)
        self._recognise(at, self._settings.tracker.birth_hits)
        self._explaining.close_undecided()

    def _recognise(self, at: float, least_hits: int) -> None:
        """Explains the items that did not come in by the entry edge, once they are seen well."""
        items = [
            item
            for item in self._items.values()
            if item.came != "entry" and item.outcome is None and item.track.hits >= least_hits
        ]
        self._explaining.explain(items, at)


def _remembered(item: Item, class_name: str | None) -> Remembered:
    track = item.track
    return Remembered(
        item.item_id, track.x_px, track.y_px, track.size_px, class_name, track.seen_at, item.outcome
    )
