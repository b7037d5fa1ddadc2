"""The belt's way between frames, from counts that come in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.station.encoder import Encoder, Position


def told(*positions: tuple[float, float], silent_after_s: float | None = 1.0) -> Encoder:
    encoder = Encoder(0.5, silent_after_s)
    encoder.tell([Position(at, counts) for at, counts in positions])
    return encoder


def test_between_two_counts_the_belt_moved_evenly() -> None:
    encoder = told((10.0, 0), (11.0, 100))

    assert encoder.way_px(10.2) is None, "since when?"
    assert encoder.way_px(10.7) == pytest.approx(25.0)


def test_back_is_negative_and_so_may_a_count_be() -> None:
    encoder = told((10.0, 0), (11.0, -100))
    encoder.way_px(10.0)

    assert encoder.way_px(10.5) == pytest.approx(-25.0)

    falling = Encoder(-0.5, 1.0)
    falling.tell([Position(10.0, 0), Position(11.0, -100)])
    falling.way_px(10.0)
    assert falling.way_px(10.5) == pytest.approx(25.0)


def test_shortly_after_the_last_count_it_goes_on_as_before() -> None:
    encoder = told((10.0, 0), (10.1, 10))
    encoder.way_px(10.0)

    assert encoder.way_px(10.15) == pytest.approx(7.5)
    encoder.tell([Position(10.2, 20)])
    assert encoder.way_px(10.2) == pytest.approx(2.5)


def test_after_a_silence_nothing_is_known_until_two_frames_are() -> None:
    encoder = told((10.0, 0))
    encoder.way_px(10.0)

    assert encoder.way_px(10.9) == 0.0
    assert encoder.way_px(11.5) is None
    encoder.tell([Position(12.0, 500)])
    assert encoder.way_px(12.0) is None, "what happened in the silence is not known"
    assert encoder.way_px(12.05) == 0.0


def test_pulses_that_do_not_come_say_that_the_belt_stands() -> None:
    encoder = told((10.0, 1), (10.1, 2), silent_after_s=None)
    encoder.way_px(10.1)

    assert encoder.way_px(70.0) == 0.0


def test_one_that_cannot_be_heard_tells_nothing_and_begins_anew() -> None:
    encoder = told((10.0, 0), (11.0, 100))
    encoder.way_px(10.0)

    assert encoder.way_px(10.1, is_heard=False) is None
    assert encoder.way_px(10.2) is None
    encoder.tell([Position(12.0, 7)])
    assert encoder.way_px(12.0) is None
    assert encoder.way_px(12.1) == 0.0


def test_a_clock_that_was_set_back_begins_anew() -> None:
    encoder = told((1_000.0, 0), (1_001.0, 100))
    encoder.way_px(1_000.5)

    encoder.tell([Position(10.0, 200)])

    assert encoder.way_px(10.0) is None
    assert encoder.way_px(10.1) == 0.0


@given(
    st.lists(st.floats(0.01, 0.5), min_size=2, max_size=40),
    st.lists(st.integers(-50, 50), min_size=40, max_size=40),
    st.lists(st.floats(0.01, 0.3), min_size=2, max_size=40),
)
def test_ways_add_up_to_what_was_counted(gaps: list[float], steps: list[int], frames: list[float]):
    """However frames and counts fall, no way is lost or told twice."""
    at, counts, positions = 0.0, 0, []
    for gap, step in zip(gaps, steps, strict=False):
        positions.append(Position(at, counts))
        at, counts = at + gap, counts + step
    positions.append(Position(at, counts))
    encoder = Encoder(1.0, None)
    encoder.tell(positions)
    assert encoder.way_px(0.0) is None
    now, way = 0.0, 0.0
    for gap in frames:
        now = min(now + gap, at)
        found = encoder.way_px(now)
        assert found is not None
        way += found
    way += encoder.way_px(at) or 0.0
    assert way == pytest.approx(counts, abs=1e-6)
