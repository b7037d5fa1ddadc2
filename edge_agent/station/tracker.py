"""Follows items from frame to frame: constant velocity, one detection to one track. Pure.

On a belt assignment is by place alone, never by class: an item whose class flickers stays one
item. Where a camera may be moved over resting goods, looks help. What the frames say about an item
is left to `sighting`, items that were away to `recovery`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from edge_agent.station.assignment import area_px, assign, doubles, is_inside
from edge_agent.station.detected import Detected
from edge_agent.station.geometry import StationGeometry, centre_px
from edge_agent.station.odometer import Odometer, Way
from edge_agent.station.shift import Along, Spot, common_shift_px
from edge_agent.station.track import Track

# What it costs, in parts of the gate, to take something that looks all different for the same.
_LOOKS_WEIGHT = 0.6
_SPEED_HITS = 5
_SPEEDS = 100
# Shares of the zone a second: a slower belt counts as standing.
_LEAST_SPEED_SHARE = 0.02
_STARTING_SHARE = 0.5
# How much later than others a frame may come, and how far back an item on a belt may seem to be.
_LATE_S = 0.6
_BACK_PX = 8.0


@dataclass(frozen=True)
class TrackerSettings:
    """When a track is born and when it ends.

    Attributes:
        birth_score: Least score of a detection that may begin a track.
        keep_score: Least score of a detection that continues one.
        birth_hits: Detections after which a track counts as an item.
        lost_after_s: Time without a detection after which a track ends.
        max_tracks: Most tracks at a time; further detections are not followed.
    """

    birth_score: float = 0.3
    keep_score: float = 0.1
    birth_hits: int = 3
    lost_after_s: float = 0.8
    max_tracks: int = 64


@dataclass(frozen=True)
class TrackerUpdate:
    """What one frame changed.

    Attributes:
        seen: Tracks with a detection in this frame, each with the index of that detection.
        ended: Tracks that were lost for too long; they will not come back.
        shift_px: How far the whole picture moved (x, y); on a belt it does not.
    """

    seen: tuple[tuple[Track, int], ...]
    ended: tuple[Track, ...]
    shift_px: tuple[float, float]


class Tracker:
    """All tracks of a station.

    Args:
        geometry: Its zone.
        settings: When tracks begin and end.
        may_reverse: Whether the belt is known to run backward at times.

    Attributes:
        odometer: How far the belt has come.
    """

    def __init__(
        self,
        geometry: StationGeometry,
        settings: TrackerSettings | None = None,
        *,
        may_reverse: bool = False,
    ) -> None:
        self.odometer = Odometer(geometry, may_reverse=may_reverse)
        self._marks: dict[int, Way] = {}
        self._geometry = geometry
        self._settings = settings or TrackerSettings()
        self._looks_weight = 0.0 if geometry.is_belt else _LOOKS_WEIGHT
        self._tracks: list[Track] = []
        self._next_id = 1
        self._running_px_s = geometry.speed_px_s
        self._speeds_px_s: deque[float] = deque(maxlen=_SPEEDS)
        self._updated_at = 0.0

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All live tracks."""
        return tuple(self._tracks)

    @property
    def running_speed_px_s(self) -> float | None:
        """Speed of the belt while it runs, configured or learnt; None before it is known."""
        return self._running_px_s

    def expect_speed(self, speed_px_s: float) -> None:
        """Begins with a speed that an earlier run learnt."""
        if self._running_px_s is None:
            self._running_px_s = speed_px_s
            # It has been learnt over many frames: the few in which the belt starts up do not
            # outweigh it, or the items would seem to be unable to have come as far as they have.
            self._speeds_px_s.extend([speed_px_s] * _SPEEDS)

    def forget_looks(self, classes: int) -> None:
        """Another model looks from now on, with so many classes: how items look to it is open."""
        for track in self._tracks:
            track.seen_scores = np.zeros(classes, np.float32)

    def is_item(self, track: Track) -> bool:
        """Whether a track was seen often enough to be an item."""
        return track.hits >= self._settings.birth_hits

    def mark(self, track: Track) -> Way:
        """How far the belt had come when a track was last seen."""
        return self._marks[track.track_id]

    def update(
        self, detections: Sequence[Detected], at: float, way_px: float | None = None
    ) -> TrackerUpdate:
        """Takes in the detections of one frame.

        Args:
            detections: What was found in it.
            at: When it was captured, in seconds of any epoch.
            way_px: How far the belt came since the last frame, where that is measured.
        """
        settings = self._settings
        # A clock that is set, forward or back, ends them all: nothing is known of the time between.
        lasting = [t for t in self._tracks if abs(at - t.seen_at) <= settings.lost_after_s]
        ended = [t for t in self._tracks if abs(at - t.seen_at) > settings.lost_after_s]
        strong = [i for i, d in enumerate(detections) if d.score >= settings.birth_score]
        weak = [
            i
            for i, d in enumerate(detections)
            if settings.keep_score <= d.score < settings.birth_score
        ]
        if way_px is not None:
            self._carry(lasting, way_px, at)
        shift_px = self._shift(lasting, [detections[i] for i in strong], at)
        dt, self._updated_at = at - self._updated_at, at
        # Items before candidates, strong detections before weak ones: a doubtful box never takes
        # an item's place while a better explanation is at hand.
        confirmed = [t for t in lasting if t.hits >= settings.birth_hits]
        candidates = [t for t in lasting if t.hits < settings.birth_hits]
        seen: list[tuple[Track, int]] = []
        for tracks, indices in ((confirmed, strong), (candidates, strong), (confirmed, weak)):
            taken = {index for _, index in seen}
            found = {id(track) for track, _ in seen}
            seen += assign(
                [t for t in tracks if id(t) not in found],
                [i for i in indices if i not in taken],
                detections,
                at,
                self._looks_weight,
            )
        if self._geometry.is_belt:
            self._measure_way(lasting, seen, detections, at, dt=dt, way_px=way_px)
        for track, index in seen:
            track.see(detections[index], at, rests=not self._geometry.is_belt)
        born = self._born(strong, detections, seen, at)
        seen += born
        self._marks |= {track.track_id: self.odometer.way for track, _ in seen}
        twins = doubles([t for t, _ in seen], settings.birth_hits)
        ended += twins
        self._tracks = [t for t in (*lasting, *(t for t, _ in born)) if t not in twins]
        alive = {t.track_id for t in (*self._tracks, *ended)}
        self._marks = {key: mark for key, mark in self._marks.items() if key in alive}
        self._learn_speed(at)
        return TrackerUpdate(
            tuple((t, i) for t, i in seen if t not in twins),
            tuple(ended),
            shift_px,
        )

    def _measure_way(
        self,
        tracks: Sequence[Track],
        seen: Sequence[tuple[Track, int]],
        detections: Sequence[Detected],
        at: float,
        *,
        dt: float,
        way_px: float | None,
    ) -> None:
        """Notes how far the belt came, and carries the items along that are not seen."""
        if way_px is not None:
            self.odometer.tell(way_px)
            return
        moved = [
            (self._marks[track.track_id], moved_px)
            for track, index in seen
            if self.is_item(track)
            and (
                moved_px := self.odometer.moved_px(track.seen_box_px, detections[index].box_xyxy_px)
            )
            is not None
        ]
        way_px = self.odometer.see(moved, dt, self._running_px_s)
        if way_px is not None:
            found = {id(track) for track, _ in seen}
            self._carry([t for t in tracks if id(t) not in found], way_px, at)

    def _carry(self, tracks: Sequence[Track], way_px: float, at: float) -> None:
        dx, dy = self._geometry.direction
        for track in tracks:
            track.carry(dx * way_px, dy * way_px, at)

    def _shift(
        self, tracks: Sequence[Track], detections: Sequence[Detected], at: float
    ) -> tuple[float, float]:
        """Moves the tracks along with what all items do; returns how far a camera was moved."""
        belt = self._along(at)
        trusted = tracks
        if belt is None:
            # What is new in the picture may be the old, seen where the camera has moved to.
            trusted = [t for t in tracks if self.is_item(t)] or tracks
        expected = [Spot(*t.predicted_px(at), t.size_px, t.seen_scores) for t in trusted]
        shift_px = common_shift_px(expected, [_spot(d) for d in detections], belt)
        for track in tracks:
            track.shift(*shift_px)
        return shift_px if belt is None else (0.0, 0.0)

    def _along(self, at: float) -> Along | None:
        """How far off along the belt the items may seem when a frame's time is not exact."""
        if not self._geometry.is_belt:
            return None
        speed, dt = self._running_px_s or 0.0, max(0.0, at - self._updated_at)
        # A belt that turns is behind by what it went and by what it was expected to.
        back_px = (2 if self.odometer.may_reverse else 1) * speed * dt
        return Along(self._geometry.direction, -back_px - _BACK_PX, speed * _LATE_S)

    def _born(
        self,
        strong: Sequence[int],
        detections: Sequence[Detected],
        seen: Sequence[tuple[Track, int]],
        at: float,
    ) -> list[tuple[Track, int]]:
        taken = {index for _, index in seen}
        explained = [detections[index].box_xyxy_px for index in taken]
        born: list[tuple[Track, int]] = []
        for index in strong:
            room = len(self._tracks) + len(born) < self._settings.max_tracks
            box = detections[index].box_xyxy_px
            if index in taken or not room or any(is_inside(box, b) for b in explained):
                continue
            explained.append(box)
            speed = self._running_px_s or 0.0
            dx, dy = self._geometry.direction
            velocity = dx * speed, dy * speed
            born.append((Track(self._next_id, detections[index], at, velocity), index))
            self._next_id += 1
        return born

    def _learn_speed(self, at: float) -> None:
        geometry = self._geometry
        if not geometry.is_belt or geometry.speed_px_s is not None:
            return
        dx, dy = geometry.direction
        speeds = [
            t.velocity_px_s[0] * dx + t.velocity_px_s[1] * dy
            for t in self._tracks
            if t.hits >= _SPEED_HITS and t.seen_at == at
        ]
        if not speeds:
            return
        speed = median(speeds)
        # A belt that stands or starts up says nothing about how fast it runs.
        if speed > max(
            _LEAST_SPEED_SHARE * geometry.length_px, _STARTING_SHARE * (self._running_px_s or 0.0)
        ):
            self._speeds_px_s.append(speed)
            self._running_px_s = median(self._speeds_px_s)


def _spot(detection: Detected) -> Spot:
    x_px, y_px = centre_px(detection.box_xyxy_px)
    return Spot(x_px, y_px, area_px(detection.box_xyxy_px) ** 0.5, detection.class_scores)
