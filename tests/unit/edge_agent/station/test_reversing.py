"""A belt that runs back: an item keeps its identity and is printed once, whatever the belt does."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.simulation.box_belt import BoxBeltPlan, BoxItem, random_plan
from beltmark.simulation.profile import parse_profile
from bench.following import CLASSES, Followed, Identities, box_rules, boxes_of, follow
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.items import Decided
from edge_agent.station.station import Station, StationSettings

SPEED = 120.0


@given(seed=st.integers(0, 2**32), reverses=st.booleans(), knows_speed=st.booleans())
@settings(max_examples=12, deadline=None)
def test_on_random_belts_no_item_is_printed_twice_wrongly_or_not_decided(
    seed: int, reverses: bool, knows_speed: bool
) -> None:
    plan = random_plan(seed, CLASSES, reverses=reverses)
    told = follow(plan, knows_speed=knows_speed)
    assert (told.twice, told.wrong, told.undecided(plan)) == (0, 0, [])


@pytest.mark.parametrize("seed", [16, 21, 29, 40, 68, 131])
def test_belts_that_once_had_items_printed_twice_have_none(seed: int) -> None:
    plan = random_plan(seed, CLASSES)
    told = follow(plan)
    assert (told.twice, told.wrong, told.undecided(plan)) == (0, 0, [])
    assert len(told.printed) >= 0.9 * told.items


def one_item(profile: str, *, seconds: float, start_px: float = 100.0) -> BoxBeltPlan:
    return BoxBeltPlan(
        items=[BoxItem(1, "carton", start_px, 160.0, 60.0, 60.0)],
        profile=parse_profile(profile, "profile"),
        speed_px_s=SPEED,
        seconds=seconds,
    )


def with_encoder(plan: BoxBeltPlan, settings: StationSettings | None = None) -> Followed:
    return follow(plan, settings=settings, measures_way=True)


def test_an_item_that_goes_back_over_the_line_and_comes_again_is_decided_once() -> None:
    plan = one_item("0:1,3.5:1,3.7:-1,5:-1,5.2:1", seconds=14)
    told = follow(plan)
    assert told.rules == {"sure": 1}
    assert told.identities.switches == 0


# Printed after 3.4 s at x = 288, back out of the picture for as long as said, and in again.
BACK_OUT = "0:1,3.5:1,3.7:-1,6.9:-1,7:0,{stands}:0,{runs}:1"


@pytest.mark.parametrize("stands_s", [0.5, 3.0, 90.0])
def test_one_that_left_by_the_entry_edge_is_never_printed_afresh(stands_s: float) -> None:
    plan = one_item(
        BACK_OUT.format(stands=7 + stands_s, runs=7.1 + stands_s), seconds=20 + stands_s
    )
    told = follow(plan)
    assert told.printed == {1: 1}
    assert told.reviewed.total() <= 1
    assert told.rules["unexplained"] == told.reviewed.total()


@pytest.mark.parametrize("stands_s", [0.5, 90.0])
def test_with_an_encoder_it_is_recognised_however_long_it_was_away(stands_s: float) -> None:
    plan = one_item(
        BACK_OUT.format(stands=7 + stands_s, runs=7.1 + stands_s), seconds=20 + stands_s
    )
    told = with_encoder(plan)
    assert told.rules == {"sure": 1}
    assert told.identities.switches == 0


def test_an_undecided_item_that_went_back_is_printed_when_it_comes_again() -> None:
    plan = one_item("0:1,2:1,2.2:-1,3.6:-1,3.7:0,20:0,20.1:1", seconds=34)
    told = follow(plan)
    assert told.rules == {"sure": 1}


def test_an_undecided_item_that_does_not_come_again_goes_to_a_person() -> None:
    plan = one_item("0:1,2:1,2.2:-1,3.6:-1,3.7:0,20:0,20.1:1", seconds=34)
    taken_off = BoxBeltPlan(**(vars(plan) | {"taken_off": [(1, 10.0)]}))
    for told in (follow(taken_off), with_encoder(taken_off)):
        assert (told.printed, told.reviewed) == ({}, {1: 1})


def test_one_that_left_by_the_exit_edge_and_comes_back_is_known() -> None:
    plan = one_item("0:1,5.4:1,5.5:-1,7.5:-1,7.6:1", seconds=16)
    assert with_encoder(plan).rules == {"sure": 1}
    told = follow(plan)
    assert (told.printed, told.reviewed.total() <= 1) == ({1: 1}, True)


def test_a_new_item_laid_before_one_that_went_back_is_told_from_it_by_the_encoder() -> None:
    """Item 2 lies where nothing can be of what went back, in its lane; item 1 comes behind it."""
    first = one_item(BACK_OUT.format(stands=20, runs=20.1), seconds=34)
    plan = BoxBeltPlan(
        **(vars(first) | {"items": [*first.items, BoxItem(2, "can", 0.0, 160.0, 60.0, 60.0)]})
    )
    # It is laid there while the belt stands.
    laid = BoxBeltPlan(**(vars(plan) | {"hidden": [(2, 0.0, 15.0)]}))
    told = with_encoder(laid)
    assert told.printed == {1: 1, 2: 1}


def test_after_a_restart_what_is_before_the_zone_is_not_printed_afresh() -> None:
    numbers = itertools.count(1)
    geometry = StationGeometry((0, 0, 480, 320), speed_px_s=SPEED)
    before = Station(geometry, box_rules(), StationSettings(), lambda: f"a{next(numbers)}")
    plan = one_item(BACK_OUT.format(stands=20, runs=20.1), seconds=12)
    for at, boxes in boxes_of(plan):
        before.observe(boxes, 480, 320, at)
    assert [item.outcome for item in before.before_zone] == ["PRINT"]
    assert geometry.along_px(before.before_zone[0].x_px, before.before_zone[0].y_px) < 0

    after = Station(
        geometry, box_rules(), StationSettings(), lambda: f"b{next(numbers)}",
        remembered=before.before_zone,
    )  # fmt: skip
    decided: list[Decided] = []
    for at, boxes in boxes_of(one_item("0:0,1:0,1.1:1", seconds=10, start_px=60)):
        decided += after.observe(boxes, 480, 320, at + 60).decided
    assert [done.decision.outcome for done in decided] == ["REVIEW"]
    assert "a1" in decided[0].decision.reason


def test_an_undecided_one_before_the_zone_is_closed_at_the_end() -> None:
    geometry = StationGeometry((0, 0, 480, 320), speed_px_s=SPEED)
    station = Station(geometry, box_rules(), StationSettings(may_reverse=True), lambda: "a1")
    at = 0.0
    for at, boxes in boxes_of(one_item("0:1,2:1,2.2:-1,3.6:-1,3.7:0", seconds=8)):
        assert station.observe(boxes, 480, 320, at).decided == ()
    assert [d.decision.rule for d in station.finish(at).decided] == ["stopped"]


def test_identities_are_counted_as_in_multiple_object_tracking() -> None:
    told = Identities()
    for identity in ("a", "a", "b", "b", "b", None):
        told.add(1, identity)
    assert told.switches == 1
    assert told.idf1 == pytest.approx(2 * 3 / (6 + 5))
