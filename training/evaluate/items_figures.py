"""Draws what thresholds do to whole items, and how the scores of one item went, as SVG. Pure."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from training.evaluate.operating_document import CountedPoint, OperatingDocument

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_LEFT, _TOP, _WIDTH, _HEIGHT = 40, 14, 320, 200
_MOST_LINES = 3


def curve_svg(operating: OperatingDocument) -> str:
    """Share of right labels with its lower bound, and coverage, over the threshold (0 to 1)."""
    policy = operating.policy
    votes = policy.min_votes if policy is not None else operating.curve[0].min_votes
    points = [point for point in operating.curve if point.min_votes == votes]
    lines: list[tuple[str, list[tuple[float, float]]]] = [
        ("right labels", _line(points, [point.precision for point in points])),
        ("what that proves", _line(points, [point.precision_lower for point in points])),
        ("coverage", _line(points, [point.coverage for point in points])),
    ]
    marks = [] if policy is None else [policy.threshold]
    return _chart(lines, marks, operating.target_precision, "threshold")


def scores_svg(
    class_scores: NDArray[np.float32], class_names: Sequence[str], threshold: float
) -> str:
    """The likeliest classes' scores over the frames of one item.

    Args:
        class_scores: float32 [frames, C], 0..1.
        class_names: Of the C classes.
        threshold: The policy's.
    """
    leading = np.argsort(-class_scores.mean(axis=0), kind="stable")[:_MOST_LINES]
    at = np.linspace(0, 1, len(class_scores)) if len(class_scores) > 1 else np.array([0.5])
    lines = [
        (class_names[index], list(zip(at.tolist(), class_scores[:, index].tolist(), strict=True)))
        for index in leading
    ]
    return _chart(lines, [], threshold, "first to last frame")


def _line(
    points: Sequence[CountedPoint], values: Sequence[float | None]
) -> list[tuple[float, float]]:
    pairs = zip(points, values, strict=True)
    return [(point.threshold, value) for point, value in pairs if value is not None]


def _chart(
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    marks: Sequence[float],
    level: float,
    axis: str,
) -> str:
    """Lines in a square from 0 to 1 both ways, with marked places and a level to reach."""
    width, height = _LEFT + _WIDTH + 150, _TOP + _HEIGHT + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(', '.join(name for name, _ in lines))} over {escape(axis)}</title>",
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" '
        'stroke="#888"/>',
        _text(_LEFT + _WIDTH / 2, _TOP + _HEIGHT + 30, axis, "middle"),
    ]
    parts += [_text(_LEFT - 6, _y(share) + 4, f"{share:g}", "end") for share in (0, 0.5, 1)]
    parts.append(_stroke([(0, level), (1, level)], "#c00", "4 3"))
    parts += [_stroke([(mark, 0), (mark, 1)], "#888", "2 3") for mark in marks]
    parts += [_text(_x(mark), _TOP + _HEIGHT + 15, f"{mark:g}", "middle") for mark in marks]
    for index, (name, points) in enumerate(lines):
        parts.append(_stroke(points, _COLOURS[index]))
        x, y = _LEFT + _WIDTH + 12, _TOP + 14 + 20 * index
        parts.append(f'<rect x="{x}" y="{y - 6}" width="14" height="4" fill="{_COLOURS[index]}"/>')
        parts.append(_text(x + 20, y, name))
    return "\n".join([*parts, "</svg>"])


def _x(share: float) -> float:
    return _LEFT + _WIDTH * share


def _y(share: float) -> float:
    return _TOP + _HEIGHT * (1 - share)


def _stroke(points: Sequence[tuple[float, float]], colour: str, dashes: str = "none") -> str:
    path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5" '
        f'stroke-dasharray="{dashes}"/>'
    )


def _text(x: float, y: float, told: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(told)}</text>'
