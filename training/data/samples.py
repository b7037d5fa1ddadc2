"""Labelled images as training sees them, in memory; how they are varied is left to `augment`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.dataset import LabelledImage
from beltmark.datasets.images import decode_image, read_image_bytes
from training.model.assignment import NOT_JUDGED


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with its objects.

    Attributes:
        image_bgr: uint8 [H, W, 3], 0..255, BGR.
        boxes_xyxy_px: float32 [M, 4].
        labels: int64 [M]; class index, or `NOT_JUDGED` for regions that are not judged.
    """

    image_bgr: NDArray[np.uint8]
    boxes_xyxy_px: NDArray[np.float32]
    labels: NDArray[np.int64]

    def without_small(self, min_side_px: float) -> "Sample":
        """Returns it with objects that became too small marked as not judged."""
        sides = (self.boxes_xyxy_px[:, 2:] - self.boxes_xyxy_px[:, :2]).min(axis=1, initial=np.inf)
        return replace(self, labels=np.where(sides < min_side_px, NOT_JUDGED, self.labels))


class SampleStore:
    """All images of a split, kept as the bytes of their files: decoding takes about 1 ms."""

    def __init__(self, images: Sequence[LabelledImage]) -> None:
        """Reads all image files.

        Raises:
            InputError: An image is missing, unreadable or of another size than the dataset says.
        """
        self._images = tuple(images)
        self._files = [read_image_bytes(image) for image in images]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        image = self._images[index]
        decoded = decode_image(self._files[index])
        assert decoded is not None, "was decoded when it was read"
        boxes = [item.box_xyxy_px for item in image.objects] + list(image.ignore_xyxy_px)
        labels = [item.class_index for item in image.objects]
        labels += [NOT_JUDGED] * len(image.ignore_xyxy_px)
        return Sample(
            decoded,
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(labels, np.int64),
        )
