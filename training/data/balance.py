"""What is done for classes that have few images: shown more often, or weighed more. Pure.

Reading images and making samples is left to `samples` and `batches`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.dataset import LabelledImage
from training.config import BalanceSettings

MUCH = 10.0
"""From this ratio of the most frequent to the rarest class on, `auto` repeats."""

MOST_REPEATS = 8.0
"""A picture shown more often than this teaches itself, not its class."""


@dataclass(frozen=True)
class ClassCounts:
    """How often each class is there.

    Attributes:
        images: int64 [C], images that show it.
        objects: int64 [C], boxes, or images that are of it as a whole.
    """

    images: NDArray[np.int64]
    objects: NDArray[np.int64]

    @property
    def imbalance(self) -> float:
        """Images of the most frequent class for one of the rarest, of classes that have any."""
        there = self.images[self.images > 0]
        return float(there.max() / there.min()) if len(there) else 1.0


def count_classes(images: Sequence[LabelledImage], classes: int) -> ClassCounts:
    """Counts the classes of a dataset's images."""
    shown = np.zeros(classes, np.int64)
    objects = np.zeros(classes, np.int64)
    for image in images:
        labels = _labels(image)
        np.add.at(objects, labels, 1)
        shown[np.unique(labels)] += 1
    return ClassCounts(shown, objects)


def repeats(
    images: Sequence[LabelledImage], classes: int, settings: BalanceSettings
) -> NDArray[np.float64] | None:
    """Returns how often each image is shown a round, float64 [N], at least 1; None for once each.

    Repeat factor sampling (Gupta et al., LVIS, CVPR 2019, section 5.2): a class in a share f of the
    images asks for max(1, sqrt(t / f)), an image gets what its rarest class asks for.
    """
    counts = count_classes(images, classes)
    wanted = settings.sampling == "repeat" or (
        settings.sampling == "auto" and counts.imbalance > MUCH
    )
    there = counts.images > 0
    if not wanted or not there.any():
        return None
    share = counts.images / len(images)
    below = settings.repeat_below or float(np.median(share[there]))
    asked = np.ones(classes)
    asked[there] = np.clip(np.sqrt(below / share[there]), 1, MOST_REPEATS)
    factors = np.array([asked[_labels(image)].max(initial=1.0) for image in images])
    return factors if (factors > 1).any() else None


def class_weights(counts: ClassCounts, settings: BalanceSettings) -> NDArray[np.float32] | None:
    """Returns what each class weighs in the loss, float32 [C], 1 in the mean of all objects.

    One over the effective number of objects (Cui et al., CVPR 2019, equation 3).
    """
    if settings.loss == "off" or not counts.objects.any():
        return None
    effective = (1 - settings.beta ** counts.objects.astype(np.float64)) / (1 - settings.beta)
    weights = np.ones(len(effective))
    there = counts.objects > 0
    weights[there] = 1 / effective[there]
    weights[there] *= counts.objects.sum() / (weights * counts.objects).sum()
    weights[~there] = 1.0
    return weights.astype(np.float32)


def order(
    round_number: int, seed: int, images: int, factors: NDArray[np.float64] | None
) -> NDArray[np.int64]:
    """Returns the images of one round in their order: every round is equally long.

    Without factors each comes once. With them an image comes so often in the mean, and in every
    round that often rounded down or up (systematic sampling).
    """
    rng = np.random.default_rng([seed, 0, round_number])
    if factors is None:
        return rng.permutation(images)
    ends = np.cumsum(factors)
    length = round_length(images, factors)
    marks = (np.arange(length) + rng.uniform()) * (ends[-1] / length)
    chosen = np.minimum(np.searchsorted(ends, marks, side="right"), images - 1)
    return np.asarray(rng.permutation(chosen), np.int64)


def round_length(images: int, factors: NDArray[np.float64] | None) -> int:
    """Returns how many samples a round has."""
    return images if factors is None else round(float(factors.sum()))


def _labels(image: LabelledImage) -> NDArray[np.int64]:
    labels = [item.class_index for item in image.objects]
    whole = [] if image.class_index is None else [image.class_index]
    return np.array([*labels, *whole], np.int64)
