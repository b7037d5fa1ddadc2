"""Reads and decodes the image files of a dataset."""

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import LabelledImage

MAX_IMAGE_BYTES = 64 * 1024 * 1024


def read_image_bytes(image: LabelledImage) -> bytes:
    """Reads an image file and makes sure that it decodes to the size that the dataset says.

    Raises:
        InputError: Missing, not an image, or of another size.
    """
    content = read_bytes(image.path, limit=MAX_IMAGE_BYTES)
    decode_as_told(content, image)
    return content


def read_image(image: LabelledImage) -> NDArray[np.uint8]:
    """Reads and decodes an image file into uint8 [H, W, 3], 0..255, BGR, of the dataset's size.

    Raises:
        InputError: Missing, not an image, or of another size.
    """
    return decode_as_told(read_bytes(image.path, limit=MAX_IMAGE_BYTES), image)


def decode_image(content: bytes) -> NDArray[np.uint8] | None:
    """Decodes an image file into uint8 [H, W, 3], 0..255, BGR; None if it is none."""
    # Rotation flags are ignored: boxes were drawn on the pixels as they are stored.
    return _decoded(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def decode_upright(content: bytes) -> NDArray[np.uint8] | None:
    """Decodes an image file as `decode_image` does, but turned as its rotation flag says.

    For pictures that nobody has drawn on yet.
    """
    return _decoded(content, cv2.IMREAD_COLOR)


def _decoded(content: bytes, flags: int) -> NDArray[np.uint8] | None:
    data = np.frombuffer(content, np.uint8)
    if not len(data):
        return None
    try:
        decoded = cv2.imdecode(data, flags)
    except cv2.error:  # it claims to be larger than is allowed
        return None
    return None if decoded is None else np.asarray(decoded, np.uint8)


def decode_as_told(content: bytes, image: LabelledImage) -> NDArray[np.uint8]:
    """Decodes what an image file holds, as `read_image` does.

    Raises:
        InputError: It is not an image, or not of the size that the dataset says.
    """
    decoded = decode_image(content)
    if decoded is None:
        raise InputError("not a readable image", "replace or remove it", file=image.path)
    height_px, width_px = decoded.shape[:2]
    if (width_px, height_px) != (image.width_px, image.height_px):
        raise InputError(
            f"is {width_px}x{height_px} pixels, but the annotations say "
            f"{image.width_px}x{image.height_px}",
            "correct width and height, or the boxes will not fit",
            file=image.path,
        )
    return decoded
