"""Tells a product from the surface that it was photographed on.

How far pixels are from the surface is `surface`'s to say; what a mask is worth is left to
`quality`, what is made of it to `cutting`.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.compose.surface import FloatArray, Surface, lab

Mask = NDArray[np.uint8]
"""uint8 [H, W]: 255 on the product, 0 beside it."""

SURELY_DIFFERENT = 3.0
"""Times the tolerance by which a colour must differ before nothing takes it for the surface."""

SHADOW_CHROMA = 4.0
SHADOW_DEPTH = 40.0
SHADOW_STEP = 2.4
"""A soft shadow on white keeps its colour (CIE a*b*), is at most so dark, and darkens this slowly
from pixel to pixel (L*)."""

BAND_SHARE = 0.015
"""How far GrabCut may move an outline, as a share of the picture's shorter side."""


def mask_of(
    image_bgr: NDArray[np.uint8], surface: Surface, box_xyxy_px: FloatArray | None = None
) -> Mask:
    """Returns the mask of the product in a picture of one product.

    What differs from the surface and is not joined to the border by what does not; a studio's soft
    shadows are taken off, holes filled, and the outline refined where colours allow.

    Args:
        image_bgr: uint8 [H, W, 3].
        surface: From `look_at_surface`.
        box_xyxy_px: Where the product is known to be, if it is.
    """
    free = surface.distance < surface.tolerance
    if box_xyxy_px is not None:
        free |= ~_inside(box_xyxy_px, free.shape)
    solid = _cleaned(free)
    if surface.white:
        solid = _largest(solid)
        lit = _largest(_cleaned(free | _soft_shadow(lab(image_bgr), surface)))
        # A shadow lies beside the product; what is pale within its outline is its own white.
        solid = lit | (solid & hull_of(lit)) if lit.any() else solid
    else:
        solid = _largest(_without_surroundings(solid))
    if not solid.any():
        return solid
    band_px = max(round(min(free.shape) * BAND_SHARE), 2)
    refined = filled(_largest(_refined(image_bgr, filled(solid), surface, band_px)))
    return without_dents(refined) if surface.white else refined


def grab(image_bgr: NDArray[np.uint8], box_xyxy_px: FloatArray) -> Mask:
    """Separates what is inside a box from what surrounds it (GrabCut: Rother et al. 2004).

    Dents are filled where the outline is nearly convex anyway, as of cartons whose white side
    GrabCut took for the background.

    Args:
        image_bgr: uint8 [H, W, 3], with some of the surroundings.
        box_xyxy_px: Where the object is.
    """
    mask = np.zeros(image_bgr.shape[:2], np.uint8)
    x, y, right, bottom = np.asarray(box_xyxy_px).round().astype(int)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    rectangle = (x, y, right - x, bottom - y)
    try:
        cv2.grabCut(image_bgr, mask, rectangle, *models, 3, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # nothing surrounds the box, or nothing is in it
        return np.zeros_like(mask)
    largest = filled(_largest(_solid(mask)))
    hull = hull_of(largest)
    dented = (largest > 0).sum() >= NEARLY_CONVEX * (hull > 0).sum()
    return hull if dented else largest


NEARLY_CONVEX = 0.8
"""Share of its convex hull that a mask must fill for its dents to be taken for mistakes."""

BOX_CORNERS = 6
BOX_FILL = 0.96
"""A box seen from anywhere has so many corners at most, and fills the hull that they span."""


def without_dents(mask: Mask) -> Mask:
    """Returns a mask that is nearly a box's as the whole box, any other as it is.

    White cartons lose bites to a white ground; a box is convex from wherever it is seen.
    """
    hull = hull_of(mask)
    outlines, _ = cv2.findContours(hull, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines or (mask > 0).sum() < NEARLY_CONVEX * (hull > 0).sum():
        return mask
    corners = cv2.approxPolyDP(outlines[0], 0.02 * cv2.arcLength(outlines[0], True), True)
    spanned = cv2.contourArea(corners) / max(cv2.contourArea(outlines[0]), 1.0)
    return hull if len(corners) <= BOX_CORNERS and spanned >= BOX_FILL else mask


def hull_of(mask: Mask) -> Mask:
    """Returns the convex hull of all that is in the mask."""
    hull = np.zeros_like(mask)
    points = cv2.findNonZero(mask)
    if points is not None:
        cv2.fillConvexPoly(hull, cv2.convexHull(points), 255)
    return hull


def filled(mask: Mask) -> Mask:
    """Returns the mask without holes."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros_like(mask)
    cv2.drawContours(whole, outlines, -1, 255, cv2.FILLED)
    return whole


HALF = 0.45
"""A pixel at the outline that differs from the surface by less than this share of what the product
next to it does shows the surface for the most part."""

EDGE_PX = 3


def trimmed(mask: Mask, surface: Surface) -> Mask:
    """Takes off the pixels at the outline that show less of the product than of the surface.

    Where the product hardly differs from the surface, nothing can be told, and nothing is taken.
    """
    inner = cv2.erode(mask, _disc(EDGE_PX), borderType=cv2.BORDER_CONSTANT, borderValue=255)
    if not inner.any():
        return mask
    _, nearest = cv2.distanceTransformWithLabels(
        (inner == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    own = np.zeros(int(nearest.max()) + 1, np.float32)
    smooth = cv2.GaussianBlur(surface.distance, (3, 3), 0)
    own[nearest[inner > 0]] = smooth[inner > 0]
    contrast = own[nearest]
    mixed = (surface.distance < HALF * contrast) & (contrast > 4 * surface.tolerance)
    left = np.where(mixed & (inner == 0), 0, mask).astype(np.uint8)
    return _largest(left)


LEAST_SHARE = 0.003
"""Share of the picture that something must fill to be taken for the product."""


def _without_surroundings(mask: Mask) -> Mask:
    """Leaves out what reaches the picture's border, if something does not: walls beside a belt."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    ends = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    within = np.setdiff1d(
        np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= LEAST_SHARE * mask.size), ends
    )
    within = within[within > 0]
    return np.where(np.isin(parts, within), mask, 0).astype(np.uint8) if len(within) else mask


def _cleaned(free: NDArray[np.bool_]) -> Mask:
    """What cannot be reached from the border, without crumbs and cracks."""
    side = min(free.shape)
    solid = np.asarray(~_joined_to_border(free), np.uint8) * np.uint8(255)
    solid = _opened(solid, max(round(side * 0.004), 1))
    return _closed(solid, max(round(side * 0.02), 1))


def _soft_shadow(seen: FloatArray, surface: Surface) -> NDArray[np.bool_]:
    """Where white is only darkened, and smoothly: what edges or print mark is no shadow."""
    ground = np.median(seen[surface.distance < surface.tolerance], axis=0)
    chroma = np.hypot(seen[..., 1] - ground[1], seen[..., 2] - ground[2])
    smooth = cv2.GaussianBlur(seen[..., 0], (0, 0), 0.8)
    step_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3) / 8
    step_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3) / 8
    depth = ground[0] - seen[..., 0]
    found: NDArray[np.bool_] = (
        (chroma < SHADOW_CHROMA) & (depth < SHADOW_DEPTH) & (np.hypot(step_x, step_y) < SHADOW_STEP)
    )
    return found


def _joined_to_border(free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of `free` that can be reached from the picture's border without leaving it."""
    framed = np.pad(free, 1, constant_values=True).astype(np.uint8)
    _, parts = cv2.connectedComponents(framed, connectivity=4)
    joined: NDArray[np.bool_] = (parts == parts[0, 0])[1:-1, 1:-1]
    return joined


def _refined(image_bgr: NDArray[np.uint8], mask: Mask, surface: Surface, band_px: int) -> Mask:
    """Lets GrabCut move the outline within a narrow band; it takes off what is like surface."""
    kernel = _disc(band_px)
    inner, outer = cv2.erode(mask, kernel), cv2.dilate(mask, kernel)
    if not inner.any() or outer.all():
        return mask
    trimap = np.full(mask.shape, cv2.GC_BGD, np.uint8)
    trimap[outer > 0] = cv2.GC_PR_BGD
    trimap[mask > 0] = cv2.GC_PR_FGD
    # White print and white cartons are nearer to the surface's colour than to the rest of theirs.
    sure = (inner > 0) | ((mask > 0) & (surface.distance > SURELY_DIFFERENT * surface.tolerance))
    trimap[sure] = cv2.GC_FGD
    trimap[(mask == 0) & (surface.distance < surface.tolerance)] = cv2.GC_BGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(image_bgr, trimap, (0, 0, 1, 1), *models, 2, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels of one kind to learn their colours from
        return mask
    return _solid(trimap)


def _solid(trimap: Mask) -> Mask:
    return np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * np.uint8(255)


def _largest(mask: Mask) -> Mask:
    """Keeps the largest piece, and those not much smaller: three onions are one product."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return np.zeros_like(mask)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.isin(parts, np.flatnonzero(areas >= 0.15 * areas.max())).astype(np.uint8) * np.uint8(
        255
    )


def _inside(box_xyxy_px: FloatArray, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    left, top, right, bottom = np.asarray(box_xyxy_px).round().astype(int)
    inside = np.zeros(shape, bool)
    inside[max(top, 0) : bottom, max(left, 0) : right] = True
    return inside


def _disc(radius_px: int) -> NDArray[np.uint8]:
    side = 2 * radius_px + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _opened(mask: Mask, radius_px: int) -> Mask:
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(radius_px)), np.uint8)


def _closed(mask: Mask, radius_px: int) -> Mask:
    framed = np.pad(mask, radius_px)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, _disc(radius_px))
    return np.ascontiguousarray(closed[radius_px:-radius_px, radius_px:-radius_px])
