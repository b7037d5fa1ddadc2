"""Whether figures are worse: what is found, and how seldom who looks all the time is fooled."""

import math

import numpy as np
import pytest

from beltmark.contract.records import Counters
from fleet_server.rollouts.figures import (
    Measured,
    Tally,
    boundary,
    change,
    pace,
    tally_of,
    weigh,
)
from fleet_server.rollouts.plan import Gates

ERROR = 0.05


def reviews(hits: int, items: int, minutes: int = 100) -> Tally:
    return Tally(minutes=minutes, items=items, reviews=hits)


def test_a_minute_is_counted_as_it_is_told() -> None:
    counters = Counters(
        start_at=0,
        outcomes={"PRINT": 7, "REVIEW": 2, "REJECT": 1},
        labels={"printed": 5, "late": 1, "unknown": 1, "sent": 3},
        latency_counts=(0, 4, 1),
    )
    assert tally_of(counters) == Tally(1, 10, 2, 7, 2, (0, 4, 1))
    assert tally_of(counters) + tally_of(counters) == Tally(2, 20, 4, 14, 4, (0, 8, 2))


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5])
def test_who_looks_all_the_time_is_not_fooled(rate: float) -> None:
    rng = np.random.default_rng(1)
    runs, looks, items = 1_000, 100, 20
    with_it = rng.binomial(items, rate, (runs, looks)).cumsum(axis=1)
    others = rng.binomial(5 * items, rate, (runs, looks)).cumsum(axis=1)
    befores = rng.binomial(5_000, rate, (runs, 2))
    fooled = 0
    for run in range(runs):
        for look in range(2, looks):
            trials = (look + 1) * items
            counts = [
                (int(with_it[run, look]), trials),
                (int(befores[run, 0]), 5_000),
                (int(others[run, look]), 5 * trials),
                (int(befores[run, 1]), 5_000),
            ]
            interval = change(counts, ERROR, tuned_for=100)
            assert interval is not None
            if interval.low > 0:
                fooled += 1
                break
    assert fooled <= ERROR * runs  # one side of two: it is half of that at most, and less


def test_a_real_change_is_found() -> None:
    rng = np.random.default_rng(2)
    found_at = []
    for _ in range(200):
        hits = rng.binomial(20, 0.25, 100).cumsum()
        for look in range(100):
            trials = 20 * (look + 1)
            counts = [(int(hits[look]), trials), (250, 5_000), (0, 0), (0, 0)]
            interval = change(counts, 0.001, tuned_for=50)
            if interval is not None and interval.low > 0.02:
                found_at.append(trials)
                break
    assert len(found_at) == 200
    assert np.median(found_at) < 150


def test_it_is_narrowest_where_it_is_tuned_for_and_little_wider_than_a_single_look() -> None:
    widths = {
        trials: boundary(trials, ERROR, 500) / math.sqrt(trials) for trials in range(50, 5000)
    }
    assert boundary(500, 0.05, 500) / 1.96 == pytest.approx(1.55, abs=0.03)
    assert boundary(500, 0.001, 500) / 3.29 == pytest.approx(1.28, abs=0.03)
    assert all(widths[a] > widths[b] for a, b in ((50, 100), (500, 1_000), (1_000, 4_999)))
    assert boundary(500, ERROR, 500) < boundary(500, ERROR, 50)
    assert boundary(500, ERROR, 500) < boundary(500, ERROR, 5_000)


def test_what_changed_for_all_is_taken_off() -> None:
    alone = change([(300, 1_000), (100, 1_000), (0, 0), (0, 0)], ERROR, tuned_for=100)
    beside = change([(300, 1_000), (100, 1_000), (310, 1_000), (100, 1_000)], ERROR, tuned_for=100)
    outside = change([(300, 1_000), (0, 0), (100, 1_000), (0, 0)], ERROR, tuned_for=100)
    assert alone is not None
    assert beside is not None
    assert outside is not None
    assert alone.estimate == pytest.approx(0.2)
    assert beside.estimate == pytest.approx(-0.01)
    assert outside.estimate == pytest.approx(0.2)
    assert alone.low > 0.02
    assert beside.low < 0
    assert change([(3, 10), (0, 0), (0, 0), (5, 5)], ERROR, tuned_for=100) is None


def test_few_items_say_nothing_and_many_say_it() -> None:
    gates = Gates(min_items=100)
    before = reviews(50, 1_000)
    assert weigh(gates, Measured(reviews(40, 99), before, wave_items=99)).told == ()
    doubtful = weigh(gates, Measured(reviews(10, 100), before, wave_items=100))
    assert (doubtful.worse, len(doubtful.doubtful)) == ((), 1)
    worse = weigh(gates, Measured(reviews(300, 1_000), before, wave_items=1_000))
    assert worse.worse == worse.told
    assert worse.told[0].startswith("reviews: +25.0 points (+")
    well = weigh(gates, Measured(reviews(50, 1_000), before, wave_items=1_000))
    assert (well.worse, well.doubtful, well.items) == ((), (), 1_000)


def test_frames_are_slow_that_are_slower_than_nearly_all_were() -> None:
    gates = Gates(min_items=1, min_frames=100)
    before = Tally(10, 100, 5, latency=(0, 985, 15, 0))
    same = weigh(gates, Measured(Tally(10, 100, 5, latency=(0, 985, 15, 0)), before))
    slow = weigh(gates, Measured(Tally(10, 100, 5, latency=(0, 500, 300, 200)), before))
    assert same.worse == ()
    assert [line.partition(":")[0] for line in slow.worse] == ["slow frames"]
    assert slow.worse[0].startswith("slow frames: +20.0 points")


def test_a_pace_that_falls_is_found_where_it_is_looked_at() -> None:
    before = reviews(0, 3_000, 100)
    measured = Measured(
        reviews(0, 900, 100), before, reviews(0, 9_000, 300), reviews(0, 9_000, 300)
    )
    assert weigh(Gates(), measured).worse == ()
    gates = Gates.model_validate({"figures": {"pace": 0.6}})
    assert weigh(gates, measured).worse[0].startswith("pace: 30 % (")
    fewer = Measured(reviews(0, 900, 100), before, reviews(0, 2_700, 300), reviews(0, 9_000, 300))
    assert weigh(gates, fewer).worse == ()  # less came for all
    assert pace([(5, 0), (5, 5), (0, 0), (0, 0)], ERROR) is None
