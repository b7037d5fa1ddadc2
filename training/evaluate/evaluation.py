"""Evaluates a package as it ships: its own file, through the edge's detector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.contract.package import CurvePoint, Manifest, ModelPackage
from beltmark.datasets.dataset import Dataset, LabelledImage
from edge_agent.vision.detector import Detector
from training.evaluate.calibration import expected_error
from training.evaluate.matching import Found, Truth, find, pair, truth_of
from training.evaluate.precision import (
    ANSWER_IOU,
    Answers,
    AveragePrecision,
    answers,
    average_precision,
    curve,
)

THRESHOLDS = (*np.arange(0.05, 0.95, 0.025).round(3).tolist(), 0.95, 0.97, 0.98, 0.99, 0.995)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model did on a set of images.

    Attributes:
        images: The images.
        found: What it found in each.
        truths: What is in each.
        precision: Average precision.
        answers: Each detection judged as an answer.
        curve: Precision and coverage by threshold.
        calibration_error: Expected calibration error of its scores.
    """

    images: tuple[LabelledImage, ...]
    found: list[Found]
    truths: list[Truth]
    precision: AveragePrecision
    answers: Answers
    curve: tuple[CurvePoint, ...]
    calibration_error: float


def evaluate(package: ModelPackage, images: Sequence[LabelledImage]) -> Evaluation:
    """Runs the package's model over the images and measures it.

    Raises:
        InputError: The model or an image cannot be used.
    """
    manifest = package.manifest
    found = find(Detector(package), images)
    truths = [truth_of(image) for image in images]
    given = answers(found, truths, none_index(manifest))
    return Evaluation(
        tuple(images),
        found,
        truths,
        average_precision(found, truths, manifest.classes),
        given,
        curve(given, THRESHOLDS),
        expected_error(given.scores, given.right),
    )


def none_index(manifest: Manifest) -> int | None:
    """Index of the class that means none of these, if there is one."""
    if manifest.none_of_these is None:
        return None
    return manifest.classes.index(manifest.none_of_these)


def check_classes(package: ModelPackage, dataset: Dataset) -> None:
    """Makes sure that the dataset's classes are the model's, in the same order.

    Raises:
        InputError: They differ.
    """
    if dataset.class_names != package.manifest.classes:
        raise InputError(
            f"has classes {', '.join(dataset.class_names)}, but the model knows "
            f"{', '.join(package.manifest.classes)}",
            "evaluate on the classes that it was trained for",
            file=dataset.path,
            field="categories",
        )


def metrics_of(evaluation: Evaluation) -> dict[str, float]:
    """Returns the numbers that manifest and report give."""
    precision = evaluation.precision
    numbers = {
        "ap50": precision.ap50,
        "ap50_95": precision.ap50_95,
        "images": float(len(evaluation.images)),
        "objects": float(sum(precision.objects.values())),
        "calibration_error": evaluation.calibration_error,
    }
    numbers |= {f"ap50_{name}": value for name, value in precision.ap50_by_class.items()}
    return {name: round(value, 5) for name, value in numbers.items()}


def worst_mistakes(evaluation: Evaluation, most: int) -> list[tuple[int, NDArray[np.int64]]]:
    """Returns images with the surest wrong answers, and the rows of these detections."""
    ranked = []
    for index, (found, truth) in enumerate(zip(evaluation.found, evaluation.truths, strict=True)):
        wrong = wrong_rows(found, truth)
        if len(wrong):
            ranked.append((float(found.scores[wrong].max()), index, wrong))
    ranked.sort(key=lambda entry: -entry[0])
    return [(index, wrong) for _, index, wrong in ranked[:most]]


def wrong_rows(found: Found, truth: Truth) -> NDArray[np.int64]:
    """Returns the rows of detections that are not on an object of their class."""
    labels = np.append(truth.labels, -1)[pair(found, truth, ANSWER_IOU)]
    return np.flatnonzero(labels != found.labels)
