"""What checks of a dataset find: one fault each, with a name that stays the same between runs.

How faults are found is left to the modules beside this one, how they are shown to `report` and
`page`.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.datasets.dataset import Box, Dataset, LabelledImage

KINDS: Final = {
    "bad-row": "Rows that cannot be used",
    "unreadable": "Files that are no readable images",
    "wrong-size": "Images of another size than the annotations say",
    "box-outside": "Boxes that leave their image",
    "box-degenerate": "Boxes without an area",
    "group-leak": "The same item, session or scene in two parts",
    "duplicate-leak": "The same picture in two parts",
    "part-unknown": "Images that are in no part",
    "exact-duplicate": "Files with the same content",
    "near-duplicate": "Pictures that are nearly the same",
    "box-duplicated": "Boxes drawn twice",
    "box-tiny": "Tiny boxes",
    "box-whole": "Boxes around the whole image",
    "tiny-image": "Tiny images",
    "dark": "Dark images",
    "bright": "Overexposed images",
    "blurred": "Blurred images",
    "low-information": "Images that show next to nothing",
    "odd-aspect": "Very long or very high images",
    "grayscale": "Images without colour among coloured ones",
    "few-samples": "Classes with few samples",
    "imbalance": "Classes far apart in number",
    "wrong-class": "Probably of another class",
    "outlier": "Unlike everything else",
}
"""Every kind of finding, in the order in which reports show them, and its heading."""

STOPPING: Final = (
    "bad-row",
    "unreadable",
    "wrong-size",
    "box-outside",
    "box-degenerate",
    "group-leak",
    "duplicate-leak",
)
"""What stops a run unless told otherwise: training would fail, or evaluation would flatter."""


@dataclass(frozen=True)
class Place:
    """Where a fault is.

    Attributes:
        image: Name of the image, as `name_of` gives it.
        box_xyxy_px: The box within it, where only that is meant.
    """

    image: str
    box_xyxy_px: Box | None = None


@dataclass(frozen=True)
class Finding:
    """One fault.

    Attributes:
        kind: One of `KINDS`.
        told: What is wrong, for a reader.
        places: The images or boxes that show it; the first is the one to look at.
        about: What it is about besides its places: a class, a row of the annotation file.
        score: How sure or how bad; findings of a kind are shown from the highest down.
    """

    kind: str
    told: str
    places: tuple[Place, ...] = ()
    about: str = ""
    score: float = 0.0

    @property
    def id(self) -> str:
        """The same for the same fault in a later run, whatever was said or measured of it."""
        places = [
            [place.image, [round(side) for side in place.box_xyxy_px or ()]]
            for place in self.places
        ]
        identity = json.dumps([self.kind, self.about, places])
        return hashlib.sha256(identity.encode()).hexdigest()[:16]


def name_of(image: LabelledImage, dataset: Dataset) -> str:
    """Returns an image's name: its path within the dataset, as split files have it."""
    for root in (dataset.path, dataset.path.parent):
        if image.path.is_relative_to(root):
            return image.path.relative_to(root).as_posix()
    return Path(os.path.relpath(image.path, dataset.path.parent)).as_posix()


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sorts findings by kind and score; of those with the same id the first is kept."""
    kinds = {kind: index for index, kind in enumerate(KINDS)}
    distinct = {finding.id: finding for finding in reversed(tuple(findings))}
    return tuple(
        sorted(distinct.values(), key=lambda each: (kinds[each.kind], -each.score, each.id))
    )
