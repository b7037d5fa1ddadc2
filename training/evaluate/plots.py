"""Draws curves and heat maps as SVG that stands alone: shapes and text, no style sheet. Pure.

Text and axes take the colour of their surroundings, so a drawing fits a light and a dark page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

COLOURS = ("#2a7fd4", "#d9541e", "#2f9e63", "#9c5bc4", "#c2a010", "#1fa3a8", "#c23b6b", "#7a7a7a")
_SIZE = 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 150.0, 14.0, 40.0
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_CELL = 26.0
_LONGEST = 20
"""Letters of a name; the rest is cut."""


@dataclass(frozen=True)
class Curve:
    """One line.

    Attributes:
        name: For the key.
        points: (x, y), each from 0 to 1; gaps at what is not a number.
        is_faint: A line to compare with.
    """

    name: str
    points: Sequence[tuple[float, float]]
    is_faint: bool = False


def curve_plot(curves: Sequence[Curve], *, title: str, x: str, y: str) -> bytes:
    """Draws curves over axes from 0 to 1.

    Args:
        curves: As many as there are colours; faint ones need none.
        title: For whoever does not see it.
        x: What the horizontal axis is.
        y: What the vertical axis is.
    """
    shapes = [_axis(x, y)]
    row = 0
    for curve in curves:
        known = [p for p in curve.points if isfinite(p[0]) and isfinite(p[1])]
        colour = "#888888" if curve.is_faint else COLOURS[row % len(COLOURS)]
        dashes = Markup(' stroke-dasharray="4 4"') if curve.is_faint else Markup("")
        path = " ".join("{:.1f},{:.1f}".format(*_place(point)) for point in known)
        shapes.append(
            Markup(
                '<polyline points="{}" fill="none" stroke="{}" stroke-width="1.8"{}>'
                "<title>{}</title></polyline>"
            ).format(path, colour, dashes, curve.name)
        )
        if not curve.is_faint:
            at = _LEFT + _SIZE + 12, _TOP + 12 + 16 * row
            shapes.append(_text(*at, _cut(curve.name), "start", colour))
            row += 1
    return _svg(_LEFT + _SIZE + _RIGHT, _TOP + _SIZE + _BOTTOM, title, shapes)


def heat_map(
    counts: Sequence[Sequence[int]], rows: Sequence[str], columns: Sequence[str], *, title: str
) -> bytes:
    """Draws a table of counts; each row is shaded by its shares.

    Args:
        counts: By row and column.
        rows: Their names.
        columns: Their names.
        title: For whoever does not see it.
    """
    left, top = 150.0, 130.0
    shapes = []
    for index, name in enumerate(columns):
        x = left + _CELL * (index + 0.65)
        shapes.append(
            Markup(
                '<text x="{:.1f}" y="{:.1f}" font-size="11" fill="currentColor" '
                'transform="rotate(-60 {:.1f} {:.1f})">{}</text>'
            ).format(x, top - 6, x, top - 6, _cut(name))
        )
    for index, (name, row) in enumerate(zip(rows, counts, strict=True)):
        y = top + _CELL * index
        shapes.append(_text(left - 6, y + 17, _cut(name), "end"))
        whole = max(sum(row), 1)
        for place, count in enumerate(row):
            x = left + _CELL * place
            is_right = name == columns[place]
            shapes.append(
                Markup(
                    '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}" '
                    'fill-opacity="{:.2f}" stroke="#888888" stroke-opacity="0.3">'
                    "<title>{}</title></rect>"
                ).format(
                    x,
                    y,
                    _CELL,
                    _CELL,
                    COLOURS[2] if is_right else COLOURS[1],
                    0.85 * count / whole,
                    f"{name}, told {columns[place]}: {count} of {sum(row)}",
                )
            )
            if count:
                shapes.append(_text(x + _CELL / 2, y + 17, _short(count), "middle"))
    width = left + _CELL * len(columns) + 60
    return _svg(width, top + _CELL * len(rows) + 10, title, shapes)


def _axis(x: str, y: str) -> Markup:
    shapes = []
    for tick in _TICKS:
        across, up = _place((tick, 0))[0], _place((0, tick))[1]
        shapes.append(_line(_LEFT, up, _LEFT + _SIZE, up))
        shapes.append(_line(across, _TOP, across, _TOP + _SIZE))
        shapes.append(_text(_LEFT - 6, up + 4, f"{tick:g}", "end"))
        shapes.append(_text(across, _TOP + _SIZE + 16, f"{tick:g}", "middle"))
    shapes.append(_text(_LEFT + _SIZE / 2, _TOP + _SIZE + 33, x, "middle"))
    middle = _TOP + _SIZE / 2
    shapes.append(
        Markup(
            '<text x="12" y="{:.1f}" font-size="12" fill="currentColor" text-anchor="middle" '
            'transform="rotate(-90 12 {:.1f})">{}</text>'
        ).format(middle, middle, y)
    )
    return Markup("").join(shapes)


def _place(point: tuple[float, float]) -> tuple[float, float]:
    return _LEFT + _SIZE * point[0], _TOP + _SIZE * (1 - point[1])


def _line(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup(
        '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="#888888" '
        'stroke-opacity="0.4"/>'
    ).format(x1, y1, x2, y2)


def _text(x: float, y: float, text: str, anchor: str, colour: str = "currentColor") -> Markup:
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" font-size="12" fill="{}" text-anchor="{}">{}</text>'
    ).format(x, y, colour, anchor, text)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _short(count: int) -> str:
    return f"{count / 1000:.0f}k" if count >= 1000 else str(count)


def _svg(width: float, height: float, title: str, shapes: Sequence[Markup]) -> bytes:
    return (
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{}" width="{:g}" '
            'height="{:g}" viewBox="0 0 {:g} {:g}" font-family="sans-serif">{}</svg>'
        )
        .format(title, width, height, width, height, Markup("").join(shapes))
        .encode()
    )
