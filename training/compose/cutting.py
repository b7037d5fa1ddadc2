"""Cuts the product out of a picture that shows one: mask, quality, soft edge, clean rim.

How a mask is found is left to `masks`, what it is worth to `quality`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.compose.masks import Mask, grab, mask_of, trimmed
from training.compose.quality import Quality, judge, sharpness
from training.compose.surface import FloatArray, Surface, look_at_surface
from training.data.cutouts import Cutout

MARGIN = 0.18
"""Share of a known box's size taken around it, so that the cut sees some background."""

RIM_PX = 2
"""So far inwards from the outline colours are mixed with the background's, and are replaced."""

LIGHT_NORM = 6
"""Order of the norm by which a picture's light is estimated (Finlayson and Trezzi 2004)."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A product cut out of its picture.

    Attributes:
        cutout: The product alone: colours up to the edge are its own, the edge is soft.
        quality: What the cut is worth.
        sharpness: 0..1, how much detail it shows.
        light_bgr: float32 [3]: colour and strength of the light in its picture, 0..255.
        mask: uint8 [H, W] in the whole picture, 255 on the product.
    """

    cutout: Cutout
    quality: Quality
    sharpness: float
    light_bgr: FloatArray
    mask: Mask


def cut(
    image_bgr: NDArray[np.uint8],
    label: int,
    *,
    box_xyxy_px: FloatArray | None = None,
    empty_bgr: NDArray[np.uint8] | None = None,
) -> Cut:
    """Cuts the one product out of a picture.

    Args:
        image_bgr: uint8 [H, W, 3].
        label: Its class index.
        box_xyxy_px: Where it is, if the dataset tells; else the whole picture is searched.
        empty_bgr: The same place without it, of the same size, if there is such a picture.
    """
    tight = False
    if box_xyxy_px is None or _is_all(box_xyxy_px, image_bgr.shape):
        surface = look_at_surface(image_bgr, empty_bgr)
        mask = trimmed(_find(image_bgr, surface, empty=empty_bgr is not None), surface)
        tight = surface.white
    else:
        mask = _within(image_bgr, box_xyxy_px)
    return Cut(
        _lifted(image_bgr, mask, label),
        judge(image_bgr, mask, trimmed=tight),
        sharpness(image_bgr, mask),
        light_of(image_bgr),
        mask,
    )


def light_of(image_bgr: NDArray[np.uint8]) -> FloatArray:
    """Estimates colour and strength of the light in a picture ("shades of grey"): float32 [3]."""
    small = cv2.resize(image_bgr, (64, 64), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    power = np.power(small.astype(np.float64) / 255, LIGHT_NORM).mean(axis=0)
    return np.asarray(np.power(power, 1 / LIGHT_NORM) * 255, np.float32)


ALL_SHARE = 0.9
"""A box that is so much of the picture tells nothing of where the product is."""


def _is_all(box_xyxy_px: FloatArray, shape: tuple[int, ...]) -> bool:
    return float(np.prod(box_xyxy_px[2:] - box_xyxy_px[:2])) >= ALL_SHARE * shape[0] * shape[1]


def _find(image_bgr: NDArray[np.uint8], surface: Surface, *, empty: bool) -> Mask:
    """Finds the product by its surface; GrabCut has the last word on a bench.

    Not where it was seen empty, or is a studio's white: what is known of it then tells more than
    the colours around the product do.
    """
    mask = mask_of(image_bgr, surface)
    if surface.white or empty or not mask.any():
        return mask
    x, y, width, height = cv2.boundingRect(mask)
    grabbed = _within(image_bgr, np.array([x, y, x + width, y + height], np.float32))
    both = ((mask > 0) & (grabbed > 0)).sum() / max(((mask > 0) | (grabbed > 0)).sum(), 1)
    return grabbed if both > 0.7 else mask


def _within(image_bgr: NDArray[np.uint8], box_xyxy_px: FloatArray) -> Mask:
    """Cuts what is within a box, which may touch the picture's border."""
    height, width = image_bgr.shape[:2]
    margin = np.maximum((box_xyxy_px[2:] - box_xyxy_px[:2]) * MARGIN, 4)
    left, top = np.maximum(box_xyxy_px[:2] - margin, 0).round().astype(int)
    right, bottom = np.minimum(box_xyxy_px[2:] + margin, (width, height)).round().astype(int)
    inner = box_xyxy_px - np.array([left, top, left, top], np.float32)
    mask = np.zeros((height, width), np.uint8)
    crop = image_bgr[top:bottom, left:right]
    mask[top:bottom, left:right] = trimmed(grab(crop, inner), look_at_surface(crop))
    return mask


def _lifted(image_bgr: NDArray[np.uint8], mask: Mask, label: int) -> Cutout:
    """Crops the product; its edge becomes soft, and its rim takes the colours from further in."""
    x, y, width, height = cv2.boundingRect(mask) if mask.any() else (0, 0, 1, 1)
    pad = RIM_PX + 2
    window = (
        slice(max(y - pad, 0), min(y + height + pad, mask.shape[0])),
        slice(max(x - pad, 0), min(x + width + pad, mask.shape[1])),
    )
    solid = mask[window]
    # Half a pixel inwards: what the outline's own pixels show is half background.
    soft = cv2.GaussianBlur(solid, (0, 0), 1.0).astype(np.float32) / 255
    alpha = np.clip((soft - 0.45) / 0.5, 0, 1)
    return Cutout(
        _clean_rim(image_bgr[window], solid), (alpha * 255).round().astype(np.uint8), label
    )


def _clean_rim(crop_bgr: NDArray[np.uint8], solid: Mask) -> NDArray[np.uint8]:
    """Gives rim and surroundings the colour of the nearest pixel that is surely the product's."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM_PX + 1,) * 2)
    inner = cv2.erode(solid, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not inner.any():
        return np.ascontiguousarray(crop_bgr)
    _, nearest = cv2.distanceTransformWithLabels(
        (inner == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colours[nearest[inner > 0]] = crop_bgr[inner > 0]
    return np.asarray(colours[nearest], np.uint8)
