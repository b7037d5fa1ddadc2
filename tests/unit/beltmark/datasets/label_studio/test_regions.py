"""Pixels and percent: what comes back as it was, for every size of image."""

from math import nextafter

from hypothesis import given
from hypothesis import strategies as st

from beltmark.datasets.label_studio.regions import Box, Size, is_same, to_percent, to_pixels

SIZES = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))


def boxes(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Box]:
    return st.tuples(numbers, numbers, numbers, numbers)


WRITTEN = st.one_of(
    st.integers(-20_000, 20_000),
    st.builds(
        lambda digits, exponent, sign: sign * float(f"{digits}e{exponent}"),
        st.integers(0, 10**15 - 1),
        st.integers(-40, -10),
        st.sampled_from([1, -1]),
    ),
)
"""Numbers of at most 15 significant digits."""

ANY = st.floats(-20_000, 20_000).filter(lambda value: value == 0 or abs(value) > 1e-290)


@given(boxes(WRITTEN), SIZES)
def test_pixels_as_they_are_written_come_back(box: Box, size: Size) -> None:
    assert to_pixels(to_percent(box, size), size) == box


@given(boxes(WRITTEN), SIZES)
def test_percents_as_they_are_written_come_back(box: Box, size: Size) -> None:
    assert to_percent(to_pixels(box, size), size) == box


@given(boxes(ANY), SIZES)
def test_any_pixels_come_back_beside_what_they_became(box: Box, size: Size) -> None:
    assert to_pixels(to_percent(box, size), size, known=box) is box


@given(boxes(ANY), SIZES)
def test_any_percents_come_back_beside_what_they_became(box: Box, size: Size) -> None:
    assert to_percent(to_pixels(box, size), size, known=box) == box


@given(boxes(ANY), SIZES)
def test_without_that_they_come_back_within_the_last_digits(box: Box, size: Size) -> None:
    for back in (to_pixels(to_percent(box, size), size), to_percent(to_pixels(box, size), size)):
        assert all(abs(a - b) <= 5e-16 * abs(b) for a, b in zip(back, box, strict=True))


def test_no_formula_could_do_without_it() -> None:
    # Between 1 and 4/3 percent there are fewer floats than between 1.5 and 2 pixels of 150.
    neighbours = [1.9]
    for _ in range(9):
        neighbours.append(nextafter(neighbours[-1], 2))
    percents = {to_percent((x, 0, 1, 1), (150, 100)) for x in neighbours}
    assert len(percents) < len(set(neighbours)) == 10


@given(boxes(ANY), SIZES, st.sampled_from([-0.01, 0.01]), st.integers(0, 3))
def test_a_box_that_was_moved_is_another(box: Box, size: Size, step: float, at: int) -> None:
    percent = list(to_percent(box, size))
    percent[at] += step
    moved = (percent[0], percent[1], percent[2], percent[3])
    assert not is_same(box, moved, size)
    assert to_pixels(moved, size, known=box) == to_pixels(moved, size)


def test_each_number_goes_by_its_own_side() -> None:
    assert to_percent((50, 60, 100, 30), (200, 300)) == (25, 20, 50, 10)
    assert to_pixels((25, 20, 50, 10), (200, 300)) == (50, 60, 100, 30)


def test_whole_pixels_stay_whole() -> None:
    assert to_percent((1, 1, 1, 1), (3, 3))[0] == 100 / 3
    assert to_pixels((100 / 3, 0, 100 / 3, 100), (3, 3)) == (1, 0, 1, 3)
