"""How light falls on an item: shading, reflections and the shadow that it throws.

All of it is worked out once per item and pose; `raymarch` only looks it up.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.simulation.solid import TEXELS_PER_MM, FloatArray, Solid, inner_distance_mm

SHADOW_TEXELS_PER_MM = 0.5
_SHADOW_SLICES = 10

OUTLINE_MM = 1.6
"""A ray that enters an upright wall ends this near to the footprint's outline."""


@dataclass(frozen=True)
class Light:
    """One soft lamp and the room's light.

    Attributes:
        azimuth_rad: Direction towards the lamp on the belt's plane (0 is along +x).
        elevation_rad: Height of the lamp over the belt's plane.
        ambient: Room light, 0..1.
        diffuse: Lamp light, 0..1.
        shadow: How dark the shadow's core is, 0..1.
        softness_mm: Blur of the shadow's edge.
    """

    azimuth_rad: float = 0.9
    elevation_rad: float = 1.0
    ambient: float = 0.55
    diffuse: float = 0.55
    shadow: float = 0.45
    softness_mm: float = 5.0

    def towards(self, turned_rad: float = 0.0) -> tuple[float, float, float]:
        """The unit vector to the lamp as an item sees it that is turned by `turned_rad`."""
        flat = float(np.cos(self.elevation_rad))
        azimuth = self.azimuth_rad - turned_rad
        return (
            flat * float(np.cos(azimuth)),
            flat * float(np.sin(azimuth)),
            float(np.sin(self.elevation_rad)),
        )


@dataclass(frozen=True, eq=False)
class Shadow:
    """Darkness on the belt around an item, in the item's own axes.

    Attributes:
        dark: [H, W] float32 in 0..1.
        left_mm: Item x of the first column.
        top_mm: Item y of the first row.
    """

    dark: FloatArray
    left_mm: float
    top_mm: float


def shade(solid: Solid, light: Light, turned_rad: float) -> FloatArray:
    """Light every texel of an item.

    Returns:
        [H, W, 4] float32: factor for the upper surface's colour, reflection to add (0..1), factor
        for the colour of an upright wall at this place, and 1 at the outline, where such walls are.
    """
    to_x, to_y, to_z = light.towards(turned_rad)
    top = solid.column_mm[..., 1]
    slope_x = cv2.Sobel(top, cv2.CV_32F, 1, 0, ksize=3, scale=TEXELS_PER_MM / 8.0)
    slope_y = cv2.Sobel(top, cv2.CV_32F, 0, 1, ksize=3, scale=TEXELS_PER_MM / 8.0)
    slope_x = np.clip(slope_x, -2.5, 2.5)  # an edge is a bevel, not a cliff
    slope_y = np.clip(slope_y, -2.5, 2.5)
    upward = 1.0 / np.sqrt(1.0 + slope_x * slope_x + slope_y * slope_y)
    facing = (to_z - slope_x * to_x - slope_y * to_y) * upward
    lit = light.ambient * (0.6 + 0.4 * upward) + light.diffuse * np.maximum(facing, 0.0)

    # Blinn-Phong with the eye straight above, plus the long lamp that hangs over most belts.
    length = float(np.sqrt(to_x**2 + to_y**2 + (to_z + 1.0) ** 2))
    shine = (to_z + 1.0 - slope_x * to_x - slope_y * to_y) * upward / length
    highlight = np.maximum(shine, 0.0) ** 36 * 0.55
    sin, cos = float(np.sin(turned_rad)), float(np.cos(turned_rad))
    mirrored = -2.0 * upward * upward * (slope_x * sin + slope_y * cos)
    strip = np.exp(-(((mirrored - 0.45) / 0.13) ** 2)) * 0.4
    reflection = (highlight + strip) * solid.gloss * light.diffuse

    inside = (top > 0).astype(np.float32)
    soft = cv2.GaussianBlur(inside, (0, 0), 2.5)
    out_x = -cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3)
    out_y = -cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
    length = np.sqrt(out_x * out_x + out_y * out_y) + 1e-6
    wall_facing = (out_x * to_x + out_y * to_y) / length
    wall = light.ambient * 0.75 + light.diffuse * np.maximum(wall_facing, 0.0)
    outline = inner_distance_mm(top > 0) < OUTLINE_MM
    return np.stack([lit, reflection, wall, outline], axis=-1).astype(np.float32)


def cast_shadow(solid: Solid, light: Light, turned_rad: float) -> Shadow:
    """Sweep the item's slices along the light and blur the union."""
    to_x, to_y, to_z = light.towards(turned_rad)
    reach = solid.height_mm / max(to_z, 0.25)
    blur_mm = max(light.softness_mm, 1.0)
    pad_mm = blur_mm * 2.5
    half_x, half_y = solid.half_extent_mm
    left = -half_x - pad_mm - max(to_x * reach, 0.0)
    top = -half_y - pad_mm - max(to_y * reach, 0.0)
    columns = int((2 * half_x + 2 * pad_mm + abs(to_x) * reach) * SHADOW_TEXELS_PER_MM) + 1
    rows = int((2 * half_y + 2 * pad_mm + abs(to_y) * reach) * SHADOW_TEXELS_PER_MM) + 1
    scale = SHADOW_TEXELS_PER_MM / TEXELS_PER_MM
    dark = np.zeros((rows, columns), np.float32)
    for step in range(_SHADOW_SLICES + 1):
        height = solid.height_mm * step / _SHADOW_SLICES
        bottom, upper = solid.column_mm[..., 0], solid.column_mm[..., 1]
        filled = ((upper >= height) & (bottom <= height)).astype(np.float32)
        shift_x = (-half_x - to_x / max(to_z, 0.25) * height - left) * SHADOW_TEXELS_PER_MM
        shift_y = (-half_y - to_y / max(to_z, 0.25) * height - top) * SHADOW_TEXELS_PER_MM
        matrix = np.array([[scale, 0, shift_x], [0, scale, shift_y]], np.float32)
        moved = cv2.warpAffine(filled, matrix, (columns, rows), flags=cv2.INTER_LINEAR)
        np.maximum(dark, moved, out=dark)
    footprint = inner_distance_mm(solid.column_mm[..., 1] > 0)  # where it stands, light is gone
    matrix = np.array(
        [
            [scale, 0, (-half_x - left) * SHADOW_TEXELS_PER_MM],
            [0, scale, (-half_y - top) * SHADOW_TEXELS_PER_MM],
        ],
        np.float32,
    )
    contact = cv2.warpAffine(np.minimum(footprint, 1.0), matrix, (columns, rows))
    swept = cv2.GaussianBlur(dark, (0, 0), blur_mm * SHADOW_TEXELS_PER_MM)
    contact = cv2.GaussianBlur(contact, (0, 0), 4.0 * SHADOW_TEXELS_PER_MM)
    total = np.clip(swept * light.shadow + contact * 0.35, 0.0, 0.92).astype(np.float32)
    return Shadow(total, left, top)


def shadow_corners_mm(shadow: Shadow) -> NDArray[np.float64]:
    """The corners of the shadow's rectangle in item axes, [4, 2] float64."""
    rows, columns = shadow.dark.shape
    right = shadow.left_mm + columns / SHADOW_TEXELS_PER_MM
    bottom = shadow.top_mm + rows / SHADOW_TEXELS_PER_MM
    return np.array(
        [
            [shadow.left_mm, shadow.top_mm],
            [right, shadow.top_mm],
            [right, bottom],
            [shadow.left_mm, bottom],
        ]
    )
