"""Is a trained model needed at all? How far a simple rule gets: the most frequent class, or the
class whose mean colour or size is nearest.

The rules are given the true boxes, which a camera would first have to find: they do better here
than they would at a belt. If that is not enough, the question is answered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.images import read_image
from training.evaluate.bootstrap import bootstrap, mean_of

MAX_OBJECTS = 4000
FOLDS = 5
COLOUR, SIZE = slice(0, 3), slice(3, 5)


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects as simple rules see them.

    Attributes:
        features: float64 [N, 5]: mean L, a, b of the middle of the box, log of its width and
            height in shares of the picture.
        labels: int64 [N].
        groups: Of each, what it was seen together with.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.int64]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class RuleResult:
    """How often a rule is right, on groups that it has not seen.

    Attributes:
        name: Of the rule.
        right: Share; None where there are too few groups to tell.
        low: Lower end of its 95 % interval, over groups.
        high: Upper end.
    """

    name: str
    right: float | None
    low: float | None = None
    high: float | None = None


def objects_of(
    dataset: Dataset, groups: Sequence[str], on_image: Callable[[], None] = lambda: None
) -> Objects:
    """Looks at every object, or at an even choice of them where they are too many.

    Args:
        dataset: With boxes, or with classes of whole images.
        groups: Of each image.
        on_image: Called after each image.

    Raises:
        InputError: An image is missing or unreadable.
    """
    listed = [
        (row, box, label)
        for row, image in enumerate(dataset.images)
        for box, label in _boxes(image)
    ]
    if len(listed) > MAX_OBJECTS:
        chosen = np.linspace(0, len(listed) - 1, MAX_OBJECTS).astype(int)
        listed = [listed[index] for index in chosen]
    features, labels, names = [], [], []
    for row, entries in groupby(listed, lambda entry: entry[0]):
        picture = read_image(dataset.images[row])
        lab = cv2.cvtColor(picture, cv2.COLOR_BGR2LAB)
        for _, box, label in entries:
            features.append(_features(lab, box))
            labels.append(label)
            names.append(groups[row])
        on_image()
    return Objects(
        np.array(features, np.float64).reshape(-1, 5), np.array(labels, np.int64), tuple(names)
    )


def try_rules(given: Objects) -> list[RuleResult]:
    """Tells how often each rule is right; each is made from other groups than it is tried on."""
    rules: tuple[tuple[str, slice | None], ...] = (
        ("always the most frequent class", None),
        ("nearest mean colour", COLOUR),
        ("nearest mean size", SIZE),
        ("nearest mean colour and size", slice(0, 5)),
    )
    names = sorted(set(given.groups))
    if len(names) < 2:
        return [RuleResult(name, None) for name, _ in rules]
    fold_of = {name: index % min(FOLDS, len(names)) for index, name in enumerate(names)}
    folds = np.array([fold_of[name] for name in given.groups])
    return [_tried(name, columns, given, folds) for name, columns in rules]


def _tried(
    name: str, columns: slice | None, given: Objects, folds: NDArray[np.int64]
) -> RuleResult:
    right = np.zeros(len(folds))
    for fold in np.unique(folds):
        held = folds == fold
        made_from = given.labels[~held]
        if columns is None:
            right[held] = given.labels[held] == np.bincount(made_from).argmax()
        else:
            told = _nearest(given.features[:, columns], given.labels, held)
            right[held] = told == given.labels[held]
    interval = bootstrap(given.groups, mean_of(right))
    ends = (None, None) if interval is None else (interval.low, interval.high)
    return RuleResult(name, float(right.mean()), *ends)


def _nearest(
    features: NDArray[np.float64], labels: NDArray[np.int64], held: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The class whose mean is nearest, in units of each feature's spread within classes."""
    known = np.unique(labels[~held])
    means = np.array([features[~held & (labels == label)].mean(axis=0) for label in known])
    spread = (features[~held] - means[np.searchsorted(known, labels[~held])]).std(axis=0)
    apart = (features[held][:, None] - means[None]) / np.maximum(spread, 1e-6)
    result: NDArray[np.int64] = known[(apart**2).sum(axis=2).argmin(axis=1)]
    return result


def _boxes(image: LabelledImage) -> list[tuple[tuple[float, float, float, float], int]]:
    found = [(item.box_xyxy_px, item.class_index) for item in image.objects]
    if image.class_index is not None:
        whole = (0.0, 0.0, float(image.width_px), float(image.height_px))
        found.append((whole, image.class_index))
    return found


def _features(
    lab: NDArray[np.uint8] | cv2.typing.MatLike, box: tuple[float, float, float, float]
) -> list[float]:
    height, width = lab.shape[:2]
    left, top, right, bottom = box
    inset_x, inset_y = (right - left) / 5, (bottom - top) / 5  # the border shows the background
    x0, x1 = int(left + inset_x), int(np.ceil(right - inset_x))
    y0, y1 = int(top + inset_y), int(np.ceil(bottom - inset_y))
    colour = lab[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].reshape(-1, 3).mean(axis=0)
    size = (np.log(max(right - left, 1.0) / width), np.log(max(bottom - top, 1.0) / height))
    return [*map(float, colour), *map(float, size)]
