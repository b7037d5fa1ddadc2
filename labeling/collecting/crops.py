"""Cuts the zone out of a picture, and makes the file that is kept of it: pixels and nothing else.

Where pictures come from, and which of them are kept, is left to others.
"""

from collections.abc import Sequence
from math import ceil, floor
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from labeling.collecting.record import Zone

_QUALITY: Final = 95
_MOST_PX: Final = 65_500


def zone_of(rect_xyxy_px: Sequence[float]) -> Zone:
    """Returns the whole pixels that a station's zone touches."""
    left, top, right, bottom = rect_xyxy_px
    return (floor(left), floor(top), ceil(right), ceil(bottom))


def beyond(zone: Zone, picture: NDArray[np.uint8]) -> str | None:
    """Says how far a zone reaches beyond a picture; None where it lies within."""
    height_px, width_px = picture.shape[:2]
    if zone[2] <= width_px and zone[3] <= height_px:
        return None
    return f"the zone reaches to {zone[2]}, {zone[3]}, beyond the picture of {width_px}x{height_px}"


def cut(picture: NDArray[np.uint8], zone: Zone | None, name: Path | str) -> NDArray[np.uint8]:
    """Cuts the zone out of a picture, uint8 [H, W, 3]; None takes the whole of it.

    Raises:
        InputError: The zone reaches beyond it.
    """
    if zone is None:
        return picture
    if (problem := beyond(zone, picture)) is not None:
        raise InputError(problem, "give the zone of these pictures", file=name)
    left, top, right, bottom = zone
    return picture[top:bottom, left:right]


def as_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Returns a picture, uint8 [H, W, 3] BGR, as a JPEG that tells nothing beside its pixels.

    Raises:
        InputError: It is larger than a JPEG can be.
    """
    if max(picture.shape[:2]) > _MOST_PX:
        raise InputError(
            f"a picture of {picture.shape[1]}x{picture.shape[0]} is too large for JPEG",
            f"cut out a zone of up to {_MOST_PX} pixels a side",
        )
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
