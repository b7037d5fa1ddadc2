"""Lets filmed sequences of a dataset pass a package's detector: goods at rest, a camera that moves.

The truth of an item is its `track_id`. Nothing is seen for two seconds first, as in life: what lies
there when a station starts goes to a person.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue
from beltmark.datasets.dataset import Box, Dataset, LabelledImage
from beltmark.datasets.images import read_image
from training.evaluate.items import TrueItem
from training.evaluate.items_belts import Looking, observed
from training.evaluate.items_recording import RecordedFrame, Recording

FPS = 5.0
BLANK_FRAMES = 10
LEAST_FRAMES = 8
"""A shorter sequence shows nothing for long enough to be decided."""

LEAST_SEEN = 3
"""An item that fewer frames show is not one that a station must decide."""


@dataclass(frozen=True, eq=False)
class FilmedSequence:
    """A sequence to let pass; implements `items_sources.Source`.

    Attributes:
        dataset: Where it is from.
        images: Its frames, in order, all of one size.
        catalogue: The products: an item of a class without one is foreign.
    """

    dataset: Dataset
    images: Sequence[LabelledImage]
    catalogue: Catalogue

    @property
    def name(self) -> str:
        """Name for people."""
        return f"sequence {self.images[0].sequence}"

    @property
    def group(self) -> str:
        """The scene."""
        return f"scene {self.images[0].scene}"

    @property
    def identity(self) -> dict[str, object]:
        """What decides how it looks, and what is right."""
        goods = [[product.sku, product.class_name] for product in self.catalogue.products]
        names = [image.path.name for image in self.images]
        return {"dataset": self.dataset.sha256, "images": names, "fps": FPS, "goods": goods}

    def record(self, detector: Looking) -> Recording:
        """Lets it pass.

        Raises:
            InputError: An image is missing or unreadable.
        """
        classes = len(detector.classes)
        frames = [_blank(index / FPS, classes) for index in range(BLANK_FRAMES)]
        class_of: dict[int, int] = {}
        seen: Counter[int] = Counter()
        for index, image in enumerate(self.images, start=BLANK_FRAMES):
            tracked = [thing for thing in image.objects if thing.track_id is not None]
            ids = [thing.track_id for thing in tracked if thing.track_id is not None]
            seen.update(ids)
            class_of.update(zip(ids, (thing.class_index for thing in tracked), strict=True))
            unnamed = [t.box_xyxy_px for t in image.objects if t.track_id is None]
            frames.append(
                observed(
                    detector,
                    read_image(image),
                    index / FPS,
                    item_ids=np.array(ids, np.int64),
                    item_boxes=_boxes([thing.box_xyxy_px for thing in tracked]),
                    ignored=_boxes([*image.ignore_xyxy_px, *unnamed]),
                )
            )
        names = self.dataset.class_names
        return Recording(
            self.name,
            self.group,
            self.images[0].width_px,
            self.images[0].height_px,
            "none",
            tuple(frames),
            tuple(
                TrueItem(
                    track_id,
                    names[label],
                    tuple(product.sku for product in self.catalogue.of_class(names[label])),
                    is_due=seen[track_id] >= LEAST_SEEN,
                )
                for track_id, label in sorted(class_of.items())
            ),
        )

    def pictures(self, wanted: Collection[int]) -> dict[int, NDArray[np.uint8]]:
        """Reads frames, each uint8 [height, width, 3] BGR, by their index in the recording."""
        return {
            index: read_image(self.images[index - BLANK_FRAMES])
            for index in wanted
            if index >= BLANK_FRAMES
        }


def sequences_of(
    dataset: Dataset, catalogue: Catalogue, images: Sequence[LabelledImage] | None = None
) -> list[FilmedSequence]:
    """Returns the sequences of a dataset that are long enough and whose items are known.

    Args:
        dataset: The dataset.
        catalogue: The products.
        images: Only these of its images; None for all.
    """
    found: defaultdict[tuple[str, int, int], list[LabelledImage]] = defaultdict(list)
    for image in dataset.images if images is None else images:
        found[image.sequence, image.width_px, image.height_px].append(image)
    return [
        FilmedSequence(dataset, sorted(frames, key=lambda image: image.path.name), catalogue)
        for _, frames in sorted(found.items())
        if len(frames) >= LEAST_FRAMES and _has_tracks(frames)
    ]


def _has_tracks(images: Sequence[LabelledImage]) -> bool:
    return any(thing.track_id is not None for image in images for thing in image.objects)


def _boxes(boxes: Sequence[Box]) -> NDArray[np.float32]:
    return np.array(boxes, np.float32).reshape(-1, 4)


def _blank(at_s: float, classes: int) -> RecordedFrame:
    boxes, ids = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    scores = np.zeros((0, classes), np.float32)
    return RecordedFrame(at_s, boxes, np.zeros(0, np.float32), scores, ids, ids, boxes)
