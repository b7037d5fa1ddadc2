"""Evaluates a package as it ships: its own file, through the edge's detector."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import CurvePoint, Manifest, ModelPackage, Task
from beltmark.datasets.dataset import LabelledImage
from training.evaluate.cache import Look, LookCache
from training.evaluate.calibration import expected_error
from training.evaluate.classes import ClassMatch
from training.evaluate.looking import look_at
from training.evaluate.matches import Matches, match
from training.evaluate.matching import (
    Found,
    Truth,
    judged,
    labels_under,
    named_rightly,
    pair,
    truth_of,
)
from training.evaluate.precision import (
    ANSWER_IOU,
    Answers,
    AveragePrecision,
    answers,
    average_precision,
    curve,
)

LEADING: Final[Mapping[Task, tuple[str, ...]]] = {
    "detect": ("ap50", "ap50_95"),
    "classify": ("top1",),
}
"""The numbers that say how good a model is, the one that matters most first."""

THRESHOLDS = (*np.arange(0.05, 0.95, 0.025).round(3).tolist(), 0.95, 0.97, 0.98, 0.99, 0.995)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a model saw in one image, with what is judged there and what is not.

    Attributes:
        found: All that it found.
        image_scores: float32 [C], the best score of each class anywhere in the image.
        object_scores: float32 [M, C], of the detection on each object; zeros where there is none.
        brightness: Mean grey value, 0..255.
        sharpness: Variance of the Laplacian; low where the image is blurred.
    """

    found: Found
    image_scores: NDArray[np.float32]
    object_scores: NDArray[np.float32]
    brightness: float
    sharpness: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model did on a set of images.

    Attributes:
        images: The images.
        found: What it found in each, without what is not judged.
        truths: What is in each.
        matches: Which detection is on which object.
        precision: Average precision.
        answers: Each detection judged as an answer.
        curve: Precision and coverage by threshold.
        calibration_error: Expected calibration error of its scores.
        seen: What else was seen in each image.
    """

    images: tuple[LabelledImage, ...]
    found: list[Found]
    truths: list[Truth]
    matches: Matches
    precision: AveragePrecision
    answers: Answers
    curve: tuple[CurvePoint, ...]
    calibration_error: float
    seen: tuple[Seen, ...]


def evaluate(
    package: ModelPackage,
    images: Sequence[LabelledImage],
    classes: ClassMatch | None = None,
    cache: LookCache | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Runs the package's model over the images and measures it.

    Args:
        package: What is evaluated.
        images: At least one.
        classes: How their classes stand to the model's; without it, they are the same.
        cache: What was seen before.
        on_image: Called after each image.

    Raises:
        InputError: The model or an image cannot be used.
    """
    truths = [truth_of(image, classes, package.manifest.task) for image in images]
    looks = look_at(package, images, cache, on_image)
    seen = tuple(_seen(look, truth) for look, truth in zip(looks, truths, strict=True))
    return judge(package.manifest, images, seen, truths)


def judge(
    manifest: Manifest,
    images: Sequence[LabelledImage],
    seen: Sequence[Seen],
    truths: Sequence[Truth],
) -> Evaluation:
    """Measures what was seen in images against what is there."""
    found = [judged(each.found, truth) for each, truth in zip(seen, truths, strict=True)]
    given = answers(found, truths, none_index(manifest))
    matches = match(found, truths, len(manifest.classes))
    return Evaluation(
        tuple(images),
        found,
        list(truths),
        matches,
        average_precision(matches, manifest.classes),
        given,
        curve(given, THRESHOLDS),
        expected_error(given.scores, given.right),
        tuple(seen),
    )


def answer_scores(evaluation: Evaluation, manifest: Manifest) -> NDArray[np.float32]:
    """Returns what calibration looks at, of each answer: float32 [K, C], or [K, 1].

    All classes' scores, where they are calibrated together; the best class's, where each is by
    itself.
    """
    given = evaluation.answers
    if manifest.calibration.method == "temperature":
        return given.scores[:, None]
    rows = [evaluation.seen[image].image_scores for image in given.images]
    return np.array(rows, np.float32).reshape(-1, len(manifest.classes))


def none_index(manifest: Manifest) -> int | None:
    """Index of the class that means none of these, if there is one."""
    if manifest.none_of_these is None:
        return None
    return manifest.classes.index(manifest.none_of_these)


def top1(evaluation: Evaluation) -> float:
    """Returns the share of images whose best detection says rightly what they are as a whole."""
    known = [
        (found, truth)
        for found, truth in zip(evaluation.found, evaluation.truths, strict=True)
        if truth.is_whole and truth.whole is not None and truth.whole >= 0
    ]
    right = named_rightly([found for found, _ in known], [truth for _, truth in known])
    return float(right.sum()) / max(len(known), 1)


def metrics_of(evaluation: Evaluation) -> dict[str, float]:
    """Returns the numbers that manifest and report give; `LEADING` are first."""
    precision = evaluation.precision
    if any(truth.is_whole for truth in evaluation.truths) and not precision.objects:
        numbers = {
            "top1": top1(evaluation),
            "images": float(len(evaluation.images)),
            "calibration_error": evaluation.calibration_error,
        }
        return {name: round(value, 5) for name, value in numbers.items()}
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
    """Returns the rows of detections that are not on an object of their class.

    Of an image that is judged as a whole: of the best detection, where that is wrong.
    """
    wrong = labels_under(found, truth, ANSWER_IOU) != found.labels
    if truth.is_whole:
        wrong[1:] = False  # only the best is an answer
    return np.flatnonzero(wrong)


def _seen(look: Look, truth: Truth) -> Seen:
    count = len(look.boxes)
    found = Found(
        look.boxes,
        look.class_scores.argmax(axis=1) if count else np.zeros(0, np.int64),
        look.class_scores.max(axis=1) if count else np.zeros(0, np.float32),
    )
    by_object = np.zeros((len(truth.boxes), look.class_scores.shape[1]), np.float32)
    pairs = pair(found, truth, ANSWER_IOU)
    by_object[pairs[pairs >= 0]] = look.class_scores[pairs >= 0]
    nothing = np.zeros(look.class_scores.shape[1], np.float32)
    return Seen(
        found,
        look.class_scores.max(axis=0) if count else nothing,
        by_object,
        look.brightness,
        look.sharpness,
    )
