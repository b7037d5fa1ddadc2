"""How like the whole the parts of a split are: for people, and for measuring draws. Pure."""

from dataclasses import dataclass

import numpy as np

from beltmark.datasets.dataset import Dataset
from beltmark.datasets.split_file import (
    SplitDocument,
)
from beltmark.datasets.split_groups import Group, image_key
from beltmark.datasets.split_making import (
    group_counts,
)


@dataclass(frozen=True)
class PartBalance:
    """What one part has of the dataset.

    Attributes:
        name: Of the part.
        asked: The share that was asked for.
        groups: How many.
        images: How many.
        image_share: Of all images.
        objects: Boxes, or images with a class.
        off: Of the class whose share is farthest from `asked`: how far, with its sign.
        off_class: That class; None where the dataset has none.
        without: Classes of the dataset that the part lacks.
    """

    name: str
    asked: float
    groups: int
    images: int
    image_share: float
    objects: int
    off: float
    off_class: str | None
    without: tuple[str, ...]


def balance(dataset: Dataset, document: SplitDocument) -> tuple[PartBalance, ...]:
    """Measures each part against the dataset that it was drawn from."""
    index_of: dict[str, list[int]] = {}
    for index, image in enumerate(dataset.images):
        index_of.setdefault(image_key(dataset, image), []).append(index)
    counts = group_counts(
        dataset,
        [
            Group(part.name, tuple(k for g in part.groups.values() for i in g for k in index_of[i]))
            for part in document.parts
        ],
    )
    total = np.maximum(counts.sum(axis=0), 1)
    shares = counts / total
    known = [k for k in range(len(dataset.class_names)) if counts[:, k].any()]
    parts = []
    for part, row, share in zip(document.parts, counts, shares.tolist(), strict=True):
        farthest = max(known, key=lambda k: abs(share[k] - part.share), default=None)
        parts.append(
            PartBalance(
                part.name,
                part.share,
                len(part.groups),
                int(row[-1]),
                share[-1],
                int(sum(row[k] for k in known)),
                0.0 if farthest is None else share[farthest] - part.share,
                None if farthest is None else dataset.class_names[farthest],
                tuple(dataset.class_names[k] for k in known if not row[k]),
            )
        )
    return tuple(parts)
