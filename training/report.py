"""Writes what a run achieved: `metrics.json`, and a page with curve, table and worst mistakes."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2

from beltmark.contract.documents import write_bytes
from beltmark.contract.package import CurvePoint, Manifest
from beltmark.datasets.images import decode_image, read_image_bytes
from training.evaluate.evaluation import Evaluation, metrics_of, worst_mistakes
from training.evaluate.precision import threshold_for

MISTAKES = 12
CHOSEN_ON_TEST = (
    "No scenes were put aside for validation: temperature and threshold were chosen on these same "
    "images, so expect a little less elsewhere."
)
GREEN, RED = (60, 180, 0), (0, 0, 230)


def write_report(
    folder: Path,
    manifest: Manifest,
    evaluation: Evaluation,
    *,
    target_precision: float,
    chosen_on_test: bool,
    further: dict[str, float],
) -> None:
    """Writes `metrics.json`, `report.md`, `curve.svg` and pictures of mistakes.

    Args:
        folder: Where to write; made if missing.
        manifest: Of the evaluated package.
        evaluation: On images that it did not learn from.
        target_precision: For the suggested threshold, which comes from the manifest's curve.
        chosen_on_test: Temperature and curve come from these same images, for want of others.
        further: Numbers beside those of the evaluation, such as size and speed.
    """
    metrics = metrics_of(evaluation) | further
    suggested = threshold_for(manifest.curve, target_precision)
    content = {
        "package": manifest.name,
        "metrics": metrics,
        "target_precision": target_precision,
        "suggested": None if suggested is None else suggested.model_dump(),
        "curve_on_test": [point.model_dump() for point in evaluation.curve],
    }
    write_bytes(folder / "metrics.json", (json.dumps(content, indent=2) + "\n").encode())
    write_bytes(folder / "curve.svg", _curve_svg(evaluation.curve, suggested).encode())
    pictures = _draw_mistakes(folder, manifest, evaluation)
    lines = [
        f"# {manifest.name}",
        "",
        f"Measured on {len(evaluation.images)} images that it did not learn from, with the int8 "
        "file, through the edge's detector.",
        "",
        _suggestion(suggested, target_precision),
        *([CHOSEN_ON_TEST] if chosen_on_test else []),
        "",
        "| measure | value |",
        "|---|---|",
        *(f"| {name} | {value:g} |" for name, value in metrics.items()),
        "",
        "![precision and coverage](curve.svg)",
        "",
        "## Surest mistakes",
        "",
        "Green: what is there. Red: what it said.",
        "",
        *(f"![mistake]({name})" for name in pictures),
    ]
    write_bytes(folder / "report.md", ("\n".join(lines) + "\n").encode())


def _suggestion(point: CurvePoint | None, target_precision: float) -> str:
    if point is None:
        return f"No threshold reaches the target precision of {target_precision:g}."
    return (
        f"Suggested threshold for a precision of {target_precision:g}: {point.threshold:g} "
        f"(precision {point.precision:.4f}, coverage {point.coverage:.4f}, per frame)."
    )


def _curve_svg(points: Sequence[CurvePoint], suggested: CurvePoint | None) -> str:
    """Draws coverage (right) against precision (up), both from 0 to 1."""
    size, margin = 320, 40

    def place(point: CurvePoint) -> str:
        x = margin + point.coverage * size
        y = margin + (1 - point.precision) * size
        return f"{x:.1f},{y:.1f}"

    path = " ".join(place(point) for point in points)
    end = margin + size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{end + margin}" height="{end + margin}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect x="{margin}" y="{margin}" width="{size}" height="{size}" fill="none" '
        'stroke="#888"/>',
        f'<polyline points="{path}" fill="none" stroke="#06c" stroke-width="2"/>',
        f'<text x="{margin}" y="{margin - 10}">precision</text>',
        f'<text x="{end - 50}" y="{end + 20}">coverage</text>',
    ]
    if suggested is not None:
        x, y = place(suggested).split(",")
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="#c00"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _draw_mistakes(folder: Path, manifest: Manifest, evaluation: Evaluation) -> list[str]:
    names = []
    (folder / "mistakes").mkdir(parents=True, exist_ok=True)
    for rank, (index, wrong) in enumerate(worst_mistakes(evaluation, MISTAKES)):
        picture = decode_image(read_image_bytes(evaluation.images[index]))
        assert picture is not None, "was evaluated"
        truth, found = evaluation.truths[index], evaluation.found[index]
        for box, label in zip(truth.boxes, truth.labels, strict=True):
            _draw_box(picture, box.tolist(), manifest.classes[label], GREEN)
        for row in wrong:
            told = f"{manifest.classes[found.labels[row]]} {found.scores[row]:.2f}"
            _draw_box(picture, found.boxes[row].tolist(), told, RED)
        names.append(f"mistakes/{rank:02d}.jpg")
        cv2.imwrite(str(folder / names[-1]), picture)
    return names


def _draw_box(
    picture: cv2.typing.MatLike, box: Sequence[float], told: str, colour: tuple[int, int, int]
) -> None:
    left, top, right, bottom = (round(side) for side in box)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, 1)
    below = colour == RED
    at = (left, bottom + 11 if below else max(top - 3, 9))
    cv2.putText(picture, told, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
