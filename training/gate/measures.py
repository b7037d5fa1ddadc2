"""The figures that the gate measures itself, so that it can draw them anew; pure.

Each is a statistic: from rows of images to a figure. Figures that others measured, such as speed
and robustness, come from the evaluation file, without an interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import Manifest
from beltmark.datasets.dataset import LabelledImage
from training.evaluate.bootstrap import Rows, Statistic, ratio_of
from training.evaluate.calibration import expected_error
from training.evaluate.matches import Matches, ap_statistic, match
from training.evaluate.matching import Found, Truth
from training.evaluate.precision import Answers, answers


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model did on the images, ready to be counted.

    Attributes:
        classes: Its classes, in order.
        matches: For average precision.
        answers: Of each image.
        threshold: From which it answers: the release's operating point; None where its curve
            reaches the target precision nowhere.
    """

    classes: tuple[str, ...]
    matches: Matches
    answers: tuple[Answers, ...]
    threshold: float | None


def measured(
    manifest: Manifest, found: Sequence[Found], truths: Sequence[Truth], threshold: float | None
) -> Measured:
    """Prepares what a model found.

    Args:
        manifest: Of its package.
        found: In each image, best first.
        truths: In each image.
        threshold: See `Measured`.
    """
    none = manifest.none_of_these
    none_index = None if none is None else manifest.classes.index(none)
    return Measured(
        manifest.classes,
        match(found, truths, len(manifest.classes)),
        tuple(
            answers([one], [truth], none_index) for one, truth in zip(found, truths, strict=True)
        ),
        threshold,
    )


def statistic_of(metric: str, class_name: str | None, given: Measured) -> Statistic | None:
    """Returns the statistic of a metric; None where the gate does not measure it."""
    if class_name is not None:
        if class_name not in given.classes or metric not in _OF_CLASS:
            return None
        return _OF_CLASS[metric](_only_class(given.matches, given.classes.index(class_name)))
    if metric in _OF_MATCHES:
        return _OF_MATCHES[metric](given.matches)
    if metric in _OF_ANSWERS:
        return _OF_ANSWERS[metric](given)
    return None


def restricted(given: Measured, names: Sequence[str]) -> Measured:
    """Returns the same with average precision over these classes only, in the model's order."""
    kept = [index for index, name in enumerate(given.classes) if name in names]
    matches = Matches(
        tuple(given.matches.classes[index] for index in kept),
        given.matches.images,
        given.matches.iou_thresholds,
    )
    classes = tuple(given.classes[index] for index in kept)
    return Measured(classes, matches, given.answers, given.threshold)


def group_names(images: Sequence[LabelledImage], group_by: str) -> list[str] | None:
    """Returns each image's group; None where an image does not say it."""
    if group_by == "image":
        return [str(index) for index in range(len(images))]
    if group_by in ("scene", "sequence"):
        return [str(getattr(image, group_by)) for image in images]
    if not all(group_by in image.attributes for image in images):
        return None
    return [image.attributes[group_by] for image in images]


def rows_of_slice(images: Sequence[LabelledImage], chosen: str | None) -> Rows:
    """Returns the rows of a slice's images, `key:value`, int64 [R]; without a slice, of all."""
    if chosen is None:
        return np.arange(len(images))
    key, _, value = chosen.partition(":")
    told = [
        str(getattr(image, key)) if key in ("scene", "sequence") else image.attributes.get(key)
        for image in images
    ]
    return np.flatnonzero(np.array([each == value for each in told]))


def within(statistic: Statistic, rows: Rows) -> Statistic:
    """Returns the statistic over a slice's own rows."""
    return lambda chosen: statistic(rows[chosen])


def _only_class(matches: Matches, index: int) -> Matches:
    return Matches((matches.classes[index],), matches.images, matches.iou_thresholds)


def _precision(given: Measured) -> Statistic | None:
    """Share of the answers from the threshold on that are right."""
    threshold = given.threshold
    if threshold is None:
        return None
    return ratio_of(
        _per_image(given, lambda one: float(one.right[one.scores >= threshold].sum())),
        _per_image(given, lambda one: float((one.scores >= threshold).sum())),
    )


def _coverage(given: Measured) -> Statistic | None:
    """Share of the products that get an answer, right or wrong."""
    threshold = given.threshold
    if threshold is None:
        return None
    return ratio_of(
        _per_image(given, lambda one: float(one.on_object[one.scores >= threshold].sum())),
        _per_image(given, lambda one: float(one.objects)),
    )


def _calibration(given: Measured) -> Statistic:
    scores, right = [o.scores for o in given.answers], [o.right for o in given.answers]

    def error(rows: Rows) -> float:
        drawn = np.concatenate([scores[row] for row in rows])
        if not len(drawn):
            return float("nan")
        return expected_error(drawn, np.concatenate([right[row] for row in rows]))

    return error


def _per_image(given: Measured, count: Callable[[Answers], float]) -> NDArray[np.float64]:
    return np.array([count(one) for one in given.answers], np.float64)


_OF_CLASS: dict[str, Callable[[Matches], Statistic]] = {
    "detection.ap50": lambda matches: ap_statistic(matches, 0.5),
    "detection.ap50_95": ap_statistic,
}
_OF_MATCHES = _OF_CLASS
_OF_ANSWERS: dict[str, Callable[[Measured], Statistic | None]] = {
    "labels.precision": _precision,
    "labels.coverage": _coverage,
    "calibration.ece": _calibration,
}
MEASURED_HERE = (*_OF_MATCHES, *_OF_ANSWERS)
