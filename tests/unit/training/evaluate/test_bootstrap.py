"""Intervals over groups: what they cover, that they are repeatable, when there is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluate.bootstrap import Rows, bootstrap, difference, mean_of, ratio_of


def test_the_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(80):
        values = np.repeat(rng.normal(0, 1, 30), 3) + rng.normal(0, 0.1, 90)
        groups = [str(row // 3) for row in range(90)]
        interval = bootstrap(groups, mean_of(values), draws=200, seed=trial)
        assert interval is not None
        covered += interval.low <= 0 <= interval.high
    assert 0.87 < covered / 80 <= 1


def test_whole_groups_are_drawn() -> None:
    groups = ["a", "b", "a", "c", "b"]
    seen: list[Rows] = []

    def note(rows: Rows) -> float:
        seen.append(rows)
        return 0.0

    bootstrap(groups, note, draws=50)
    for rows in seen:
        counts = np.bincount(rows, minlength=5)
        assert counts[0] == counts[2]
        assert counts[1] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).uniform(size=40)
    groups = [str(row // 4) for row in range(40)]
    one, two, other = (bootstrap(groups, mean_of(values), seed=seed) for seed in (5, 5, 6))
    assert one == two != other


def test_one_group_has_no_interval_nor_has_a_figure_that_is_hardly_ever_there() -> None:
    assert bootstrap(["a"] * 9, mean_of(np.arange(9.0))) is None
    nothing = np.full(9, np.nan)
    assert bootstrap([str(row) for row in range(9)], mean_of(nothing)) is None
    assert bootstrap([], mean_of(np.zeros(0))) is None


def test_pairs_are_told_apart_where_single_figures_are_not() -> None:
    rng = np.random.default_rng(2)
    hard = rng.normal(0, 1, 50)
    champion, candidate = mean_of(hard), mean_of(hard + 0.05 + rng.normal(0, 0.01, 50))
    groups = [str(row) for row in range(50)]
    alone = bootstrap(groups, candidate)
    paired = bootstrap(groups, difference(candidate, champion))
    assert alone is not None
    assert paired is not None
    assert alone.low < 0 < alone.high
    assert 0.04 < paired.low < paired.high < 0.06


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_bounds_of_a_share_are_shares_and_wider_levels_hold_narrower_ones(
    right: list[bool], seed: int
) -> None:
    values = np.array(right, np.float64)
    groups = [str(row) for row in range(len(right))]
    wide = bootstrap(groups, mean_of(values), 100, seed, level=0.95)
    narrow = bootstrap(groups, mean_of(values), 100, seed, level=0.5)
    assert wide is not None
    assert narrow is not None
    assert 0 <= wide.low <= narrow.low <= narrow.high <= wide.high <= 1


def test_a_ratio_weighs_images_by_their_wholes() -> None:
    ratio = ratio_of(np.array([1.0, 0.0, 5.0]), np.array([1.0, 3.0, 6.0]))
    assert ratio(np.array([0, 1])) == pytest.approx(0.25)
    assert ratio(np.array([0, 1, 2, 2])) == pytest.approx(11 / 16)
    assert np.isnan(ratio_of(np.zeros(2), np.zeros(2))(np.array([0, 1])))
