"""Coarser classes that a dataset tells beside its own: which belongs to which. Pure."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.dataset import Dataset
from training.evaluate.classes import ClassMatch

TOLD_BY: Final = ("coarse_class", "coarse_class_id")
"""Attributes of images that name the coarser class."""


def parents_of(dataset: Dataset, classes: ClassMatch, count: int) -> NDArray[np.int64] | None:
    """Returns the coarser class of each of the model's classes, as an index; None if none is told.

    A class without an image in the dataset stands for itself.

    Args:
        dataset: Whose images tell it; all images of a class must agree.
        classes: How its classes stand to the model's.
        count: How many classes the model knows.

    Returns:
        int64 [C]; the indices are 0 to P - 1.
    """
    for name in TOLD_BY:
        parent_of: dict[int, str] = {}
        for image in dataset.images:
            parent = image.attributes.get(name)
            if image.class_index is None or parent is None:
                break
            label = classes.indices[image.class_index]
            if parent_of.setdefault(label, parent) != parent and label >= 0:
                break
        else:
            told = [(parent_of.get(label), label) for label in range(count)]
            keys = [(parent, -1) if parent is not None else ("", label) for parent, label in told]
            places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
            return np.array([places[key] for key in keys], np.int64) if parent_of else None
    return None


def summed(probabilities: NDArray[np.float32], parents: NDArray[np.int64]) -> NDArray[np.float32]:
    """Adds up the probabilities, float32 [K, C], of the classes of each parent: float32 [K, P]."""
    table = np.zeros((len(parents), int(parents.max()) + 1), np.float32)
    table[np.arange(len(parents)), parents] = 1
    result: NDArray[np.float32] = probabilities @ table
    return result
