"""Pairs what a model found with what is there, image by image; the measures are built on it.

Pure numpy. Boxes are float32 [N, 4] xyxy in image pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import Task
from beltmark.datasets.dataset import LabelledImage
from edge_agent.vision.postprocess import iou
from training.evaluate.classes import UNKNOWN, ClassMatch

IGNORED_SHARE = 0.5
"""A detection with this share of its area in a region that is not judged does not count..."""

IGNORED_UNLESS_IOU = 0.5
"""...unless it overlaps an object of its class by this much."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a model found in one image, best first.

    Attributes:
        boxes: float32 [K, 4].
        labels: int64 [K].
        scores: float32 [K], of the best class.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]

    def only(self, chosen: NDArray[np.bool_]) -> "Found":
        """Returns the chosen ones, bool [K]."""
        return Found(self.boxes[chosen], self.labels[chosen], self.scores[chosen])

    def as_truth(self) -> "Truth":
        """Returns it as what another is held against."""
        return Truth(self.boxes, self.labels, np.zeros((0, 4), np.float32))


@dataclass(frozen=True, eq=False)
class Truth:
    """What is in one image.

    Attributes:
        boxes: float32 [M, 4].
        labels: int64 [M], the model's index of the class; `classes.UNKNOWN` where it has none.
        ignored: float32 [R, 4], regions that are not judged.
        unknown: bool [M], the model was never shown this product; without it, none is.
        whole: Likewise a label, of the image as a whole, where the dataset gives one.
        whole_is_unknown: The model was never shown what the image as a whole is.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    ignored: NDArray[np.float32]
    unknown: NDArray[np.bool_] | None = None
    whole: int | None = None
    whole_is_unknown: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether what is asked is what the image as a whole is."""
        return self.whole is not None and not len(self.boxes)

    @property
    def asked(self) -> NDArray[np.int64]:
        """Labels of what is to be answered, int64 [M]: of the objects, or of the whole image."""
        return np.array([self.whole], np.int64) if self.is_whole else self.labels


def truth_of(
    image: LabelledImage, classes: ClassMatch | None = None, task: Task = "detect"
) -> Truth:
    """Returns what people say of an image as arrays.

    Args:
        image: The image.
        classes: How the dataset's classes stand to the model's; without it, they are the same.
        task: Of the model; a classifier is not asked for objects.
    """
    objects = image.objects if task == "detect" else ()
    given = [item.class_index for item in objects]
    labels = given if classes is None else [classes.label_of(index) for index in given]
    unknown = [classes is not None and classes.indices[index] == UNKNOWN for index in given]
    whole = image.class_index
    return Truth(
        np.array([item.box_xyxy_px for item in objects], np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
        np.array(image.ignore_xyxy_px if task == "detect" else (), np.float32).reshape(-1, 4),
        np.array(unknown, bool),
        whole if whole is None or classes is None else classes.label_of(whole),
        whole is not None and classes is not None and classes.indices[whole] == UNKNOWN,
    )


def judged(found: Found, truth: Truth) -> Found:
    """Leaves out detections that lie in regions that are not judged."""
    if not len(truth.ignored) or not len(found.boxes):
        return found
    low = np.maximum(found.boxes[:, None, :2], truth.ignored[None, :, :2])
    high = np.minimum(found.boxes[:, None, 2:], truth.ignored[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2).max(axis=1)
    area = (found.boxes[:, 2:] - found.boxes[:, :2]).prod(axis=1)
    same = found.labels[:, None] == truth.labels[None, :]
    fits = ((iou(found.boxes, truth.boxes) >= IGNORED_UNLESS_IOU) & same).any(axis=1)
    return found.only((shared < IGNORED_SHARE * area) | fits)


def pair(found: Found, truth: Truth, least_iou: float) -> NDArray[np.int64]:
    """Pairs each detection, best first, with the free object that it overlaps most.

    Args:
        found: Sorted by score, falling.
        truth: Labels are not looked at.
        least_iou: Overlap below this is no pair.

    Returns:
        int64 [K], the object's row for each detection, or -1.
    """
    overlaps = iou(found.boxes, truth.boxes)
    pairs = np.full(len(found.boxes), -1, np.int64)
    for row in range(len(pairs)):
        if not overlaps.shape[1]:
            break
        best = int(overlaps[row].argmax())
        if overlaps[row, best] >= least_iou:
            pairs[row] = best
            overlaps[:, best] = -1
    return pairs


def labels_under(found: Found, truth: Truth, least_iou: float) -> NDArray[np.int64]:
    """Returns the label of what each detection answers to, int64 [K]; -1 where nothing is.

    Of an image that is judged as a whole, the best detection is the answer.
    """
    if truth.is_whole:
        labels = np.full(len(found.labels), -1, np.int64)
        labels[:1] = truth.asked
        return labels
    return np.append(truth.labels, -1)[pair(found, truth, least_iou)]


def named_rightly(found: Sequence[Found], truths: Sequence[Truth]) -> NDArray[np.bool_]:
    """Returns of which images, judged as a whole, the best detection tells the class: bool [N]."""
    return np.array(
        [
            np.array_equal(each.labels[:1], truth.asked)
            for each, truth in zip(found, truths, strict=True)
        ],
        bool,
    )
