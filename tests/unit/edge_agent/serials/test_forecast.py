"""When more numbers are asked for, and when their end is told."""

import pytest

from edge_agent.printing.numbers import HeldNumbers
from edge_agent.serials.forecast import health, is_wanted, seconds_left


@pytest.mark.parametrize(
    ("left", "untouched", "wanted"),
    [(0, 0, True), (10, 0, True), (110, 1, True), (210, 2, False), (200, 2, False)],
)
def test_two_ranges_are_held_ahead(left: int, untouched: int, wanted: bool) -> None:
    assert is_wanted(HeldNumbers("serial", left, untouched)) is wanted


def test_how_long_they_last_follows_from_the_last_hour() -> None:
    assert seconds_left(HeldNumbers("serial", 1_200, 1, used=60, over_s=600.0)) == 12_000.0
    assert seconds_left(HeldNumbers("serial", 1_200)) is None


@pytest.mark.parametrize(
    ("left", "used", "state", "told"),
    [
        (0, 60, "down", "no serials left: the server is away"),
        (600, 60, "degraded", "serials run out in 10 min, 600 left: the server is away"),
        (60_000, 60, "ok", "60000 serials held: the server is away"),
        (600, 0, "ok", "600 serials held: the server is away"),
    ],
)
def test_the_end_is_foretold(left: int, used: int, state: str, told: str) -> None:
    held = [HeldNumbers("serial", left, 0, used, over_s=60.0)]
    found = health(held, 3_600.0, "the server is away")
    assert (found.state, found.told) == (state, told)


def test_the_worst_kind_is_told() -> None:
    held = [HeldNumbers("serial", 10, 2), HeldNumbers("sscc")]
    assert health(held, 3_600.0, None).told == "no SSCCs left"
