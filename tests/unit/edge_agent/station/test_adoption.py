"""Another release takes over: what becomes of the items that are in the zone."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.items import Decided, Rules
from edge_agent.station.station import Station, StationSettings

FPS = 20.0
STEP = 6  # pixels in one frame
BELT = StationGeometry((0, 0, 480, 320), speed_px_s=STEP * FPS)
BENCH = StationGeometry((0, 0, 480, 320), travel="none")
HALF_WAY_PX = 0.6 * 480 / 2
OLD_CLASSES = ("carton", "can", "none_of_these")
NEW_CLASSES = ("none_of_these", "box", "bottle", "can", "sachet")


def gtin(number: int) -> str:
    digits = f"{number:012d}"
    return digits + str(gtin_check_digit(digits))


def rules(classes: tuple[str, ...]) -> Rules:
    manifest = Manifest(
        name="test",
        classes=classes,
        none_of_these="none_of_these",
        input=InputSpec(height_px=320, width_px=480),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    )
    products = tuple(
        Product(sku=name, gtin=gtin(i), name=name, class_name=name)
        for i, name in enumerate(classes)
        if name != "none_of_these"
    )
    return Rules(manifest, Policy(), Catalogue(products=products))


OLD, NEW = rules(OLD_CLASSES), rules(NEW_CLASSES)


@dataclass(frozen=True)
class Seen:
    box_xyxy_px: BoxXyxyPx
    class_scores: NDArray[np.float32]
    score: float = 0.95


class Run:
    """A station with its clock; `classes` are those of the model that looks."""

    def __init__(self, geometry: StationGeometry) -> None:
        numbers = itertools.count(1)
        self.station = Station(geometry, OLD, StationSettings(), lambda: f"new{next(numbers)}")
        self.classes = OLD_CLASSES
        self.now = 1_000.0
        self.decided: list[Decided] = []

    def frame(self, *items: tuple[float, str], y: float = 160) -> None:
        seen = []
        for x, name in items:
            scores = np.full(len(self.classes), 0.02, np.float32)
            scores[self.classes.index(name)] = 0.95
            box = (max(0.0, x - 30), y - 30, min(480.0, x + 30), y + 30)
            seen.append(Seen(box, scores))
        self.decided += self.station.observe(seen, 480, 320, self.now).decided
        self.now += 1 / FPS

    def settle(self) -> None:
        for _ in range(12):
            self.frame()
        assert self.station.has_settled

    def adopt(self) -> None:
        assert self.station.may_adopt()
        self.station.adopt(NEW)
        self.classes = NEW_CLASSES

    def outcomes(self) -> list[tuple[str, str | None, str]]:
        return [(d.item_id, d.decision.class_name, d.decision.outcome) for d in self.decided]


def test_nothing_is_adopted_before_it_is_clear_what_was_there_at_the_start() -> None:
    run = Run(BELT)
    assert not run.station.may_adopt()
    run.frame()
    assert not run.station.may_adopt()
    run.settle()
    assert run.station.may_adopt()


def test_an_item_in_the_second_half_of_its_way_is_waited_for_until_it_is_decided() -> None:
    run = Run(BELT)
    run.settle()
    for x in range(20, 420, STEP):
        run.frame((x, "carton"))
        if x > 40:
            is_being_judged = x > HALF_WAY_PX and not run.decided
            assert run.station.may_adopt() is not is_being_judged, x
    assert run.outcomes() == [("new1", "carton", "PRINT")]


def test_one_that_is_out_of_sight_may_have_come_further() -> None:
    run = Run(BELT)
    run.settle()
    for x in range(20, 132, STEP):
        run.frame((x, "carton"))
    assert run.station.may_adopt()
    for _ in range(4):
        run.frame()
    assert not run.station.may_adopt()


def test_an_undecided_item_stays_itself_and_is_judged_by_the_new_model_alone() -> None:
    run = Run(BELT)
    run.settle()
    for x in range(20, 140, STEP):
        run.frame((x, "carton"))
    run.adopt()
    for x in range(140, 420, STEP):
        run.frame((x, "bottle"))
    assert run.outcomes() == [("new1", "bottle", "PRINT")]
    views = int(run.decided[0].decision.reason.split(" in ")[1].split()[0])
    assert views < 30  # those of the second half of the way, and none of the first


def test_what_is_decided_stays_decided_and_is_passed_over_by_the_new_model() -> None:
    run = Run(BELT)
    run.settle()
    for x in range(20, 320, STEP):
        run.frame((x, "can"))
    run.adopt()
    for x in range(320, 470, STEP):
        run.frame((x, "sachet"))
    assert run.outcomes() == [("new1", "can", "PRINT")]


def test_a_dense_belt_is_swapped_with_none_missed_or_doubled() -> None:
    run = Run(BELT)
    run.settle()
    is_new = False
    for i in range(260):
        if not is_new and i > 100 and run.station.may_adopt():
            run.adopt()
            is_new = True
        name = "bottle" if is_new else "carton"
        xs = [20 + STEP * i - 190 * n for n in range(6)]
        run.frame(*((x, name) for x in xs if 20 <= x < 450))
    assert is_new
    told = run.outcomes()
    assert [outcome for *_, outcome in told] == ["PRINT"] * 6
    assert len({item_id for item_id, *_ in told}) == 6
    names = [name for _, name, _ in told]
    assert names == sorted(names, key=("carton", "bottle").index)
    assert len(set(names)) == 2


def test_on_a_bench_no_item_may_be_undecided() -> None:
    run = Run(BENCH)
    run.settle()
    for _ in range(6):
        run.frame((200, "carton"))
    assert not run.station.may_adopt()
    for _ in range(20):
        run.frame((200, "carton"))
    run.adopt()
    for _ in range(20):
        run.frame((200, "box"))
    assert run.outcomes() == [("new1", "carton", "PRINT")]


@pytest.mark.parametrize("is_hidden_first", [False, True])
def test_on_a_bench_an_item_pushed_aside_unseen_is_not_printed_again_under_another_name(
    is_hidden_first: bool,
) -> None:
    run = Run(BENCH)
    run.settle()
    for _ in range(20):
        run.frame((100, "carton"))
    if is_hidden_first:
        for _ in range(20):  # long enough to be out of sight, not to be gone
            run.frame()
    run.adopt()
    for _ in range(30):
        run.frame((400, "box"))
    assert [outcome for *_, outcome in run.outcomes()] == ["PRINT", "REVIEW"]
    assert run.decided[-1].decision.rule == "maybe_seen_before"


def test_an_item_that_was_hidden_over_the_swap_is_found_again_by_its_place() -> None:
    run = Run(BENCH)
    run.settle()
    for _ in range(20):
        run.frame((200, "carton"))
    for _ in range(22):
        run.frame()
    run.adopt()
    for _ in range(30):
        run.frame((202, "box"))
    assert run.outcomes() == [("new1", "carton", "PRINT")]
    assert [item.item_id for item in run.station.items] == ["new1"]
