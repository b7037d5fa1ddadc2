"""Puts a camera image into the model's input, and boxes back; leaves the model to `detector`.

The image is scaled to fit, keeping its aspect, into the top left of the input; the rest keeps the
manifest's pad value. The buffer is written once per image and padded once per image size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import InputSpec

AREA_BELOW_SCALE = 0.5
"""Shrinking further than this skips pixels with linear interpolation, so areas are averaged."""


@dataclass(frozen=True)
class Letterbox:
    """Where an image of one size lies in the model's input.

    Attributes:
        image_width_px: Width of the camera image.
        image_height_px: Height of the camera image.
        used_width_px: Width of the part of the input that the image fills, from the left.
        used_height_px: Height of that part, from the top.
    """

    image_width_px: int
    image_height_px: int
    used_width_px: int
    used_height_px: int

    @classmethod
    def fit(
        cls, image_width_px: int, image_height_px: int, input_width_px: int, input_height_px: int
    ) -> "Letterbox":
        """Returns the largest fit that keeps the aspect, to whole pixels."""
        scale = min(input_width_px / image_width_px, input_height_px / image_height_px)
        return cls(
            image_width_px,
            image_height_px,
            min(input_width_px, max(1, round(image_width_px * scale))),
            min(input_height_px, max(1, round(image_height_px * scale))),
        )

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Input pixels per image pixel; both differ slightly where a side was rounded."""
        return (
            self.used_width_px / self.image_width_px,
            self.used_height_px / self.image_height_px,
        )

    def to_input(self, boxes_xyxy_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """Maps boxes float32 [N, 4] from image pixels to input pixels."""
        return boxes_xyxy_px * np.array(self.scale_xy * 2, dtype=np.float32)

    def to_image(self, boxes_xyxy_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """Maps boxes float32 [N, 4] from input pixels to image pixels, cut at its borders."""
        boxes = boxes_xyxy_px / np.array(self.scale_xy * 2, dtype=np.float32)
        limit = np.array((self.image_width_px, self.image_height_px) * 2, dtype=np.float32)
        inside: NDArray[np.float32] = np.minimum(np.maximum(boxes, 0), limit)
        return inside


class Preprocessor:
    """Fills one reused input buffer; for use from one thread."""

    def __init__(self, spec: InputSpec) -> None:
        self._rgb = spec.colour_order == "RGB"
        self._pad_value = spec.pad_value
        self._buffer = np.full((1, spec.height_px, spec.width_px, 3), spec.pad_value, np.uint8)
        self._letterbox: Letterbox | None = None

    def __call__(self, image_bgr: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Letterbox]:
        """Places an image into the input.

        Args:
            image_bgr: uint8 [height, width, 3], 0..255, BGR.

        Returns:
            The input, uint8 [1, H, W, 3], 0..255, in the manifest's colour order (valid until the
            next call), and where in it the image lies.
        """
        height_px, width_px = image_bgr.shape[:2]
        letterbox = self._letterbox
        if letterbox is None or (width_px, height_px) != (
            letterbox.image_width_px,
            letterbox.image_height_px,
        ):
            input_height_px, input_width_px = self._buffer.shape[1:3]
            letterbox = Letterbox.fit(width_px, height_px, input_width_px, input_height_px)
            self._letterbox = letterbox
            self._buffer[:] = self._pad_value
        used = self._buffer[0, : letterbox.used_height_px, : letterbox.used_width_px]
        shrunk = min(letterbox.scale_xy) < AREA_BELOW_SCALE
        cv2.resize(
            image_bgr,
            (letterbox.used_width_px, letterbox.used_height_px),
            dst=used,
            interpolation=cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR,
        )
        if self._rgb:
            cv2.cvtColor(used, cv2.COLOR_BGR2RGB, dst=used)
        return self._buffer, letterbox
