"""Charts of an evaluation as SVG: curves, and values with their intervals. Pure.

Colours are left to the style sheet; charts of counts over time are in `beltmark.web.charts`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Final

from markupsafe import Markup

_WIDTH: Final = 420.0
_HEIGHT: Final = 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 26.0, 40.0
_STROKES: Final = ("line", "line-b", "line-c", "line-d")
_ROW: Final = 30.0
_MAX_LABEL: Final = 44
_CHARACTER: Final = 6.0
"""About how wide a letter is."""
Range = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """One line.

    Attributes:
        name: For the key.
        points: (x, y), in order.
        is_ideal: A line to compare with, drawn faintly.
    """

    name: str
    points: Sequence[tuple[float, float]]
    is_ideal: bool = False


@dataclass(frozen=True)
class Point:
    """A place that is pointed out.

    Attributes:
        x: Where.
        y: Where.
        name: What it is.
    """

    x: float
    y: float
    name: str


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        name: What it is of.
        value: None where it was not measured.
        low: Lower end; None where there is none.
        high: Upper end.
        bound: What it is held against.
        is_good: How it is coloured; None: neither.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    is_good: bool | None = None


def xy_chart(
    curves: Sequence[Curve],
    *,
    title: str,
    x: str,
    y: str,
    points: Sequence[Point] = (),
    x_range: Range | None = (0.0, 1.0),
    y_range: Range | None = (0.0, 1.0),
) -> Markup:
    """Draws curves over two axes.

    Args:
        curves: At most four, and ideals; points that are not finite are left out.
        title: What it is, for whoever does not see it.
        x: What the horizontal axis is, with its unit.
        y: Likewise of the vertical axis.
        points: Places to point out.
        x_range: From where to where; None: as the curves are.
        y_range: Likewise.
    """
    known = [[p for p in curve.points if isfinite(p[0]) and isfinite(p[1])] for curve in curves]
    xs = x_range or _range_of([p[0] for points in known for p in points])
    ys = y_range or _range_of([p[1] for points in known for p in points])

    def place(at: tuple[float, float]) -> tuple[float, float]:
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return (
            _LEFT + width * _share(at[0], xs),
            _TOP + height * (1 - _share(at[1], ys)),
        )

    shapes = [*_axes(xs, ys, x, y)]
    strokes = iter(_STROKES)
    named: list[tuple[str, str]] = []
    for curve, line in zip(curves, known, strict=True):
        stroke = "ideal" if curve.is_ideal else next(strokes, _STROKES[-1])
        if line:
            path = " ".join("{:.1f},{:.1f}".format(*place(point)) for point in line)
            shapes.append(
                Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>').format(
                    stroke, path, curve.name
                )
            )
        named.append((stroke, curve.name))
    for point in points:
        cx, cy = place((point.x, point.y))
        shapes.append(
            Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="4.5"/>').format(cx, cy)
        )
        is_right = cx > _WIDTH * 0.6
        shapes.append(
            _text(
                "mark",
                (cx - 8 if is_right else cx + 8, cy + (16 if cy < _HEIGHT / 2 else -8)),
                point.name,
                "end" if is_right else "start",
            )
        )
    height = _HEIGHT
    if len(named) > 1:
        keys, height = _keys(named)
        shapes += keys
    return _svg("chart", _WIDTH, height, title, shapes)


def dot_chart(rows: Sequence[Estimate], *, title: str, value_range: Range | None = None) -> Markup:
    """Draws each value as a dot with its interval, and what it is held against as a line.

    Args:
        rows: From top to bottom.
        title: What it is, for whoever does not see it.
        value_range: From where to where; None: as the values are.
    """
    given = [
        number
        for row in rows
        for number in (row.value, row.low, row.high, row.bound)
        if number is not None and isfinite(number)
    ]
    span = value_range or _range_of(given)
    left, right, top = 16.0, 16.0, 8.0
    height = top + 2 * _ROW * len(rows) * 0.75 + 26
    plot = _WIDTH - left - right

    def at(number: float) -> float:
        return left + plot * min(max(_share(number, span), 0.0), 1.0)

    shapes: list[Markup] = []
    bottom = height - 22
    for tick in ticks(span):
        shapes.append(_line("grid", at(tick), top, at(tick), bottom))
        shapes.append(_text("tick", (at(tick), height - 6), short(tick), "middle"))
    for index, row in enumerate(rows):
        y = top + 14 + 1.5 * _ROW * index
        tone = {None: "", True: " good", False: " bad"}[row.is_good]
        shapes.append(_text("told", (left, y), _cut(row.name), "start"))
        y += 14
        if row.low is not None and row.high is not None:
            shapes.append(_line("interval" + tone, at(row.low), y, at(row.high), y))
        if row.bound is not None:
            shapes.append(_line("bound", at(row.bound), y - 9, at(row.bound), y + 9))
        if row.value is None:
            shapes.append(_text("mark", (_WIDTH - right, y + 4), "not measured", "end"))
        else:
            shapes.append(
                Markup('<circle class="dot{}" cx="{:.1f}" cy="{:.1f}" r="4.5"/>').format(
                    tone, at(row.value), y
                )
            )
    return _svg("chart", _WIDTH, height, title, shapes)


def ticks(span: Range) -> list[float]:
    """Three to seven round numbers within a range."""
    low, high = span
    width = high - low
    step = 10.0 ** floor(log10(width)) if width > 0 else 1.0
    for share in (0.2, 0.25, 0.5, 1.0, 2.0):
        if width / (step * share) <= 6:
            step *= share
            break
    first = ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, floor(high / step + 1e-9) + 1)]


def short(number: float) -> str:
    """A number as an axis has room for: 0.25, 500, 20k, 5M."""
    for length, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(number) >= length:
            return f"{number / (1e3 if unit == 'k' else length):g}{unit}"
    return f"{number:g}"


def _range_of(values: Sequence[float]) -> Range:
    if not values:
        return (0.0, 1.0)
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (low - room, high + room)


def _share(value: float, span: Range) -> float:
    return (value - span[0]) / ((span[1] - span[0]) or 1.0)


def _axes(xs: Range, ys: Range, x: str, y: str) -> Iterator[Markup]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    yield _text("tick unit", (2, 13), y, "start")
    yield _text("tick unit", (right, _HEIGHT - 4), x, "end")
    for tick in ticks(ys):
        at = _TOP + (bottom - _TOP) * (1 - _share(tick, ys))
        yield _line("grid", _LEFT, at, right, at)
        yield _text("tick", (_LEFT - 6, at + 4), short(tick), "end")
    for tick in ticks(xs):
        at = _LEFT + (right - _LEFT) * _share(tick, xs)
        yield _line("grid", at, bottom, at, bottom + 4)
        yield _text("tick", (at, bottom + 17), short(tick), "middle")
    yield _line("base", _LEFT, bottom, right, bottom)


def _keys(named: Sequence[tuple[str, str]]) -> tuple[list[Markup], float]:
    """What each stroke is, in rows below the plot; and how high the whole is with them."""
    shapes: list[Markup] = []
    x, y = _LEFT, _HEIGHT + 16
    for stroke, name in named:
        width = 34 + _CHARACTER * len(_cut(name))
        if x > _LEFT and x + width > _WIDTH:
            x, y = _LEFT, y + 18
        shapes.append(_line(stroke, x, y - 4, x + 18, y - 4))
        shapes.append(_text("tick", (x + 24, y), _cut(name), "start"))
        x += width
    return shapes, y + 8


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_LABEL else text[: _MAX_LABEL - 1] + "…"


def _line(css_class: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        css_class, x1, y1, x2, y2
    )


def _text(css_class: str, at: tuple[float, float], text: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        css_class, *at, anchor, text
    )


def _svg(
    css_class: str, width: float, height: float, title: str, shapes: Sequence[Markup]
) -> Markup:
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="{}" role="img" aria-label="{}" '
        'viewBox="0 0 {:g} {:g}">{}</svg>'
    ).format(css_class, title, width, height, Markup("").join(shapes))
