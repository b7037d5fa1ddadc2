"""Finds the calibration target in a picture and works out where pixels lie on the belt.

Pure. What the target looks like on paper is left to `target`. The lens counts as free of
distortion: how far that is from true is in the error.
"""

from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from edge_agent.calibration.document import Calibration
from edge_agent.calibration.target import INNER_CORNERS

# Corners further from their places than this share of a square (1 mm of 25) are not measured well.
_MOST_ERROR_SHARE = 0.04
# A target that fills less than this share of the picture says little about the rest of it.
_LEAST_AREA_SHARE = 0.04
# The search is made for squares of tens of pixels, not hundreds.
_MOST_SIDES_PX = (1_600, 800)


def find_corners(image_bgr: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Finds the target's inner corners, row by row.

    Args:
        image_bgr: uint8 [height, width, 3], BGR.

    Returns:
        float32 [N, 2], x and y in pixels, the first one's centre at 0.5; None where the target is
        not wholly in view.
    """
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    for most_side_px in _MOST_SIDES_PX:
        scale = min(1.0, most_side_px / max(grey.shape))
        sized = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        is_found, corners = cv2.findChessboardCornersSB(sized, INNER_CORNERS, flags=flags)
        if is_found:
            # OpenCV counts from the first pixel's centre.
            return np.asarray((corners.reshape(-1, 2) + 0.5) / scale, np.float32)
        if scale == 1.0:
            break
    return None


def calibrate(
    corners_px: NDArray[np.float32], picture_px: tuple[int, int], square_mm: float, at: datetime
) -> Calibration:
    """Works out the plane of the belt from the target's corners.

    Args:
        corners_px: float32 [N, 2], as `find_corners` gives them.
        picture_px: Width and height of their picture.
        square_mm: Side of the target's squares.
        at: When the picture was taken.

    Raises:
        InputError: The target is too small in the picture, or its corners do not lie as they do on
            flat paper under a lens without distortion.
    """
    columns, rows = INNER_CORNERS
    places_mm = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)
    places_mm = places_mm.reshape(-1, 2).astype(np.float32) * np.float32(square_mm)
    area_px = cv2.contourArea(cv2.convexHull(corners_px))
    if area_px < _LEAST_AREA_SHARE * picture_px[0] * picture_px[1]:
        raise InputError(
            f"the target fills {area_px / (picture_px[0] * picture_px[1]):.1%} of the picture, "
            f"less than the {_LEAST_AREA_SHARE:.0%} needed",
            "print it larger (--paper a3), or bring the camera nearer",
        )
    matrix, _ = cv2.findHomography(corners_px, places_mm)
    if matrix is None:
        raise InputError("the target's corners lie on one line", "lay it flat under the camera")
    matrix = matrix / (matrix[2] @ (picture_px[0] / 2, picture_px[1] / 2, 1.0))
    found_mm = cv2.perspectiveTransform(corners_px[None], matrix)[0]
    error_mm = float(np.sqrt(((found_mm - places_mm) ** 2).sum(axis=1).mean()))
    most_mm = _MOST_ERROR_SHARE * square_mm
    if error_mm > most_mm:
        raise InputError(
            f"the target's corners are {error_mm:.2f} mm from their places, more than the "
            f"{most_mm:.2f} mm allowed",
            "lay the paper flat, focus the lens; a wide-angle lens bends straight lines: use a "
            "longer one, or only the middle of its picture",
        )
    first, second, third = ((float(a), float(b), float(c)) for a, b, c in matrix)
    return Calibration(
        px_to_mm=(first, second, third),
        picture_px=picture_px,
        error_mm=round(error_mm, 4),
        square_mm=square_mm,
        made_at=at,
    )
