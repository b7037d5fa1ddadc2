"""Labelled images as training sees them; how they are varied is left to `augment`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import sha256_of
from beltmark.datasets.dataset import LabelledImage
from training.data.checking import check_images
from training.data.disk_cache import DiskCache
from training.data.pictures import identity, load_picture
from training.model.labels import NOT_JUDGED


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with its objects.

    Attributes:
        image_bgr: uint8 [H, W, 3], 0..255, BGR.
        boxes_xyxy_px: float32 [M, 4].
        labels: int64 [M]; class index, or `NOT_JUDGED` for regions that are not judged.
        class_index: Of the image as a whole, where the dataset says that.
    """

    image_bgr: NDArray[np.uint8]
    boxes_xyxy_px: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_index: int | None = None

    def without_small(self, min_side_px: float) -> "Sample":
        """Returns it with objects that became too small marked as not judged."""
        sides = (self.boxes_xyxy_px[:, 2:] - self.boxes_xyxy_px[:, :2]).min(axis=1, initial=np.inf)
        return replace(self, labels=np.where(sides < min_side_px, NOT_JUDGED, self.labels))


class Samples(Protocol):
    """Samples by number, from 0."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


class SampleStore:
    """The images of a split; each is read when it is asked for, so that any number will do.

    Attributes:
        cache: Where what takes long to make is kept, if anywhere.
    """

    def __init__(
        self,
        images: Sequence[LabelledImage],
        *,
        longest_px: int | None = None,
        cache: DiskCache | None = None,
        notes: Path | None = None,
        bare: bool = False,
    ) -> None:
        """Makes sure that all image files can be read.

        Args:
            images: What to give.
            longest_px: Pictures whose longer side has more are scaled down to it.
            cache: Where such pictures are kept.
            notes: A file that says which images were readable before.
            bare: Leave the objects out: the pictures serve as backgrounds.

        Raises:
            InputError: An image is missing, unreadable or of another size than the dataset says.
        """
        check_images(images, longest_px=longest_px, cache=cache, notes=notes)
        self.cache = cache
        self._images = tuple(images)
        self._longest_px = longest_px
        self._bare = bare

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        image = self._images[index]
        picture, scale = load_picture(image, self._longest_px, self.cache)
        objects = () if self._bare else image.objects
        ignored = () if self._bare else image.ignore_xyxy_px
        boxes = [item.box_xyxy_px for item in objects] + list(ignored)
        labels = [item.class_index for item in objects]
        labels += [NOT_JUDGED] * len(ignored)
        return Sample(
            picture,
            np.array(boxes, np.float32).reshape(-1, 4) * np.float32(scale),
            np.array(labels, np.int64),
            None if self._bare else image.class_index,
        )

    def labels(self, index: int) -> frozenset[int]:
        """Returns the classes of an image's objects, without reading the picture."""
        return frozenset(item.class_index for item in self._images[index].objects)

    def identity(self, index: int) -> str:
        """Returns a digest of all that a sample is made of: the picture, and what is in it."""
        image = self._images[index]
        told = (identity(image, self._longest_px), image.objects, image.ignore_xyxy_px)
        return sha256_of(repr(told).encode())
