import itertools

from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.sequences import Coverage, Span, admit, closed, cover, join, subtract

TOP = 40

spans = st.tuples(st.integers(1, TOP), st.integers(0, 6)).map(
    lambda pair: Span(pair[0], min(TOP, pair[0] + pair[1]))
)
arrivals = st.lists(st.lists(spans, max_size=6), max_size=8)


def numbers(of: "tuple[Span, ...] | list[Span]") -> set[int]:
    return {number for first, last in of for number in range(first, last + 1)}


def is_canonical(of: tuple[Span, ...]) -> bool:
    """Whether spans are whole, ascending, and apart from each other."""
    return all(first <= last for first, last in of) and all(
        one.last + 1 < other.first for one, other in itertools.pairwise(of)
    )


@given(st.lists(spans))
def test_joined_spans_have_the_same_numbers(given_spans):
    joined = join(given_spans)
    assert is_canonical(joined)
    assert numbers(joined) == numbers(given_spans)


@given(st.lists(spans), st.lists(spans))
def test_what_is_taken_away_is_away(left, right):
    rest = subtract(join(left), join(right))
    assert is_canonical(rest)
    assert numbers(rest) == numbers(left) - numbers(right)


@given(arrivals)
def test_coverage_is_what_a_plain_set_of_numbers_says(rounds):
    coverage, there = Coverage(), set()
    for arrived in rounds:
        before = coverage
        coverage = cover(before, join(arrived))
        there |= numbers(arrived)
        missing = set(range(1, max(there, default=0) + 1)) - there
        assert coverage.newest == max(there, default=0)
        assert is_canonical(coverage.holes)
        assert numbers(coverage.holes) == missing
        assert coverage.committed == min(missing, default=coverage.newest + 1) - 1
        assert numbers(closed(before, coverage)) == numbers(before.holes) & there


@given(arrivals, st.integers(0, 3))
def test_there_are_never_more_holes_than_may_be(rounds, max_holes):
    coverage = Coverage()
    for arrived in rounds:
        admitted = admit(coverage, join(arrived), max_holes)
        assert numbers(admitted) <= numbers(arrived)
        coverage = cover(coverage, admitted)
        assert len(coverage.holes) <= max_holes


@given(arrivals)
def test_who_sends_again_from_the_first_hole_ends_without_one(rounds):
    coverage = Coverage()
    for arrived in rounds:
        coverage = cover(coverage, admit(coverage, join(arrived), 2))
    for _ in range(TOP):
        again = (Span(coverage.committed + 1, min(TOP, coverage.committed + 3)),)
        if coverage.committed == TOP:
            break
        coverage = cover(coverage, admit(coverage, again, 2))
    assert coverage == Coverage(TOP)


def test_nothing_changes_nothing():
    holed = Coverage(9, (Span(2, 4),))
    assert cover(holed, ()) == holed
    assert cover(holed, (Span(5, 9),)) == holed
    assert cover(Coverage(), ()) == Coverage()


def test_a_hole_can_be_filled_from_within():
    holed = Coverage(9, (Span(2, 6),))
    filled = cover(holed, (Span(4, 4),))
    assert filled.holes == (Span(2, 3), Span(5, 6))
    assert closed(holed, filled) == (Span(4, 4),)


def test_the_highest_number_of_all_costs_nothing():
    far = cover(Coverage(), (Span(2**53, 2**53),))
    assert far == Coverage(2**53, (Span(1, 2**53 - 1),))
    assert far.committed == 0
