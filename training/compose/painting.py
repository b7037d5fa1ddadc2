"""Paints placed products into a picture: light, shadow, blending; notes which pixel shows what.

Where products lie is left to `placing`.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from training.compose.placing import Patch, Placed
from training.compose.surface import FloatArray
from training.data.mixing import window_of

Blend = Literal["hard", "soft", "feathered", "poisson"]
BLENDS: tuple[Blend, ...] = get_args(Blend)
"""How an edge can be blended. A net learns to find pasted edges instead of products unless they
differ (Dwibedi et al., "Cut, Paste and Learn", ICCV 2017, section 5.2)."""

GAIN = (0.55, 1.7)
"""Limits within which a product's exposure and white balance follow the background's."""

CONTACT_PX = 2.0
POISSON_WEIGHT = 0.5
"""Gradient-domain blending takes on the surface's colour; only half of that is wanted."""


class Fall(NamedTuple):
    """How light falls in a picture.

    Attributes:
        azimuth_rad: Where to; 0 is right, a quarter turn is down.
        depth: 0..1, how dark the shadow is.
        length: How far it reaches, as a share of the product's size.
        shading: By how much the product itself is lighter towards the light.
    """

    azimuth_rad: float
    depth: float
    length: float
    shading: float


@dataclass(frozen=True, eq=False)
class Canvas:
    """A picture in the making.

    Attributes:
        bgr: float32 [H, W, 3], 0..255; painted on.
        owner: int16 [H, W], the number of the item that each pixel shows, -1 for none; painted on.
    """

    bgr: FloatArray
    owner: NDArray[np.int16]


class Shown(NamedTuple):
    """What of an item is seen.

    Attributes:
        box_xyxy_px: Tight around its visible pixels; right and bottom are exclusive.
        visible: Share of its pixels that is inside the picture and uncovered.
        truncated: The picture's border cuts it.
    """

    box_xyxy_px: tuple[int, int, int, int]
    visible: float
    truncated: bool


def canvas_of(image_bgr: NDArray[np.uint8]) -> Canvas:
    """Returns a canvas that shows a background, uint8 [H, W, 3]."""
    return Canvas(image_bgr.astype(np.float32), np.full(image_bgr.shape[:2], -1, np.int16))


def relit(
    patch: Patch, own_light_bgr: FloatArray, light_bgr: FloatArray, strength: float, fall: Fall
) -> Patch:
    """Brings a product's exposure and white balance nearer to those of its new place.

    Args:
        patch: The product.
        own_light_bgr: float32 [3], the light where it was photographed, see `cutting.light_of`.
        light_bgr: float32 [3], the light where it will lie.
        strength: 0..1; how much of the difference is taken over.
        fall: Where the light comes from.
    """
    ratio = np.maximum(light_bgr, 8.0) / np.maximum(own_light_bgr, 8.0)
    gain = np.clip(ratio**strength, *GAIN).astype(np.float32)
    height, width = patch.alpha.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    towards = x * np.float32(np.cos(fall.azimuth_rad)) + y * np.float32(np.sin(fall.azimuth_rad))
    shade = 1 - np.float32(fall.shading) * towards
    return Patch(np.clip(patch.bgr * gain * shade[..., None], 0, 255), patch.alpha)


def paint(canvas: Canvas, placed: Placed, number: int, fall: Fall, blend: Blend) -> None:
    """Paints a product and its shadow over what is there, and notes its pixels as `number`'s."""
    _shade(canvas.bgr, placed, fall)
    window = window_of(placed.left_px, placed.top_px, placed.patch.alpha.shape, canvas.owner.shape)
    if window is None:
        return
    there, here = window
    alpha = _blended(placed.patch.alpha, blend)[here][..., None]
    colours = placed.patch.bgr[here]
    if blend == "poisson":
        colours = _cloned(canvas.bgr[there], colours, placed.patch.alpha[here])
    canvas.bgr[there] = canvas.bgr[there] * (1 - alpha) + colours * alpha
    canvas.owner[there][placed.patch.alpha[here] > 0.5] = number


def shown(canvas: Canvas, placed: Placed, number: int) -> Shown | None:
    """Returns what is seen of an item in the finished picture; None if nothing is."""
    own = (canvas.owner == number).astype(np.uint8)
    count = int(cv2.countNonZero(own))
    if not count:
        return None
    whole = placed.patch.alpha > 0.5
    rows, columns = np.nonzero(whole)
    height, width = canvas.owner.shape
    x, y = columns + placed.left_px, rows + placed.top_px
    truncated = bool(x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height)
    left, top, box_width, box_height = cv2.boundingRect(own)
    box = (left, top, left + box_width, top + box_height)
    return Shown(box, count / max(len(rows), 1), truncated)


def _blended(alpha: FloatArray, blend: Blend) -> FloatArray:
    if blend == "hard":
        return (alpha > 0.5).astype(np.float32)
    if blend == "feathered":
        return np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.3), np.float32)
    return alpha


def _cloned(below: FloatArray, colours: FloatArray, alpha: FloatArray) -> FloatArray:
    """Blends by half in the gradient domain (Perez et al., SIGGRAPH 2003); leaves small pieces."""
    mask = (alpha > 0.5).astype(np.uint8) * np.uint8(255)
    mask[[0, -1]] = 0
    mask[:, [0, -1]] = 0
    if min(mask.shape) < 16 or cv2.countNonZero(mask) < 100:
        return colours
    x, y, width, height = cv2.boundingRect(mask)
    # The library lays the mask's rectangle around this point: where the piece is anyway.
    middle = (x + width // 2, y + height // 2)
    cloned = cv2.seamlessClone(
        colours.round().astype(np.uint8),
        np.clip(below, 0, 255).round().astype(np.uint8),
        mask,
        middle,
        cv2.NORMAL_CLONE,
    )
    mixed = colours + (cloned.astype(np.float32) - colours) * np.float32(POISSON_WEIGHT)
    return np.where(mask[..., None] > 0, mixed, colours).astype(np.float32)


def _shade(picture: FloatArray, placed: Placed, fall: Fall) -> None:
    """Darkens the place close around an item, and beside it, away from the light."""
    alpha = placed.patch.alpha
    size = float(np.sqrt(alpha.sum()))
    away = fall.length * size
    margin = int(3 * (CONTACT_PX + away * 0.5)) + 2
    framed = np.pad(alpha, margin)
    casts = (
        (0.6 * fall.depth, 0.0, CONTACT_PX),
        (0.5 * fall.depth, away * 0.5, 1 + away * 0.25),
        (0.4 * fall.depth, away, 1 + away * 0.5),
    )
    for depth, distance, sigma in casts:
        x = round(distance * np.cos(fall.azimuth_rad))
        y = round(distance * np.sin(fall.azimuth_rad))
        soft = cv2.GaussianBlur(framed, (0, 0), sigma)
        window = window_of(
            placed.left_px - margin + x, placed.top_px - margin + y, soft.shape, picture.shape
        )
        if window is not None:
            there, here = window
            picture[there] *= 1 - np.float32(depth) * soft[here][..., None]
