"""Turns the bytes of a picture into an image, or into nothing: never into an error or a flood.

OpenCV refuses pictures of more pixels than `OPENCV_IO_MAX_IMAGE_PIXELS` when it is told so before
it is loaded, which `cli` does: a few bytes can claim to be gigabytes.
"""

import cv2
import numpy as np
from numpy.typing import NDArray


def decode_picture(content: bytes) -> NDArray[np.uint8] | None:
    """Decodes JPEG, PNG, …: uint8 [height, width, 3], 0..255, BGR; None where that fails."""
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # empty, or larger than allowed
        return None
    return None if image is None else np.asarray(image, np.uint8)
