"""What a camera sees of one item: rays followed through its height fields.

Each pixel's ray is followed from above until it enters the solid, so upright walls, undercuts
and perspective come out as a lens shows them. Leaves shading to `light` and the order in
which items are painted to `scene`.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.simulation.light import (
    SHADOW_TEXELS_PER_MM,
    Light,
    Shadow,
    cast_shadow,
    shade,
    shadow_corners_mm,
)
from beltmark.simulation.solid import TEXELS_PER_MM, FloatArray, ImageArray, Solid, sample
from beltmark.simulation.view import View

_MAX_STEPS = 20
_STEP_MM = 6.0
"""How far a ray may sink between two looks where there may be air below; thinner is missed."""

_STEP_TEXELS = 4.0
"""How far a ray may move across the item between two looks; finer walls may be missed."""

_REFINEMENTS = 3
_NOWHERE = (1.0, -1.0, 0.0, 0.0)
"""Outside an item's grid: a column that contains no height."""


@dataclass(frozen=True, eq=False)
class Posed:
    """An item turned on the belt and lit: all that does not change while it travels."""

    solid: Solid
    turned_rad: float
    light: Light

    @cached_property
    def lit(self) -> FloatArray:
        """Shading per texel, see `light.shade`."""
        return shade(self.solid, self.light, self.turned_rad)

    @cached_property
    def shadow(self) -> Shadow:
        """The shadow on the belt."""
        return cast_shadow(self.solid, self.light, self.turned_rad)

    @cached_property
    def reach_mm(self) -> tuple[float, float]:
        """Half the size of the footprint's bounding box along and across the belt."""
        rows, columns = np.nonzero(self.solid.column_mm[..., 1] > 0)
        half_x, half_y = self.solid.half_extent_mm
        x = columns / TEXELS_PER_MM - half_x
        y = rows / TEXELS_PER_MM - half_y
        along, across = self.to_world(np.stack([x, y], 1), 0.0, 0.0).T
        return float(np.abs(along).max()), float(np.abs(across).max())

    def to_world(
        self, points_mm: NDArray[np.float64], x_mm: float, y_mm: float
    ) -> NDArray[np.float64]:
        """Bring points in item axes to the belt's, both [N, 2] float64 in mm."""
        cos, sin = np.cos(self.turned_rad), np.sin(self.turned_rad)
        turned: NDArray[np.float64] = points_mm @ np.array([[cos, sin], [-sin, cos]])
        turned += (x_mm, y_mm)
        return turned


@dataclass(frozen=True, eq=False)
class Glimpse:
    """One item as seen, on its own rectangle, which may reach outside the image.

    Attributes:
        left_px: First column in the image.
        top_px: First row in the image.
        mask: Pixels of the item, [H, W] bool.
        bgr: Its colour, [H, W, 3] uint8 BGR; also valid a little beyond the mask.
    """

    left_px: int
    top_px: int
    mask: NDArray[np.bool_]
    bgr: ImageArray


def look(posed: Posed, x_mm: float, y_mm: float, view: View) -> Glimpse | None:
    """Render an item that stands at a place on the belt; None if it is not in the image."""
    solid = posed.solid
    left, top, right, bottom = _rectangle(posed, x_mm, y_mm, view)
    if right <= 0 or bottom <= 0 or left >= view.width_px or top >= view.height_px:
        return None
    u0, v0, du, dv = _texel_rays(posed, x_mm, y_mm, view, (left, top, right, bottom))

    def columns_at(height: FloatArray | np.float32) -> FloatArray:
        found = cv2.remap(
            solid.column_mm,
            u0 + du * height,
            v0 + dv * height,
            cv2.INTER_NEAREST,  # texels are finer than pixels, and this is three times as fast
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_NOWHERE,
        )
        return np.asarray(found, np.float32)

    travel = max(float(np.abs(d[:: len(d) - 1, :: d.shape[1] - 1]).max()) for d in (du, dv))
    by_height = solid.height_mm / _STEP_MM if solid.is_undercut else 3.0
    steps = int(np.clip(travel * solid.height_mm / _STEP_TEXELS, by_height, _MAX_STEPS))
    rise = np.float32(solid.height_mm / steps)
    low = np.zeros(u0.shape, np.float32)
    for step in range(steps, -1, -1):
        height = np.float32(max(step * rise - 0.02, 0.05))
        column = columns_at(height)
        # From above: the first height inside the solid is the greatest one.
        np.maximum(low, height * (column[..., 1] >= height) * (column[..., 0] <= height), out=low)
    mask = low > 0
    size = rise / 2
    for _ in range(_REFINEMENTS):
        column = columns_at(low + size)
        low += size * (column[..., 1] >= low + size) * (column[..., 0] <= low + size)
        size = size / 2
    return Glimpse(left, top, mask, _colour(posed, low, u0 + du * low, v0 + dv * low, mask))


def _colour(
    posed: Posed, height: FloatArray, u: FloatArray, v: FloatArray, mask: NDArray[np.bool_]
) -> ImageArray:
    """Colour of the surface met at texel (u, v) and height, all [H, W] float32 -> [H, W, 3]."""
    solid = posed.solid
    rows, columns = solid.gloss.shape
    u = np.clip(u, 0, columns - 1.01)  # OpenCV is slow outside a picture
    v = np.clip(v, 0, rows - 1.01)
    bgr = sample(solid.top_bgr, u, v).astype(np.float32)
    lit = cv2.remap(posed.lit, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    column = cv2.remap(solid.column_mm, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    under, over = height - column[..., 0], column[..., 1] - height
    # Not on the upper surface: at the outline, or much nearer to an undercut than to the top.
    beside = np.maximum(lit[..., 3], 3 * under < over)
    wall = np.clip((over - 1.2) / 1.2, 0.0, 1.0) * beside * mask
    grounded = np.minimum(0.7 + height / 25.0, 1.0)  # little light reaches where wall meets belt
    if solid.side_bgr is not None and solid.side_texel is not None:
        around = cv2.remap(
            solid.side_texel, u, v, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )
        side = sample(
            solid.side_bgr, np.asarray(around, np.float32), height * np.float32(TEXELS_PER_MM)
        )
        bgr += (side - bgr) * wall[..., None]
    factor = lit[..., 0] + (lit[..., 2] * grounded - lit[..., 0]) * wall
    reflection = lit[..., 1] * (1 - wall) * np.float32(255.0)
    bgr *= factor[..., None]
    bgr += reflection[..., None]
    return np.asarray(cv2.convertScaleAbs(bgr), np.uint8)


def cast_on(canvas_bgr: ImageArray, posed: Posed, x_mm: float, y_mm: float, view: View) -> None:
    """Darken a canvas, [H, W, 3] uint8 BGR, in place by the item's shadow."""
    shadow = posed.shadow
    corners = posed.to_world(shadow_corners_mm(shadow), x_mm, y_mm)
    pixels = view.project(np.column_stack([corners, np.zeros(4)]))
    left, top = np.floor(np.maximum(pixels.min(axis=0), 0)).astype(int)
    right, bottom = np.ceil(np.minimum(pixels.max(axis=0), (view.width_px, view.height_px))).astype(
        int
    )
    if left >= right or top >= bottom:
        return
    u0, v0, _, _ = _texel_rays(posed, x_mm, y_mm, view, (left, top, right, bottom))
    half_x, half_y = posed.solid.half_extent_mm
    scale = np.float32(SHADOW_TEXELS_PER_MM / TEXELS_PER_MM)
    shift_x = (-half_x - shadow.left_mm) * SHADOW_TEXELS_PER_MM
    shift_y = (-half_y - shadow.top_mm) * SHADOW_TEXELS_PER_MM
    dark = cv2.remap(
        shadow.dark, u0 * scale + np.float32(shift_x), v0 * scale + np.float32(shift_y),
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0),
    )  # fmt: skip
    region = canvas_bgr[top:bottom, left:right]
    region[:] = (region * (1 - dark)[..., None]).astype(np.uint8)


def _rectangle(posed: Posed, x_mm: float, y_mm: float, view: View) -> tuple[int, int, int, int]:
    """Bounds in the image of the box around the item: left, top, right, bottom in px."""
    half_x, half_y = posed.solid.half_extent_mm
    flat = np.array([[-half_x, -half_y], [half_x, -half_y], [half_x, half_y], [-half_x, half_y]])
    corners = posed.to_world(flat, x_mm, y_mm)
    low = np.column_stack([corners, np.zeros(4)])
    high = np.column_stack([corners, np.full(4, posed.solid.height_mm)])
    pixels = view.project(np.vstack([low, high]))
    left, top = np.floor(pixels.min(axis=0)).astype(int)
    right, bottom = np.ceil(pixels.max(axis=0)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _texel_rays(
    posed: Posed, x_mm: float, y_mm: float, view: View, bounds: tuple[int, int, int, int]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Rays of a rectangle of pixels in texels of the item: u = u0 + du * height, v likewise."""
    left, top, right, bottom = bounds
    x0, y0, dx, dy = view.rays(left, top, right - left, bottom - top)
    cos = np.float32(np.cos(posed.turned_rad) * TEXELS_PER_MM)
    sin = np.float32(np.sin(posed.turned_rad) * TEXELS_PER_MM)
    half_x, half_y = posed.solid.half_extent_mm
    x0 -= np.float32(x_mm)
    y0 -= np.float32(y_mm)
    u0 = x0 * cos + y0 * sin + np.float32(half_x * TEXELS_PER_MM - 0.5)
    v0 = y0 * cos - x0 * sin + np.float32(half_y * TEXELS_PER_MM - 0.5)
    return u0, v0, dx * cos + dy * sin, dy * cos - dx * sin
