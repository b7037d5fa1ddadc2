"""Writes what a run achieved: `metrics.json` for machines, `report.html` for people.

How the page is made is left to `pages`, what stands in it to those who measure.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2

from beltmark.contract.documents import write_bytes
from beltmark.contract.package import CurvePoint, Manifest, ModelPackage
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.images import read_image
from training.compress.record import CompressionRecord, section_of
from training.evaluate import classification, reliability
from training.evaluate.classes import match_classes
from training.evaluate.context import Context
from training.evaluate.evaluation import LEADING, Evaluation, metrics_of, worst_mistakes
from training.evaluate.precision import threshold_for
from training.evaluate.section import Figure, Section, Table
from training.pages.charts import Curve, Point, xy_chart
from training.pages.report import render_report

METRICS = "metrics.json"
PAGE = "report.html"
MISTAKES = 12
CHOSEN_ON_TEST = (
    "No images were put aside for validation: temperature and threshold were chosen on these same "
    "images, so expect a little less elsewhere."
)
GREEN, RED = (60, 180, 0), (0, 0, 230)
JPEG_QUALITY = 85


def write_report(
    folder: Path,
    package: ModelPackage,
    evaluation: Evaluation,
    *,
    target_precision: float,
    chosen_on_test: bool,
    further: Mapping[str, float],
    compression: CompressionRecord,
    losses: Mapping[str, Sequence[tuple[float, float]]],
    dataset: Dataset,
    parts: Mapping[str, Sequence[LabelledImage]],
    made_at: str,
) -> dict[str, float]:
    """Writes `metrics.json` and `report.html`; returns the metrics.

    Args:
        folder: Where to write; made if missing.
        package: The evaluated package.
        evaluation: On images that it did not learn from.
        target_precision: For the suggested threshold, which comes from the manifest's curve.
        chosen_on_test: Temperature and curve come from these same images, for want of others.
        further: Numbers beside those of the evaluation, such as size and speed.
        compression: How the model became int8.
        losses: Curves of the training, (step, value), by name.
        dataset: The whole.
        parts: Of it, by name.
        made_at: ISO 8601.
    """
    manifest = package.manifest
    metrics = metrics_of(evaluation) | dict(further)
    suggested = threshold_for(manifest.curve, target_precision)
    content = {
        "package": manifest.name,
        "package_sha256": package.digest,
        "dataset_sha256": dataset.sha256,
        "metrics": metrics,
        "target_precision": target_precision,
        "suggested": None if suggested is None else suggested.model_dump(),
        "curve_on_test": [point.model_dump() for point in evaluation.curve],
        "judged_by": [image_name(image, dataset) for image in evaluation.images],
    }
    write_bytes(folder / METRICS, (json.dumps(content, indent=2) + "\n").encode())
    told = [
        f"Measured on {len(evaluation.images)} images that it did not learn from, with the int8 "
        "file, through the edge's detector.",
        _suggestion(suggested, target_precision),
    ]
    page = render_report(
        f"{manifest.name}: what the run achieved",
        made_at=made_at,
        sections=[
            *_measured_sections(package, dataset, evaluation, target_precision),
            _compression_section(manifest, further),
            section_of(compression),
            *_training_section(losses),
        ],
        package=package,
        dataset=dataset,
        parts=parts,
        told=[*told, *([CHOSEN_ON_TEST] if chosen_on_test else [])],
        mistakes=mistake_figures(manifest, evaluation),
    )
    write_bytes(folder / PAGE, page)
    return metrics


def image_name(image: LabelledImage, dataset: Dataset) -> str:
    """Returns an image's name within its dataset; a snapshot's images are named by digest."""
    root = dataset.path if dataset.path.is_dir() else dataset.path.parent
    path = image.path
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def mistake_figures(
    manifest: Manifest, evaluation: Evaluation, most: int = MISTAKES
) -> list[Figure]:
    """Draws the surest mistakes: what is there in green, what was said in red."""
    figures = []
    for index, wrong in worst_mistakes(evaluation, most):
        picture = read_image(evaluation.images[index])
        truth, found = evaluation.truths[index], evaluation.found[index]
        for box, label in zip(truth.boxes, truth.labels, strict=True):
            _draw_box(picture, box.tolist(), manifest.classes[label], GREEN)
        said = []
        for row in wrong:
            name = manifest.classes[found.labels[row]]
            said.append(f"{name} {found.scores[row]:.2f}")
            _draw_box(picture, found.boxes[row].tolist(), said[-1], RED)
        _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        is_ = "" if not truth.is_whole else f"is {manifest.classes[truth.asked[0]]}, "
        title = f"{evaluation.images[index].path.name}: {is_}said {', '.join(said[:4])}"
        figures.append(Figure(title, "image/jpeg", content.tobytes()))
    return figures


def curve_figure(points: Sequence[CurvePoint], suggested: CurvePoint | None) -> Figure:
    """Draws precision over coverage, and where the suggested threshold lies."""
    title = "Precision over coverage, per frame"
    chart = xy_chart(
        [Curve("", [(point.coverage, point.precision) for point in points])],
        title=title,
        x="coverage",
        y="precision",
        points=[]
        if suggested is None
        else [Point(suggested.coverage, suggested.precision, f"from {suggested.threshold:g}")],
    )
    return Figure(title, "image/svg+xml", str(chart).encode())


def _measured_sections(
    package: ModelPackage, dataset: Dataset, evaluation: Evaluation, target_precision: float
) -> list[Section]:
    manifest = package.manifest
    suggested = threshold_for(manifest.curve, target_precision)
    if manifest.task == "detect":
        return [_precision_section(evaluation, suggested)]
    classes = match_classes(dataset, manifest.classes, manifest.none_of_these)
    context = Context(package, dataset, classes, evaluation, target_precision)
    curve = Section(
        "curve", "Risk and coverage", figures=(curve_figure(evaluation.curve, suggested),)
    )
    measured = (classification.section(context), reliability.section(context))
    return [*(section for section in measured if isinstance(section, Section)), curve]


def _precision_section(evaluation: Evaluation, suggested: CurvePoint | None) -> Section:
    precision = evaluation.precision
    numbers = metrics_of(evaluation)
    return Section(
        "detection",
        "Boxes and classes",
        (
            f"AP50 is {precision.ap50:.3f}, AP50-95 {precision.ap50_95:.3f}.",
            "As COCO defines them: the mean over classes that occur.",
        ),
        {
            name: value
            for name, value in numbers.items()
            if name == "ap50_95" or not name.startswith("ap50_")
        },
        (
            Table(
                "Classes",
                ("class", "AP50", "objects"),
                [
                    (name, value, precision.objects[name])
                    for name, value in sorted(
                        precision.ap50_by_class.items(), key=lambda entry: entry[1]
                    )
                ],
            ),
        ),
        (curve_figure(evaluation.curve, suggested),),
    )


def _compression_section(manifest: Manifest, further: Mapping[str, float]) -> Section:
    slower = further["model_ms"] > further["model_ms_fp32"]
    leading = LEADING[manifest.task][0]
    name = {"ap50": "an AP50", "top1": "a top-1"}[leading]
    return Section(
        "compression",
        "What the int8 file costs and gains",
        (
            f"fp32 has {name} of {further[f'{leading}_fp32']:.3f}, int8 of "
            f"{manifest.metrics[leading]:.3f}. One inference takes {further['model_ms']:g} ms on "
            f"one thread, fp32 takes {further['model_ms_fp32']:g} ms.",
            *(["The int8 file is SLOWER than fp32 on this processor."] if slower else []),
        ),
        dict(further),
    )


def _training_section(losses: Mapping[str, Sequence[tuple[float, float]]]) -> list[Section]:
    if not any(losses.values()):
        return []
    title = "Loss by step"
    chart = xy_chart(
        [Curve(name, points) for name, points in losses.items()],
        title=title,
        x="step",
        y="loss",
        x_range=None,
        y_range=None,
    )
    figure = Figure(title, "image/svg+xml", str(chart).encode())
    return [Section("training", "Training", figures=(figure,))]


def _suggestion(point: CurvePoint | None, target_precision: float) -> str:
    if point is None:
        return f"No threshold reaches the target precision of {target_precision:g}."
    return (
        f"Suggested threshold for a precision of {target_precision:g}: {point.threshold:g} "
        f"(precision {point.precision:.4f}, coverage {point.coverage:.4f}, per frame)."
    )


def _draw_box(
    picture: cv2.typing.MatLike, box: Sequence[float], told: str, colour: tuple[int, int, int]
) -> None:
    left, top, right, bottom = (round(side) for side in box)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, 1)
    below = colour == RED
    at = (left, bottom + 11 if below else max(top - 3, 9))
    cv2.putText(picture, told, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
