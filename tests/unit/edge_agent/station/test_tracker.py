from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.tracker import Tracker, TrackerSettings

BELT = StationGeometry((0, 0, 480, 320))
BENCH = StationGeometry((0, 0, 480, 320), travel="none")


def scores(of: int = 0) -> NDArray[np.float32]:
    given = np.full(3, 0.02, np.float32)
    given[of] = 0.95
    return given


@dataclass(frozen=True)
class Seen:
    box_xyxy_px: BoxXyxyPx
    score: float = 0.95
    class_scores: NDArray[np.float32] = field(default_factory=scores)


def at(x: float, y: float = 160, size: float = 60, score: float = 0.95, of: int = 0) -> Seen:
    half = size / 2
    return Seen((x - half, y - half, x + half, y + half), score, scores(of))


def follow(tracker: Tracker, frames: list[list[Seen]], fps: float = 20.0) -> list[list[int]]:
    """Gives the track of each detection, frame by frame; 0 for one that is not followed."""
    told = []
    for i, detections in enumerate(frames):
        update = tracker.update(detections, i / fps)
        of = {index: track.track_id for track, index in update.seen}
        told.append([of.get(index, 0) for index in range(len(detections))])
    return told


def test_one_item_is_one_track_and_teaches_the_speed_of_the_belt() -> None:
    tracker = Tracker(BELT)
    told = follow(tracker, [[at(20 + 8 * i)] for i in range(40)])
    assert {ids[0] for ids in told} == {1}
    assert tracker.running_speed_px_s == pytest.approx(160, rel=0.05)


def test_a_belt_that_starts_up_does_not_unteach_the_speed_learnt_before() -> None:
    tracker = Tracker(BELT)
    tracker.expect_speed(160.0)
    stands = [[at(100)] for _ in range(14)]
    follow(tracker, [*stands, *([at(100 + 8 * i)] for i in range(1, 12))])
    assert tracker.running_speed_px_s == pytest.approx(160, rel=0.05)


def test_jitter_of_the_boxes_does_not_break_a_track() -> None:
    random = np.random.default_rng(1)
    frames = [
        [at(20 + 8 * i + random.normal(0, 3), 160 + random.normal(0, 3), 60 + random.normal(0, 4))]
        for i in range(50)
    ]
    told = follow(tracker := Tracker(BELT), frames)
    assert {ids[0] for ids in told} == {1}
    assert tracker.running_speed_px_s == pytest.approx(160, rel=0.15)


@given(
    gap=st.integers(1, 5),
    first_missed=st.integers(5, 20),
    speed=st.floats(40, 400),
    travel=st.sampled_from(["right", "left", "down", "up"]),
)
@settings(max_examples=60, deadline=None)
def test_missed_frames_do_not_break_a_track(
    gap: int, first_missed: int, speed: float, travel: str
) -> None:
    geometry = StationGeometry((0, 0, 1200, 1200), travel=travel)  # type: ignore[arg-type]
    dx, dy = geometry.direction
    tracker = Tracker(geometry)
    ids = set()
    for i in range(30):
        missed = first_missed <= i < first_missed + gap
        x, y = 600 + dx * (i * speed / 20 - 500), 600 + dy * (i * speed / 20 - 500)
        update = tracker.update([] if missed else [at(x, y)], i / 20)
        ids |= {track.track_id for track, _ in update.seen}
    assert ids == {1}


def test_dropped_frames_do_not_break_a_track() -> None:
    random = np.random.default_rng(2)
    tracker = Tracker(BELT)
    time, ids = 0.0, set()
    while (x := 20 + 160 * time) < 460:
        update = tracker.update([at(x)], time)
        ids |= {track.track_id for track, _ in update.seen}
        time += random.choice([0.03, 0.05, 0.05, 0.1, 0.2])
    assert ids == {1}


@given(
    gap=st.floats(2, 40),
    size=st.floats(30, 90),
    missing=st.sets(st.tuples(st.integers(0, 29), st.integers(0, 1)), max_size=14),
    is_behind=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_items_beside_or_behind_each_other_keep_their_tracks(
    gap: float, size: float, missing: set[tuple[int, int]], is_behind: bool
) -> None:
    """Two items of one class, almost touching, with frames in which either is not seen."""
    tracker = Tracker(StationGeometry((0, 0, 1000, 600), speed_px_s=160))
    tracks: dict[int, set[int]] = {0: set(), 1: set()}
    for i in range(30):
        x = 150 + 8 * i
        places = [(x, 200.0), (x - size - gap, 200.0) if is_behind else (x, 200 + size + gap)]
        seen = [n for n in (0, 1) if i == 0 or (i, n) not in missing]
        update = tracker.update([at(places[n][0], places[n][1], size) for n in seen], i / 20)
        for track, index in update.seen:
            tracks[seen[index]].add(track.track_id)
    assert not tracks[0] & tracks[1]


@given(seed=st.integers(0, 10_000), pitch=st.sampled_from([130.0, 160.0, 250.0]))
@settings(max_examples=100, deadline=None)
def test_frames_that_come_late_and_in_bursts_do_not_break_tracks(seed: int, pitch: float) -> None:
    """Exposed in regular time, received after stalls; of a burst the oldest frames are dropped."""
    random = np.random.default_rng(seed)
    tracker = Tracker(BELT)
    tracker.expect_speed(120.0)
    tracks: dict[int, set[int]] = {}
    received, free_at = 0.0, 0.0
    for i in range(150):
        exposed = i / 15
        if exposed > free_at + 0.5 and random.random() < 0.08:
            free_at = exposed + random.uniform(0.1, 0.5)
        if exposed < free_at - 0.15:
            continue  # dropped
        received = max(received + 0.005, exposed, free_at)
        places = [120 * exposed - pitch * n for n in range(10)]
        seen = [n for n, x in enumerate(places) if 30 < x < 450]
        update = tracker.update([at(places[n], size=80) for n in seen], received)
        for track, index in update.seen:
            tracks.setdefault(seen[index], set()).add(track.track_id)
    assert all(len(ids) == 1 for ids in tracks.values())
    assert len(set.union(*tracks.values())) == len(tracks)


def test_a_fast_item_overtaken_by_none_crosses_another_lane() -> None:
    """Two items in two lanes, one rolling faster past the other."""
    frames = [[at(20 + 8 * i, 100), at(-100 + 14 * i, 220)] for i in range(10, 30)]
    told = follow(Tracker(BELT), frames)
    assert {ids[0] for ids in told} == {told[0][0]}
    assert {ids[1] for ids in told} == {told[0][1]}


def test_an_item_keeps_its_track_while_the_belt_stops_and_starts() -> None:
    x, frames = 20.0, []
    for i in range(80):
        x += 0 if 20 <= i < 50 else 8
        frames.append([at(x)])
    told = follow(tracker := Tracker(BELT), frames)
    assert {ids[0] for ids in told} == {1}
    assert tracker.running_speed_px_s == pytest.approx(160, rel=0.1)


def test_an_item_that_comes_long_after_another_left_is_another() -> None:
    frames = [[at(20 + 8 * i)] for i in range(56)] + [[]] * 20
    frames += [[at(20 + 8 * i)] for i in range(10)]
    told = follow(Tracker(BELT), frames)
    assert {ids[0] for ids in told if ids} == {1, 2}


def test_a_second_box_on_an_item_begins_no_track() -> None:
    part = Seen((150, 150, 180, 180), 0.9)
    told = follow(Tracker(BELT), [[at(165, 165, 80), part]] * 10)
    assert told == [[1, 0]] * 10


def test_a_doubtful_detection_continues_a_track_but_begins_none() -> None:
    tracker = Tracker(BELT)
    assert follow(tracker, [[at(100, score=0.2)]] * 3) == [[0]] * 3
    told = follow(tracker, [[at(20 + 8 * i, score=0.9 if i < 5 else 0.2)] for i in range(20)])
    assert {ids[0] for ids in told} == {1}


def test_a_lost_track_ends_once() -> None:
    tracker = Tracker(BELT, TrackerSettings(lost_after_s=0.5))
    for i in range(5):
        tracker.update([at(100)], i / 20)
    ended = [track for i in range(5, 40) for track in tracker.update([], i / 20).ended]
    assert [track.track_id for track in ended] == [1]
    assert tracker.tracks == ()


def test_time_that_stands_still_or_goes_back_is_survived() -> None:
    tracker = Tracker(BELT)
    for time in (1.0, 1.05, 1.05, 0.5, 0.55, 0.6):
        tracker.update([at(100)], time)
    assert len(tracker.tracks) == 1


def test_the_number_of_tracks_is_bounded() -> None:
    tracker = Tracker(BELT, TrackerSettings(max_tracks=5))
    crowd = [at(30 * i, 30 * j, size=20) for i in range(1, 10) for j in range(1, 10)]
    tracker.update(crowd, 0.0)
    assert len(tracker.tracks) == 5


def test_resting_goods_keep_their_tracks_while_the_camera_jumps() -> None:
    places = [(100, 100, 0), (180, 110, 1), (150, 200, 2), (260, 180, 0)]
    jumps = [(0, 0), (60, 20), (150, -30), (30, 40), (30, 40), (110, 10)]
    frames = [[at(x + dx, y + dy, of=of) for x, y, of in places] for dx, dy in jumps]
    told = follow(Tracker(BENCH), frames)
    assert told == [[1, 2, 3, 4]] * len(jumps)


def test_resting_goods_that_leave_the_picture_do_not_drag_others_along() -> None:
    frames = [[at(100, of=0), at(200, of=1)], [at(100, of=0), at(200, of=1)], [at(200, of=1)]]
    told = follow(Tracker(BENCH), frames)
    assert told == [[1, 2], [1, 2], [2]]
