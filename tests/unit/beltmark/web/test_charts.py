"""Charts: what is drawn, what is said to who does not see it, and that gaps are no zeros."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beltmark.web.charts import (
    Mark,
    Moment,
    Series,
    histogram,
    nice_ceiling,
    sparkline,
    stacked_bars,
)

SERIES = (Series("labels", "printed"), Series("left to people", "reviewed"))


def parsed(markup) -> ElementTree.Element:
    return ElementTree.fromstring(str(markup))


def shapes(svg: ElementTree.Element, css_class: str) -> list[ElementTree.Element]:
    return [one for one in svg.iter() if one.get("class") == css_class]


def moments(number: int, start_at: float = 0.0) -> list[Moment]:
    return [Moment(start_at + 60 * index, f"00:{index:02}") for index in range(number)]


def bars(values, series=SERIES, **more) -> ElementTree.Element:
    return parsed(
        stacked_bars(
            values, series, moments(len(values)), title="items", unit="items per minute", **more
        )
    )


def test_a_sparkline_says_how_it_is():
    svg = parsed(sparkline([1, 4, None, 2], title="labels per minute"))
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "labels per minute: latest 2, most 4; 1 without data"


def test_a_sparkline_draws_a_gap_where_nothing_is_known_and_a_base_where_nothing_was():
    svg = parsed(sparkline([0, None, None, 3], title="x"))
    [gap] = shapes(svg, "gap")
    assert (gap.get("x"), gap.get("width")) == ("3.0", "6.0")
    [bar] = shapes(svg, "bar")
    heights = [float(height) for height in re.findall(r"v-([\d.]+)", bar.get("d"))]
    assert heights == [1.0, 32.0]


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_a_sparkline_of_nothing_draws_no_bar(values):
    svg = parsed(sparkline(values, title="x"))
    assert shapes(svg, "bar") == []
    assert svg.get("aria-label") == "x: nothing is known"


def test_stacked_bars_stand_on_each_other():
    svg = bars([(3, 1)])
    [below], [above] = shapes(svg, "printed"), shapes(svg, "reviewed")
    assert float(above.get("y")) + float(above.get("height")) == pytest.approx(
        float(below.get("y")), abs=0.1
    )
    assert float(below.get("height")) == pytest.approx(3 * float(above.get("height")), abs=0.2)


def test_stacked_bars_leave_out_what_is_nothing_and_show_what_is_not_known():
    svg = bars([(1, 0), None, None, (0, 0), None])
    assert len(shapes(svg, "printed")) == 1
    assert len(shapes(svg, "gap")) == 2
    assert svg.get("aria-label") == "items: 1 labels, 0 left to people; 3 without data"


def test_a_wide_gap_is_named():
    svg = bars([None] * 30 + [(1, 1)] * 10)
    assert [one.text for one in shapes(svg, "told")] == ["no data"]


def test_the_axes_have_units_and_round_times():
    svg = bars([(7, 0)] * 31)
    ticks = [one for one in svg.iter() if one.get("class") == "tick"]
    assert [one.text for one in ticks] == ["0", "5", "10", "00:00", "00:15", "00:30"]
    assert [one.get("data-at") for one in ticks if one.get("data-at")] == ["0.0", "900.0", "1800.0"]
    assert [one.text for one in shapes(svg, "tick unit")] == ["items per minute"]


def test_each_bar_tells_its_numbers():
    svg = bars([(2, 1)])
    [title] = [one for one in svg.iter() if one.tag == "title"]
    assert title.text == "00:00: 2 labels, 1 left to people"
    assert title.get("data-tail") == ": 2 labels, 1 left to people"


def test_bars_that_are_all_unknown_are_said_to_be():
    assert bars([None, None]).get("aria-label") == "items: nothing is known"


def test_large_numbers_fit_the_axis():
    svg = parsed(histogram([1_500_000, 3], ["5"], title="x", unit="ms"))
    texts = [one.text for one in shapes(svg, "tick")]
    assert texts[:3] == ["0", "1M", "2M"]


def test_a_histogram_has_a_bar_for_each_bin_that_is_not_empty():
    svg = parsed(histogram([4, 0, 2], ["5", "10"], title="latency", unit="ms"))
    titles = [one.text for one in svg.iter() if one.tag == "title"]
    assert titles == ["up to 5 ms: 4", "more than 10 ms: 2"]
    assert len(shapes(svg, "bar")) == 2
    assert svg.get("aria-label") == "latency: 6 frames"


def test_the_marks_of_a_histogram_stay_inside():
    svg = parsed(histogram([1, 1], ["5"], [Mark(1, "50 %"), Mark(2, "99 %")], title="x", unit="ms"))
    first, last = [one for one in svg.iter() if one.get("class") == "mark" and one.text]
    assert (first.get("text-anchor"), last.get("text-anchor")) == ("start", "end")


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0.2, 1), (1, 1), (3, 5), (5, 5), (6, 10), (11, 20), (501, 1000)]
)
def test_axes_end_at_round_numbers(value, ceiling):
    assert nice_ceiling(value) == ceiling


def test_text_from_outside_is_text():
    bad = '<script>alert(1)</script>" onload="x'
    for markup in (
        sparkline([1], title=bad),
        bars_markup(bad),
        histogram([1, 1], [bad], [Mark(1, bad)], title=bad, unit=bad),
    ):
        assert "<script" not in markup
        assert '" onload' not in markup
        parsed(markup)


def bars_markup(text: str):
    return stacked_bars(
        [(1,), None],
        [Series(text, text)],
        [Moment(0, text), Moment(60, text)],
        title=text,
        unit=text,
    )


@given(st.lists(st.none() | st.integers(0, 10**12), max_size=80))
def test_whatever_is_drawn_is_svg_within_its_box(values):
    svg = parsed(sparkline(values, title="x"))
    width = float(svg.get("viewBox").split()[2])
    for gap in shapes(svg, "gap"):
        assert 0 <= float(gap.get("x")) <= float(gap.get("x")) + float(gap.get("width")) <= width
    tall = bars([None if value is None else (value, 0) for value in values])
    for rect in shapes(tall, "printed"):
        assert float(rect.get("y")) >= 23.9
        assert float(rect.get("y")) + float(rect.get("height")) <= 166.1
