"""The operating point: bounds as scipy has them, and a choice that holds what it says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from training.evaluate.items import ItemDecision, JudgedItem, TrueItem, tally
from training.evaluate.operating_point import (
    choose,
    find_operating_point,
    finding,
    interval,
    item_curve,
    labels_needed,
    lower_bound,
    upper_bound,
)

FEW = settings(max_examples=40, deadline=None)
THRESHOLDS = tuple(step / 20 for step in range(21))
PROBABILITIES = st.integers(0, 100).map(lambda percent: percent / 100)


@st.composite
def judged_items(draw: st.DrawFn) -> list[JudgedItem]:
    """Items of every kind, with up to three decisions each."""
    items = []
    for number in range(draw(st.integers(0, 25))):
        skus = draw(st.sampled_from([("A",), ("B",), ()]))
        true = draw(st.sampled_from([None, TrueItem(number, "x", skus, draw(st.booleans()))]))
        decisions = tuple(
            ItemDecision(
                "PRINT" if sku else "REVIEW", sku, "x", draw(PROBABILITIES), "sure" if sku else "no"
            )
            for sku in draw(st.lists(st.sampled_from(["A", "B", None]), max_size=3))
        )
        if true is not None or decisions:
            items.append(JudgedItem("belt 1", true, decisions))
    return items


@FEW
@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from([0.9, 0.95, 0.99]))
def test_bounds_are_those_of_scipy(a: int, b: int, confidence: float) -> None:
    count, total = min(a, b), max(a, b, 1)
    theirs = binomtest(count, total, alternative="greater")
    assert lower_bound(count, total, confidence) == pytest.approx(
        theirs.proportion_ci(confidence, "exact").low, abs=1e-9
    )
    theirs = binomtest(count, total, alternative="less")
    assert upper_bound(count, total, confidence) == pytest.approx(
        theirs.proportion_ci(confidence, "exact").high, abs=1e-9
    )
    both = binomtest(count, total).proportion_ci(confidence, "exact")
    assert interval(count, total, confidence) == pytest.approx((both.low, both.high), abs=1e-9)


def test_few_labels_without_an_error_prove_little() -> None:
    assert lower_bound(120, 120) == pytest.approx(0.9753, abs=1e-4)
    assert lower_bound(0, 0) == 0.0
    assert upper_bound(0, 0) == 1.0
    needed = labels_needed(0.99)
    assert lower_bound(needed, needed) >= 0.99 > lower_bound(needed - 1, needed - 1)


@FEW
@given(judged_items())
def test_a_higher_threshold_prints_no_more(items: list[JudgedItem]) -> None:
    points = item_curve(items, 3, THRESHOLDS)
    labels = [point.counts.labels for point in points]
    assert labels == sorted(labels, reverse=True)
    assert all(0 <= point.counts.right <= point.counts.labels for point in points)
    products = {point.counts.products for point in points if point.counts.labels == 0}
    assert len(products) <= 1


@FEW
@given(judged_items())
def test_every_item_has_one_fate_and_every_bad_label_a_bad_one(items: list[JudgedItem]) -> None:
    counts = tally(items, 0.5)
    bad = [i for i in items if i.fate(0.5) in ("wrong", "twice", "foreign_printed", "on_nothing")]
    assert (counts.wrong > 0) == bool(bad)
    assert counts.fates["right"] <= counts.right
    assert counts.fates.total() == sum(item.fate(0.5) is not None for item in items)


@FEW
@given(judged_items(), st.sampled_from([0.5, 0.8, 0.95]), st.sampled_from(["bound", "estimate"]))
def test_the_choice_is_the_lowest_threshold_that_reaches_the_target(
    items: list[JudgedItem], target: float, criterion: str
) -> None:
    points = item_curve(items, 3, THRESHOLDS)
    chosen = choose(points, target, criterion)
    reaching = [p.threshold for p in points if p.reaches(target, criterion)]
    assert (None if chosen is None else chosen.threshold) == min(reaching, default=None)
    if chosen is not None:
        assert chosen.counts.labels > 0
        assert chosen.counts.right / chosen.counts.labels >= target
    if criterion == "bound" and chosen is not None:
        assert lower_bound(chosen.counts.right, chosen.counts.labels) >= target


def _items(right: list[float], wrong: list[float]) -> list[JudgedItem]:
    return [
        JudgedItem("belt", TrueItem(n, "x", (due,)), (ItemDecision("PRINT", "A", "x", p, "sure"),))
        for n, (due, p) in enumerate([("A", p) for p in right] + [("B", p) for p in wrong])
    ]


def test_more_votes_are_taken_where_they_label_more_products() -> None:
    by_votes = {1: _items([0.9] * 50, [0.95]), 5: _items([0.9] * 60, [0.3])}
    choice = find_operating_point(
        lambda _, votes: by_votes[votes],
        lambda _, votes: _items([0.9] * 40, []),
        [1, 5],
        0.99,
        "estimate",
    )
    assert choice.chosen is not None
    assert choice.chosen.min_votes == 5
    assert 0.3 < choice.chosen.threshold <= 0.31
    assert choice.by["bound"] is None
    assert choice.confirmed is not None
    assert finding(choice.confirmed.counts, 0.99) == "not_refuted"


def test_the_others_are_looked_at_with_the_chosen_point_alone() -> None:
    asked: list[tuple[float, int]] = []

    def others(threshold: float, votes: int) -> list[JudgedItem]:
        asked.append((threshold, votes))
        return _items([0.9] * 100, [0.9] * 50)

    choice = find_operating_point(lambda *_: _items([0.9] * 300, [0.4]), others, [3], 0.99)
    assert choice.chosen is not None
    assert choice.chosen == choice.by["bound"]
    assert asked == [(choice.chosen.threshold, 3)]
    assert choice.confirmed is not None
    assert finding(choice.confirmed.counts, 0.99) == "refuted"


def test_where_nothing_reaches_the_target_nothing_is_chosen() -> None:
    choice = find_operating_point(lambda *_: _items([0.5], [0.995]), lambda *_: [], [3], 0.99)
    assert choice.chosen is None
    few = find_operating_point(lambda *_: _items([0.9] * 50, []), lambda *_: [], [3], 0.99)
    assert few.chosen is None
    assert few.by["estimate"] is not None
    assert choice.confirmed is None
    assert finding(tally([]), 0.99) == "no_label"
    assert finding(tally(_items([0.9] * 299, [])), 0.99) == "proven"
