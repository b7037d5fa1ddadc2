"""Models the surface that a product was photographed on, and how far each pixel is from it.

The surface is known from a picture of it empty, or else from the picture's own border. Which
pixels are the product's is left to `masks`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

BORDER_SHARE = 0.03
"""How much of the shorter side counts as border, where the surface is looked at."""

WHITE_LIGHTNESS = 88.0
WHITE_CHROMA = 7.0
"""A surface this light (CIE L*) and this free of colour is a studio's white."""


@dataclass(frozen=True, eq=False)
class Surface:
    """The surface under a product, as one picture shows it.

    Attributes:
        distance: float32 [H, W]: how far each pixel is from the surface's colour there (CIE76).
        tolerance: Distances below this are the surface's own noise.
        white: Whether it is a studio's white.
    """

    distance: FloatArray
    tolerance: float
    white: bool


def lab(image_bgr: NDArray[np.uint8]) -> FloatArray:
    """Turns uint8 [H, W, 3] BGR into CIE L*a*b*, float32 [H, W, 3], L* in 0..100."""
    scaled = image_bgr.astype(np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_BGR2LAB), np.float32)


def look_at_surface(
    image_bgr: NDArray[np.uint8], empty_bgr: NDArray[np.uint8] | None = None
) -> Surface:
    """Models the surface: from the empty picture, or by a smooth fit to the picture's border.

    Args:
        image_bgr: uint8 [H, W, 3], the product on its surface.
        empty_bgr: The same place without a product, of the same size.
    """
    seen = lab(image_bgr)
    border = _border(seen.shape[:2])
    if empty_bgr is not None:
        # Both are blurred alike: sharp patterns must not differ where they only tremble.
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), 1.0), np.float32)
        surface = np.asarray(cv2.GaussianBlur(lab(empty_bgr), (0, 0), 1.0), np.float32)
        inlier = border
    else:
        surface, inlier = _fitted(seen, border)
    distance = np.asarray(np.linalg.norm(seen - surface, axis=2), np.float32)
    noise = distance[inlier]
    tolerance = float(np.clip(np.median(noise) + 4 * _spread(noise), 1.5, 14.0))
    middle = np.median(seen[inlier], axis=0)
    white = bool(middle[0] > WHITE_LIGHTNESS and np.hypot(middle[1], middle[2]) < WHITE_CHROMA)
    return Surface(distance, tolerance, white)


def _border(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    width = max(round(min(shape) * BORDER_SHARE), 2)
    border = np.ones(shape, bool)
    border[width:-width, width:-width] = False
    return border


def _fitted(seen: FloatArray, border: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Fits a quadratic surface to the border's colours; what does not lie on it is left out."""
    height, width = seen.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    # The median first: a product that reaches the border must not draw the fit to itself.
    middle = np.median(seen[border], axis=0)
    away = np.linalg.norm(seen - middle, axis=2)
    inlier = border & (away <= max(float(np.median(away[border])) * 4, 3.0))
    for _ in range(3):
        factors, *_ = np.linalg.lstsq(terms[inlier], seen[inlier], rcond=None)
        surface = np.asarray(terms @ factors, np.float32)
        away = np.linalg.norm(seen - surface, axis=2)
        limit = float(np.median(away[inlier])) + 4 * _spread(away[inlier])
        inlier = border & (away <= max(limit, 1.0))
    # A curve fitted to the border may go anywhere in the middle: keep it near what it fits.
    low, high = np.percentile(seen[inlier], (1, 99), axis=0)
    reach = (high - low) / 2 + 1
    return np.clip(surface, low - reach, high + reach), inlier


def _spread(values: FloatArray) -> float:
    """Standard deviation by the median, which outliers do not move."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
