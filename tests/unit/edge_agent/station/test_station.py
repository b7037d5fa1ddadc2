"""The rules over time, with scripted detections: what becomes of each item."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.items import Decided, Item, Rules, StationUpdate
from edge_agent.station.recovery import Remembered
from edge_agent.station.station import Station, StationSettings

CLASSES = ("carton", "can", "none_of_these")
FPS = 20.0
STEP = 6  # pixels in one frame
BELT = StationGeometry((0, 0, 480, 320), speed_px_s=STEP * FPS)
BENCH = StationGeometry((0, 0, 480, 320), travel="none")


def gtin(number: int) -> str:
    digits = f"{number:012d}"
    return digits + str(gtin_check_digit(digits))


RULES = Rules(
    Manifest(
        name="test",
        classes=CLASSES,
        none_of_these="none_of_these",
        input=InputSpec(height_px=320, width_px=480),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    ),
    Policy(),
    Catalogue(
        products=tuple(
            Product(sku=name, gtin=gtin(i), name=name, class_name=name)
            for i, name in enumerate(CLASSES[:2])
        )
    ),
)


@dataclass(frozen=True)
class Seen:
    box_xyxy_px: BoxXyxyPx
    class_scores: NDArray[np.float32]
    score: float = 0.95


def seen(x: float, y: float = 160, class_name: str = "carton", size: float = 60) -> Seen:
    scores = np.full(len(CLASSES), 0.02, np.float32)
    scores[CLASSES.index(class_name)] = 0.95
    half = size / 2
    return Seen((max(0, x - half), y - half, min(480, x + half), y + half), scores)


class Run:
    """A station with its clock."""

    def __init__(
        self,
        geometry: StationGeometry,
        remembered: Sequence[Remembered] = (),
        settings: StationSettings | None = None,
        started_at: float = 1_000.0,
    ) -> None:
        numbers = itertools.count(1)
        self.station = Station(
            geometry,
            RULES,
            settings or StationSettings(),
            lambda: f"new{next(numbers)}",
            remembered=remembered,
        )
        self.now = started_at
        self.decided: list[Decided] = []
        self.last = StationUpdate()

    def frame(self, *detections: Seen) -> StationUpdate:
        self.last = self.station.observe(detections, 480, 320, self.now)
        self.decided += self.last.decided
        self.now += 1 / FPS
        return self.last

    def settle(self) -> None:
        for _ in range(12):
            self.frame()
        assert self.station.has_settled

    def outcomes(self) -> list[tuple[str, str]]:
        return [(d.decision.outcome, d.decision.rule) for d in self.decided]


def test_an_item_is_decided_when_its_centre_crosses_the_line() -> None:
    run = Run(BELT)
    run.settle()
    for i in range(75):
        before = len(run.decided)
        run.frame(seen(20 + STEP * i))
        if len(run.decided) > before:
            assert run.decided[-1].x_px == pytest.approx(288, abs=STEP)
    assert run.outcomes() == [("PRINT", "sure")]


@pytest.mark.parametrize("travel", ["left", "down", "up"])
def test_the_line_is_crossed_along_any_travel(travel: str) -> None:
    geometry = StationGeometry((0, 0, 480, 320), travel=travel)  # type: ignore[arg-type]
    dx, dy = geometry.direction
    run = Run(geometry)
    run.settle()
    x = 240.0 if dx == 0 else (470.0 if dx < 0 else 10.0)
    y = 160.0 if dy == 0 else (310.0 if dy < 0 else 10.0)
    for i in range(48):
        run.frame(seen(x + dx * STEP * i, y + dy * STEP * i))
    assert run.outcomes() == [("PRINT", "sure")]


def test_an_item_that_stops_on_the_line_and_trembles_is_decided_once() -> None:
    run = Run(BELT)
    run.settle()
    for i in range(48):
        run.frame(seen(20 + STEP * i))
    for i in range(60):
        run.frame(seen(288 + 4 * (-1) ** i))
    for i in range(20):
        run.frame(seen(290 + STEP * i))
    assert run.outcomes() == [("PRINT", "sure")]


def test_an_item_taken_away_before_the_line_goes_to_a_person() -> None:
    run = Run(BELT)
    run.settle()
    for i in range(20):
        run.frame(seen(20 + STEP * i))
    for _ in range(40):
        run.frame()
    assert run.outcomes() == [("REVIEW", "lost")]


def test_a_flicker_is_no_item() -> None:
    run = Run(BELT)
    run.settle()
    run.frame(seen(100))
    for _ in range(40):
        run.frame()
    run.frame(seen(300))
    run.frame(seen(308))
    for _ in range(40):
        run.frame()
    assert run.decided == []


def test_an_item_outside_the_zone_is_not_followed() -> None:
    run = Run(StationGeometry((0, 0, 480, 100)))
    run.settle()
    for i in range(75):
        run.frame(seen(20 + STEP * i, y=200))
    assert run.decided == []


def test_what_is_there_at_the_start_is_not_printed_even_near_the_entry() -> None:
    run = Run(BELT)
    for i in range(75):
        run.frame(seen(30 + STEP * i))
    assert run.outcomes() == [("REVIEW", "unexplained")]


def test_what_comes_after_the_start_is_printed() -> None:
    run = Run(BELT)
    run.settle()
    for i in range(110):
        run.frame(
            *(
                seen(20 + STEP * i - 200 * n)
                for n in range(2)
                if 20 <= 20 + STEP * i - 200 * n < 470
            )
        )
    assert run.outcomes() == [("PRINT", "sure")] * 2


def remembered(
    item_id: str, x: float, outcome: str | None, *, seconds_ago: float, class_name: str = "carton"
) -> Remembered:
    return Remembered(item_id, x, 160, 60, class_name, 1_000 - seconds_ago, outcome)  # type: ignore[arg-type]


PERMITTED = StationSettings(permit_timeout_s=1.0)


def test_a_labelled_item_is_recognised_after_a_restart_and_nothing_happens() -> None:
    run = Run(BELT, [remembered("old", 300, "PRINT", seconds_ago=60)], PERMITTED)
    for _ in range(20):
        run.frame(seen(400))
    assert [item.item_id for item in run.station.items] == ["old"]
    assert (run.decided, run.station.items[0].outcome) == ([], "PRINT")


def test_a_reviewed_item_still_there_after_a_restart_is_diverted_again() -> None:
    run = Run(BELT, [remembered("old", 300, "REVIEW", seconds_ago=60)], PERMITTED)
    still_here: list[Item] = []
    for _ in range(20):
        still_here += run.frame(seen(400)).still_here
    assert [item.item_id for item in still_here] == ["old"]
    assert run.decided == []


def test_an_undecided_item_goes_to_a_person_after_a_restart() -> None:
    run = Run(BELT, [remembered("old", 200, None, seconds_ago=2)], PERMITTED)
    for i in range(50):
        run.frame(seen(min(300 + STEP * max(0, i - 20), 470)))
    assert [(d.item_id, *o) for d, o in zip(run.decided, run.outcomes(), strict=True)] == [
        ("old", "REVIEW", "agent_was_away")
    ]


def test_an_undecided_item_that_left_meanwhile_is_closed_once() -> None:
    run = Run(BELT, [remembered("old", 200, None, seconds_ago=60)])
    for _ in range(60):
        run.frame()
    assert [(d.item_id, *o) for d, o in zip(run.decided, run.outcomes(), strict=True)] == [
        ("old", "REVIEW", "passed_unseen")
    ]
    assert (run.decided[0].x_px, run.decided[0].seen_at) == (200, 940)


def test_one_that_comes_back_into_sight_after_the_start_is_not_counted_twice() -> None:
    run = Run(BELT, [remembered("old", 250, None, seconds_ago=1)], PERMITTED)
    run.settle()
    assert [d.item_id for d in run.decided] == ["old"]
    for _ in range(20):
        run.frame(seen(330))
    assert [d.item_id for d in run.decided] == ["old"]
    assert [item.item_id for item in run.station.items] == ["old"]


def test_without_a_permit_and_away_for_long_nothing_is_recognised() -> None:
    run = Run(BELT, [remembered("old", 300, "PRINT", seconds_ago=60)])
    for _ in range(20):
        run.frame(seen(400))
    assert run.outcomes() == [("REVIEW", "unexplained")]
    assert "may be old" in run.decided[0].decision.reason


def test_a_camera_gap_does_not_make_a_new_item_of_an_old_one() -> None:
    run = Run(BELT)
    run.settle()
    for i in range(52):
        run.frame(seen(20 + STEP * i))
    assert run.outcomes() == [("PRINT", "sure")]
    run.now += 1.5  # meanwhile the permit fell: the belt stood for most of it
    for i in range(12):
        run.frame(seen(400 + 4 * i))
    assert run.outcomes() == [("PRINT", "sure")]


@pytest.mark.parametrize("jump_s", [-3_600.0, 3_600.0])
def test_a_clock_that_is_set_prints_nothing_twice_and_forgets_nothing(jump_s: float) -> None:
    run = Run(BELT)
    run.settle()
    for i in range(52):
        run.frame(seen(20 + STEP * i), *([seen(STEP * i - 190)] if i > 40 else []))
    run.now += jump_s
    for i in range(52, 130):
        run.frame(*(seen(x) for x in (20 + STEP * i, STEP * i - 190) if x < 450))
    outcomes = run.outcomes()
    assert outcomes.count(("PRINT", "sure")) <= 2
    assert {"PRINT", "REVIEW"} >= {outcome for outcome, _ in outcomes}
    assert len(outcomes) >= 2
    run.settle()
    for i in range(75):
        run.frame(seen(20 + STEP * i))
    assert run.outcomes()[len(outcomes) :] == [("PRINT", "sure")]


def test_what_is_undecided_at_the_end_goes_to_a_person() -> None:
    run = Run(BELT)
    run.settle()
    for i in range(10):
        run.frame(seen(20 + STEP * i))
    update = run.station.finish(run.now)
    assert [d.decision.rule for d in update.decided] == ["stopped"]
    assert run.station.items == ()


def test_an_end_before_the_first_frame_forgets_nothing() -> None:
    run = Run(BELT, [remembered("old", 200, None, seconds_ago=1)])
    assert run.station.finish(run.now).decided == ()


def test_on_a_bench_an_item_is_decided_after_it_has_lain_there() -> None:
    run = Run(BENCH)
    run.settle()
    for _ in range(8):
        run.frame(seen(200))
    assert run.decided == []
    for _ in range(30):
        run.frame(seen(200))
    assert run.outcomes() == [("PRINT", "sure")]


def test_on_a_bench_the_next_item_of_a_kind_is_an_item_of_its_own() -> None:
    run = Run(BENCH)
    run.settle()
    for _ in range(3):
        for _ in range(20):
            run.frame(seen(200))
        for _ in range(80):
            run.frame()
    assert run.outcomes() == [("PRINT", "sure")] * 3


def test_on_a_bench_an_item_covered_by_a_hand_stays_the_same() -> None:
    run = Run(BENCH)
    run.settle()
    for _ in range(20):
        run.frame(seen(200))
    for _ in range(30):
        run.frame()
    for _ in range(30):
        run.frame(seen(205))
    assert run.outcomes() == [("PRINT", "sure")]


def test_on_a_bench_an_item_pushed_aside_unseen_is_not_printed_again() -> None:
    run = Run(BENCH)
    run.settle()
    for _ in range(20):
        run.frame(seen(100))
    for _ in range(30):
        run.frame(seen(400))
    assert run.outcomes() == [("PRINT", "sure"), ("REVIEW", "maybe_seen_before")]


def test_on_a_bench_twins_beside_each_other_are_both_printed() -> None:
    run = Run(BENCH)
    run.settle()
    for i in range(40):
        run.frame(*([seen(100)] if i % 7 else []), seen(200))
    assert run.outcomes() == [("PRINT", "sure")] * 2


def test_under_a_moving_camera_nothing_is_printed_twice() -> None:
    """The camera goes along three resting items and back again; each leaves the picture."""
    run = Run(BENCH)
    run.settle()
    goods = [(150, "carton"), (400, "can"), (650, "carton")]
    way = [*range(0, 500, 10), *range(500, 0, -10)]
    for moved in way:
        run.frame(*(seen(x - moved, class_name=name) for x, name in goods if 30 < x - moved < 450))
    outcomes = run.outcomes()
    assert outcomes.count(("PRINT", "sure")) <= 3
    assert len([d for d in run.decided if d.decision.class_name == "can"]) == 1


@pytest.mark.parametrize("moved_px", [0, 120], ids=["standing belt", "running belt"])
def test_an_item_hidden_before_the_line_is_not_taken_for_a_new_one(moved_px: int) -> None:
    run = Run(BELT)
    run.settle()
    for x in range(40, 101, STEP):
        run.frame(seen(x))
    for _ in range(20):  # a hand over it for a second
        run.frame()
    for x in range(100 + moved_px, 400, STEP):
        run.frame(seen(x))
    assert {outcome for outcome, _ in run.outcomes()} == {"REVIEW"}


def test_an_item_in_another_lane_or_behind_a_hidden_one_is_an_item_of_its_own() -> None:
    run = Run(BELT)
    run.settle()
    for x in range(40, 161, STEP):
        run.frame(seen(x, y=80))
    for _ in range(20):  # somebody takes it off
        run.frame()
    for x in range(30, 330, STEP):
        run.frame(seen(x, y=80), seen(x + 70, y=240))
    assert run.outcomes() == [("REVIEW", "lost"), ("PRINT", "sure"), ("PRINT", "sure")]


def test_a_zone_is_looked_at_until_it_is_known_what_was_there_at_the_start() -> None:
    run = Run(BELT)
    run.frame()
    assert run.station.longest_unseen_s == 0.0
    run.settle()
    assert 0 < run.station.longest_unseen_s <= 1.0


def test_an_item_that_comes_by_the_entry_is_seen_there_though_nobody_looked_for_so_long() -> None:
    run = Run(BELT)
    run.settle()
    carried_px = run.station.longest_unseen_s * STEP * FPS
    assert carried_px <= BELT.entry_px / 2 + 1e-6
    fast = Run(StationGeometry((0, 0, 480, 320), speed_px_s=2_000))
    fast.settle()
    assert fast.station.longest_unseen_s * 2_000 <= BELT.entry_px / 2 + 1e-6


def test_from_the_first_detection_until_the_item_has_left_every_frame_counts() -> None:
    run = Run(BELT)
    run.settle()
    for i in range(80):
        run.frame(seen(20 + STEP * i))
        assert run.station.longest_unseen_s == 0.0, i
    for _ in range(int(FPS)):
        run.frame()
    assert run.station.longest_unseen_s > 0.0


def test_an_item_that_is_hidden_in_the_zone_is_waited_for() -> None:
    run = Run(BELT)
    run.settle()
    for i in range(20):
        run.frame(seen(20 + STEP * i))
    for _ in range(int(1.5 * FPS)):
        run.frame()
    assert not run.station.items
    assert run.station.longest_unseen_s == 0.0


def test_a_belt_of_unknown_speed_is_looked_at_all_the_time_and_a_bench_is_not() -> None:
    unknown = Run(StationGeometry((0, 0, 480, 320)))
    unknown.settle()
    assert unknown.station.longest_unseen_s == 0.0
    bench = Run(BENCH)
    bench.settle()
    assert bench.station.longest_unseen_s == pytest.approx(1.0)
