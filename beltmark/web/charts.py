"""Draws charts as SVG, from numbers to markup. Pure; colours are left to the style sheet.

What is not known is drawn as a gap, never as nothing: a minute without a word is not a minute
without a label.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from markupsafe import Markup

_SPARK_STEP: Final = 3
_SPARK_HEIGHT: Final = 32
_WIDTH: Final = 420.0
_HEIGHT: Final = 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 8.0, 24.0, 24.0
_NICE_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True)
class Series:
    """One part of stacked bars.

    Attributes:
        name: What it counts.
        css_class: How the style sheet colours it.
    """

    name: str
    css_class: str


@dataclass(frozen=True)
class Moment:
    """Begin of a bar.

    Attributes:
        at: In seconds since the epoch.
        text: How it reads; the script may write it in the reader's own time zone.
    """

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A place on a histogram's axis that is pointed out.

    Attributes:
        position: In bins from the left; 2.0 is the end of the second.
        name: What it is.
    """

    position: float
    name: str


def sparkline(values: Sequence[float | None], *, title: str) -> Markup:
    """Draws one small bar a value, the latest at the right.

    Args:
        values: None where it is not known.
        title: What it is, for whoever does not see it; how it is, is added to it.
    """
    known = [value for value in values if value is not None]
    top = max([1.0, *known])
    shapes: list[Markup] = []
    for first, length in _gaps(values):
        shapes.append(_rect("gap", _SPARK_STEP * first, 0, _SPARK_STEP * length, _SPARK_HEIGHT))
    bars = "".join(
        f"M{_SPARK_STEP * index} {_SPARK_HEIGHT}v-{max(1.0, _SPARK_HEIGHT * value / top):.1f}"
        f"h2V{_SPARK_HEIGHT}z"
        for index, value in enumerate(values)
        if value is not None
    )
    if bars:
        shapes.append(Markup('<path class="bar" d="{}"/>').format(bars))
    told = f"{title}: {_told_values(values)}"
    width = _SPARK_STEP * max(1, len(values))
    return _svg("sparkline", width, _SPARK_HEIGHT, told, shapes, is_stretched=True)


def stacked_bars(
    bars: Sequence[Sequence[int] | None],
    series: Sequence[Series],
    moments: Sequence[Moment],
    *,
    title: str,
    unit: str,
    tick_s: float = 900.0,
) -> Markup:
    """Draws one stacked bar a span of time.

    Args:
        bars: For each span the counts, in the order of `series`; None where they are not known.
        series: The parts, the lowest first.
        moments: When each span begins.
        title: What it is, for whoever does not see it; how it is, is added to it.
        unit: What is counted, as the vertical axis says.
        tick_s: Times that are a multiple of it are written at the horizontal axis.
    """
    known = [sum(bar) for bar in bars if bar is not None]
    top = nice_ceiling(max([1, *known]))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(bars))
    shapes = [*_axis(top, unit)]
    for first, length in _gaps(bars):
        x = _LEFT + step * first
        shapes.append(_rect("gap", x, _TOP, step * length, _plot_height()))
        if step * length > 60:
            shapes.append(_text("told", x + step * length / 2, _middle(), "no data", "middle"))
    for index, (bar, moment) in enumerate(zip(bars, moments, strict=True)):
        if bar is not None and any(bar):
            x = _LEFT + step * index
            shapes.append(_stack(bar, series, moment, (x, 0.8 * step, _plot_height() / top)))
    shapes += _time_ticks(moments, step, tick_s)
    told = f"{title}: {_told_bars(bars, series)}"
    return _svg("chart", _WIDTH, _HEIGHT, told, shapes)


def histogram(
    counts: Sequence[int],
    bounds: Sequence[str],
    marks: Sequence[Mark] = (),
    *,
    title: str,
    unit: str,
) -> Markup:
    """Draws one bar a bin.

    Args:
        counts: How many are in each bin; one more than `bounds`: the last bin has no end.
        bounds: Where the bins end, as text.
        marks: Places to point out.
        title: What it is, for whoever does not see it.
        unit: The unit of the bounds, as the horizontal axis says.
    """
    top = nice_ceiling(max([1, *counts]))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(counts))
    shapes = [*_axis(top, "frames")]
    for index, number in enumerate(counts):
        if number:
            height = max(1.0, _plot_height() * number / top)
            x = _LEFT + step * index + 1
            bar = _rect("bar", x, _TOP + _plot_height() - height, step - 2, height)
            name = f"more than {bounds[-1]}" if index == len(bounds) else f"up to {bounds[index]}"
            shapes.append(_group(f"{name} {unit}: {number}", [bar]))
    for index, bound in enumerate(bounds):
        shapes.append(_text("tick", _LEFT + step * (index + 1), _HEIGHT - 8, bound, "middle"))
    shapes.append(_text("tick unit", 2, _HEIGHT - 8, unit, "start"))
    for number, mark in enumerate(marks):
        x = _LEFT + step * mark.position
        shapes.append(_line("mark", x, _TOP, x, _TOP + _plot_height()))
        # At the right edge there is no room to the right of the line.
        is_left = mark.position > 0.8 * len(counts)
        y = _TOP + 11 + 14 * number
        shapes.append(
            _text("mark", x - 4 if is_left else x + 4, y, mark.name, "end" if is_left else "start")
        )
    return _svg("chart", _WIDTH, _HEIGHT, f"{title}: {sum(counts)} frames", shapes)


def nice_ceiling(value: float) -> int:
    """The least of 1, 2, 5, 10, 20, 50 and so on that is not less than `value`."""
    power = 1
    while True:
        for step in _NICE_STEPS:
            if step * power >= value:
                return step * power
        power *= 10


def _gaps(values: Sequence[object | None]) -> Iterator[tuple[int, int]]:
    """Runs of what is not known: where they begin, and how long they are."""
    begin = 0
    for is_gap, run in groupby(values, lambda value: value is None):
        length = sum(1 for _ in run)
        if is_gap:
            yield begin, length
        begin += length


def _told_values(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "nothing is known"
    latest = "unknown" if values[-1] is None else f"{values[-1]:g}"
    return f"latest {latest}, most {max(known):g}{_told_missing(len(values) - len(known))}"


def _told_bars(bars: Sequence[Sequence[int] | None], series: Sequence[Series]) -> str:
    known = [bar for bar in bars if bar is not None]
    if not known:
        return "nothing is known"
    totals = ", ".join(
        f"{sum(bar[index] for bar in known)} {one.name}" for index, one in enumerate(series)
    )
    return f"{totals}{_told_missing(len(bars) - len(known))}"


def _told_missing(number: int) -> str:
    return f"; {number} without data" if number else ""


def _axis(top: int, unit: str) -> Iterator[Markup]:
    yield _text("tick unit", 2, 11, unit, "start")
    for share in (0.0, 0.5, 1.0) if top > 1 else (0.0, 1.0):
        y = _TOP + _plot_height() * (1 - share)
        yield _line("grid" if share else "base", _LEFT, y, _WIDTH - _RIGHT, y)
        yield _text("tick", _LEFT - 5, y + 4, _short(top * share), "end")


def _short(number: float) -> str:
    """A number as an axis has room for: 500, 20k, 5M."""
    for length, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= length:
            return f"{number / length:g}{unit}"
    return f"{number:g}"


def _stack(
    bar: Sequence[int], series: Sequence[Series], moment: Moment, place: tuple[float, float, float]
) -> Markup:
    """One stacked bar; its place is x, width, and the height of one."""
    x, width, height = place
    rects: list[Markup] = []
    y = _TOP + _plot_height()
    for number, one in zip(bar, series, strict=True):
        if number:
            y -= height * number
            rects.append(_rect(one.css_class, x, y, width, height * number))
    told = ", ".join(f"{number} {one.name}" for number, one in zip(bar, series, strict=True))
    return Markup(
        '<g><title data-at="{}" data-form="minute" data-tail="{}">{}</title>{}</g>'
    ).format(moment.at, f": {told}", f"{moment.text}: {told}", Markup("").join(rects))


def _time_ticks(moments: Sequence[Moment], step: float, tick_s: float) -> Iterator[Markup]:
    for index, moment in enumerate(moments):
        if moment.at % tick_s == 0:
            x = _LEFT + step * index
            yield _line("grid", x, _TOP + _plot_height(), x, _TOP + _plot_height() + 4)
            yield Markup(
                '<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="middle" '
                'data-at="{}" data-form="minute">{}</text>'
            ).format(x, _HEIGHT - 6, moment.at, moment.text)


def _plot_height() -> float:
    return _HEIGHT - _TOP - _BOTTOM


def _middle() -> float:
    return _TOP + _plot_height() / 2 + 4


def _rect(css_class: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        css_class, x, y, width, height
    )


def _line(css_class: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        css_class, x1, y1, x2, y2
    )


def _text(css_class: str, x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        css_class, x, y, anchor, text
    )


def _group(title: str, shapes: Sequence[Markup]) -> Markup:
    return Markup("<g><title>{}</title>{}</g>").format(title, Markup("").join(shapes))


def _svg(
    css_class: str,
    width: float,
    height: float,
    title: str,
    shapes: Sequence[Markup],
    *,
    is_stretched: bool = False,
) -> Markup:
    fit = Markup(' preserveAspectRatio="none"') if is_stretched else ""
    return Markup(
        '<svg class="{}" role="img" aria-label="{}" viewBox="0 0 {:g} {:g}"{}>{}</svg>'
    ).format(css_class, title, width, height, fit, Markup("").join(shapes))
