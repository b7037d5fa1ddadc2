"""Which edge belongs to which track: places and times are scripted, the beam lies at 240 pixels."""

from dataclasses import dataclass, field

from edge_agent.station.eye_words import EyeEdge, EyeUpdate, Passing, Unseen
from edge_agent.station.photo_eye import PhotoEye
from edge_agent.station.way import Ends

EYE_PX, TOLERANCE_PX = 240.0, 30.0
FPS = 20.0
SPEED_PX_S = 120.0


@dataclass
class Thing:
    """Something on the belt; `enters_at` is when its front comes to the zone's entry edge."""

    enters_at: float
    length_px: float = 60.0
    is_seen: bool = True
    breaks_beam: bool = True
    seen_until_px: float = 480.0

    def front_px(self, moved_s: float) -> float:
        return SPEED_PX_S * (moved_s - self.enters_at)


@dataclass
class Belt:
    """A belt with its beam; `stands` are the spans of time in which it does not move."""

    things: list[Thing]
    stands: tuple[tuple[float, float], ...] = ()
    late_s: float = 0.0
    eye: PhotoEye = field(default_factory=lambda: PhotoEye(EYE_PX, TOLERANCE_PX))
    told: dict[str, list[object]] = field(default_factory=dict)
    is_heard: bool = True

    def moved_s(self, at: float) -> float:
        return at - sum(max(0.0, min(at, end) - begin) for begin, end in self.stands)

    def edges(self, seconds: float) -> list[EyeEdge]:
        """What the beam tells, to the millisecond."""
        was_broken, found = False, []
        for ms in range(int(1_000 * seconds)):
            at = ms / 1_000
            fronts = [(t, t.front_px(self.moved_s(at))) for t in self.things if t.breaks_beam]
            is_broken = any(f - t.length_px < EYE_PX <= f for t, f in fronts)
            if is_broken != was_broken:
                found.append(EyeEdge(at, is_broken))
            was_broken = is_broken
        return found

    def run(self, seconds: float, edges: list[EyeEdge] | None = None) -> "Belt":
        waiting = self.edges(seconds) if edges is None else list(edges)
        for frame in range(int(seconds * FPS)):
            at = frame / FPS
            due = [edge for edge in waiting if edge.at + self.late_s <= at]
            waiting = waiting[len(due) :]
            self.eye.take(due)
            seen = [
                Passing(key, Ends(at, front, front - thing.length_px), SPEED_PX_S)
                for key, thing in enumerate(self.things)
                if thing.is_seen
                and thing.length_px / 2
                <= (front := thing.front_px(self.moved_s(at)))
                < thing.seen_until_px
            ]
            self.note(self.eye.observe(seen, at, judges=True, is_heard=self.is_heard))
        return self

    def note(self, update: EyeUpdate) -> None:
        for name, happened in vars(update).items():
            self.told.setdefault(name, []).extend(happened)

    def counted(self) -> dict[str, int]:
        return {name: len(happened) for name, happened in self.told.items() if happened}


def test_each_item_has_its_edge_whether_the_belt_runs_or_stands_in_between() -> None:
    things = [Thing(0.5), Thing(2.0), Thing(3.0)]
    assert Belt(things).run(8).counted() == {"matched": 3}
    assert Belt(things, stands=((2.4, 6.0), (6.3, 7.0))).run(14).counted() == {"matched": 3}
    late = Belt(things, late_s=0.2).run(8)
    assert late.told["matched"] == [0, 1, 2]
    assert not late.eye.is_waiting
    assert late.eye.broken_since is None


def test_what_the_camera_does_not_see_is_told_with_its_place_and_length() -> None:
    belt = Belt([Thing(0.5), Thing(2.0, is_seen=False, length_px=48), Thing(3.5)]).run(8)
    assert belt.counted() == {"matched": 2, "unseen": 1}
    (unseen,) = belt.told["unseen"]
    assert isinstance(unseen, Unseen)
    assert abs(unseen.at - 4.0) < 0.01, "when its front came into the beam"
    assert abs(unseen.length_px - 48) < 2
    assert abs(unseen.middle_px - (EYE_PX - 24)) < 1


def test_an_item_that_the_eye_does_not_tell_of_is_no_second_item() -> None:
    belt = Belt([Thing(0.5), Thing(2.0, breaks_beam=False), Thing(3.5)]).run(8)
    assert belt.counted() == {"matched": 2, "missed": 1}
    assert not belt.eye.misses_items


def test_an_eye_that_misses_item_after_item_is_an_alarm_until_it_tells_of_as_many() -> None:
    blind = [Thing(0.5 + 1.5 * i, breaks_beam=False) for i in range(3)]
    assert not Belt(blind[:2]).run(8).eye.misses_items
    assert Belt(blind).run(9).eye.misses_items
    two = Belt([*blind, *(Thing(5.0 + 1.5 * i) for i in range(2))]).run(12)
    assert two.eye.misses_items
    three = Belt([*blind, *(Thing(5.0 + 1.5 * i) for i in range(3))]).run(14)
    assert not three.eye.misses_items


def test_nothing_is_missed_by_an_eye_that_cannot_be_heard() -> None:
    belt = Belt([Thing(0.5, breaks_beam=False)], is_heard=False).run(6)
    assert belt.counted() == {}


def test_an_edge_that_bounces_is_no_item() -> None:
    edges = [EyeEdge(at, i % 2 == 0) for i, at in enumerate((2.5, 2.55, 2.58, 2.8, 2.81, 3.0))]
    belt = Belt([Thing(0.5)]).run(6, edges)
    assert belt.counted() == {"matched": 1, "repeated": 2}


def test_items_that_touch_share_an_edge() -> None:
    belt = Belt([Thing(0.5), Thing(1.0), Thing(1.5)]).run(6)
    assert belt.eye.counts["edges"] == 1
    assert belt.counted() == {"matched": 1, "joined": 2}


def test_what_touches_an_item_from_behind_and_is_not_seen_is_told_by_how_long_the_beam_is_broken(
) -> None:  # fmt: skip
    belt = Belt([Thing(0.5), Thing(1.0, length_px=120, is_seen=False)]).run(7)
    assert belt.counted() == {"matched": 1, "unseen": 1}
    (unseen,) = belt.told["unseen"]
    assert isinstance(unseen, Unseen)
    assert abs(unseen.length_px - 120) < 5


def test_what_was_past_the_beam_before_anybody_saw_it_is_not_missed() -> None:
    belt = Belt([Thing(-2.5)]).run(4, [])
    assert belt.counted() == {}


def test_lost_edges_are_those_of_items_that_seemed_to_have_none_or_of_unseen_ones() -> None:
    edges = [EyeEdge(5.5, True, lost=2), EyeEdge(6.0, False)]
    belt = Belt([Thing(0.5, breaks_beam=False), Thing(3.5)]).run(8, edges)
    assert belt.eye.counts["matched"] == 2
    assert (belt.eye.counts["missed"], belt.eye.counts["lost"]) == (0, 2)
    belt = Belt([Thing(3.5)]).run(8, edges)
    assert belt.counted() == {"matched": 1, "unseen": 1}


def test_an_edge_that_comes_far_too_late_is_that_of_the_item_in_the_beam_and_no_other_item() -> (
    None
):
    late = [EyeEdge(3.15, True), EyeEdge(3.6, False)]
    belt = Belt([Thing(0.5, length_px=120)]).run(7, late)
    assert belt.told["matched"] == [0]
    assert (belt.eye.counts["matched"], belt.eye.counts["missed"]) == (1, 0)


def test_nothing_is_told_of_the_unseen_before_it_is_clear_what_was_there() -> None:
    eye = PhotoEye(EYE_PX, TOLERANCE_PX)
    eye.take([EyeEdge(10.0, True), EyeEdge(10.4, False)])
    assert eye.observe([], 11.0, judges=False, is_heard=True) == EyeUpdate()
    assert len(eye.observe([], 11.1, judges=True, is_heard=True).unseen) == 1
    assert eye.observe([], 12.0, judges=True, is_heard=True) == EyeUpdate()
    assert not eye.is_waiting


def test_edges_are_bounded_and_a_clock_that_is_set_ends_what_was_open() -> None:
    eye = PhotoEye(EYE_PX, TOLERANCE_PX)
    eye.observe([], 99.0, judges=True, is_heard=True)
    eye.take([EyeEdge(100.0 + i / 1_000, True, lost=10**9) for i in range(1_000)])
    assert len(eye.observe([], 102.0, judges=True, is_heard=True).unseen) <= 64
    eye.take([EyeEdge(102.1, True)])
    assert eye.observe([], 50.0, judges=True, is_heard=True) == EyeUpdate()
    assert not eye.is_waiting


def test_an_item_that_is_out_of_sight_for_a_moment_at_the_beam_has_its_edge() -> None:
    belt = Belt([Thing(0.5, seen_until_px=200.0)]).run(6)
    assert belt.counted() == {"matched": 1}


def test_an_item_that_was_taken_off_long_before_the_beam_hides_no_other() -> None:
    for seen_until_px in (60.0, 100.0, 140.0):
        taken_off = Thing(0.5, seen_until_px=seen_until_px, breaks_beam=False)
        for behind_s in (0.0, 0.2, 0.4, 0.6, 0.8):
            belt = Belt([taken_off, Thing(0.5 + behind_s, is_seen=False)]).run(7)
            assert belt.counted() == {"unseen": 1}, (seen_until_px, behind_s)


def test_an_item_that_was_taken_off_before_the_beam_is_not_missed() -> None:
    belt = Belt([Thing(0.5, seen_until_px=150.0, breaks_beam=False)]).run(6)
    assert belt.counted() == {}
