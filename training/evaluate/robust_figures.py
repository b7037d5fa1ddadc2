"""Draws robustness as SVG that stands alone: a heat table, a curve for each corruption. Pure."""

from html import escape

from training.evaluate.robust_corruptions import CORRUPTIONS, STRENGTHS
from training.evaluate.robust_measure import Robustness

_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9",
    "#a6761d", "#e69f00", "#666666", "#7b3294", "#1b1b1b",
)  # fmt: skip
_CELL_W, _CELL_H, _NAMES_W = 62, 24, 110


def merit_words(measured: Robustness) -> str:
    """What robustness is told by, for people."""
    return "top-1" if measured.is_whole else "AP50"


def heat_svg(measured: Robustness) -> str:
    """A row for each corruption, a column for each strength; the darker, the less is left."""
    width = _NAMES_W + _CELL_W * (len(STRENGTHS) + 1)
    parts = [
        _text(_NAMES_W + _CELL_W * (column + 0.5), 16, name, "middle")
        for column, name in enumerate(("clean", *map(str, STRENGTHS)))
    ]
    for row, corruption in enumerate(CORRUPTIONS):
        y = _CELL_H * (row + 1)
        parts.append(_text(_NAMES_W - 8, y + 16, corruption.title, "end"))
        scores = (measured.clean, *measured.scores[corruption.name])
        for column, score in enumerate(scores):
            clean = measured.clean.merit
            kept = min(1.0, score.merit / clean) if clean > 0 else 0.0
            x = _NAMES_W + _CELL_W * column
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL_W}" height="{_CELL_H}" '
                f'fill="{_heat(kept)}" stroke="#fff"/>'
            )
            ink = "#fff" if kept < 0.55 else "#222"
            parts.append(_text(x + _CELL_W / 2, y + 16, f"{score.merit:.3f}", "middle", ink))
    return _svg(
        width, _CELL_H * (len(CORRUPTIONS) + 1) + 4, f"{merit_words(measured)} by corruption", parts
    )


def curves_svg(measured: Robustness) -> str:
    """What it reaches (up, 0 to 1) over strength (right, 0 is the picture as it is)."""
    left, top, width, height = 36, 12, 300, 240
    step = width / len(STRENGTHS)
    parts = [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#888"/>',
        *(
            _text(left + step * strength, top + height + 16, str(strength), "middle")
            for strength in (0, *STRENGTHS)
        ),
        *(
            _text(left - 6, top + height * (1 - share) + 4, f"{share:g}", "end")
            for share in (0, 0.5, 1)
        ),
    ]
    for index, (corruption, colour) in enumerate(zip(CORRUPTIONS, _COLOURS, strict=True)):
        values = [measured.clean.merit, *(s.merit for s in measured.scores[corruption.name])]
        points = " ".join(
            f"{left + step * strength:.1f},{top + height * (1 - value):.1f}"
            for strength, value in enumerate(values)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2">'
            f"<title>{escape(corruption.title)}</title></polyline>"
        )
        y = top + 12 + 20 * index
        x = left + width + 14
        parts.append(f'<rect x="{x}" y="{y - 6}" width="14" height="4" fill="{colour}"/>')
        parts.append(_text(x + 20, y, corruption.title))
    return _svg(
        left + width + 140, top + height + 28, f"{merit_words(measured)} over strength", parts
    )


def _heat(kept: float) -> str:
    """From light (all is kept) to dark red (nothing is)."""
    light, dark = (244, 247, 235), (150, 20, 30)
    red, green, blue = (round(d + (a - d) * kept) for a, d in zip(light, dark, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _text(x: float, y: float, told: str, anchor: str = "start", ink: str = "#222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{ink}">{escape(told)}</text>'
    )


def _svg(width: float, height: float, title: str, parts: list[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" font-family="sans-serif" font-size="12" '
            f'role="img"><title>{escape(title)}</title>',
            *parts,
            "</svg>",
        ]
    )
