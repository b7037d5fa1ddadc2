"""The form of one item: two height fields, what is printed on it, and how it shines.

An item is described per texel of a grid that lies on the belt: the solid fills the column
between `bottom` and `top`. That is enough for round and undercut goods seen from above.
Leaves the shapes to `shapes`, their pictures to `artwork` and how they look to `raymarch`.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

TEXELS_PER_MM = 1.6
"""Resolution of all item textures: a little finer than an image pixel of a live station."""

MARGIN_MM = 5.0

FloatArray = NDArray[np.float32]
ImageArray = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Solid:
    """An item's form and finish on its own grid; x is the item's long axis.

    Attributes:
        column_mm: Bottom and top of the solid per texel, [H, W, 2] float32; empty is (1, -1).
        top_bgr: What is printed on the upper surface, [H, W, 3] uint8 BGR.
        side_bgr: What is printed on upright walls, [Hs, Ws, 3] uint8 BGR; the row is the height
            in texels from the belt, the column is `side_texel`. None: walls continue the
            colour of their upper edge.
        side_texel: Column of `side_bgr` for a wall at this place, [H, W] float32, or None.
        gloss: Strength of the reflections, [H, W] float32 in 0..1.
    """

    column_mm: FloatArray
    top_bgr: ImageArray
    side_bgr: ImageArray | None
    side_texel: FloatArray | None
    gloss: FloatArray

    @cached_property
    def is_undercut(self) -> bool:
        """Whether there is air below a part of it."""
        bottom, top = self.column_mm[..., 0], self.column_mm[..., 1]
        return bool(((top > 0) & (bottom > 1.5)).any())

    @cached_property
    def height_mm(self) -> float:
        """The highest point over the belt."""
        return float(max(self.column_mm[..., 1].max(), 0.0))

    @property
    def half_extent_mm(self) -> tuple[float, float]:
        """Half the grid's size along x and y, margins included."""
        rows, columns = self.gloss.shape
        return columns / TEXELS_PER_MM / 2.0, rows / TEXELS_PER_MM / 2.0


@dataclass(frozen=True, eq=False)
class Grid:
    """Texel centres in millimetres from the item's middle.

    Attributes:
        x_mm: [H, W] float32.
        y_mm: [H, W] float32.
    """

    x_mm: FloatArray
    y_mm: FloatArray

    @classmethod
    def of(cls, length_mm: float, width_mm: float) -> "Grid":
        """Make the grid for a footprint of this size plus a margin."""
        columns = round((length_mm + 2 * MARGIN_MM) * TEXELS_PER_MM)
        rows = round((width_mm + 2 * MARGIN_MM) * TEXELS_PER_MM)
        x = (np.arange(columns, dtype=np.float32) + 0.5 - columns / 2.0) / TEXELS_PER_MM
        y = (np.arange(rows, dtype=np.float32) + 0.5 - rows / 2.0) / TEXELS_PER_MM
        x_mm, y_mm = np.meshgrid(x, y)
        return cls(x_mm.astype(np.float32), y_mm.astype(np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.x_mm.shape[0], self.x_mm.shape[1]


def columns_mm(bottom_mm: FloatArray, top_mm: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    """Stack bottom and top, each [H, W] float32 in mm, to [H, W, 2]; empty outside `inside`.

    The outermost texels stay empty, so that no form is cut by its grid.
    """
    inside = inside.copy()
    inside[[0, -1]] = inside[:, [0, -1]] = False
    column = np.empty((*top_mm.shape, 2), np.float32)
    column[..., 0] = np.where(inside, bottom_mm, 1.0)
    column[..., 1] = np.where(inside, np.maximum(top_mm, 0.3), -1.0)
    return column


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]
) -> FloatArray:
    """Draw smooth noise, [H, W] float32 in about -1..1, with `cells` (rows, columns) bumps."""
    coarse = rng.uniform(-1.0, 1.0, (max(cells[0], 2), max(cells[1], 2))).astype(np.float32)
    smooth = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)


def inner_distance_mm(inside: NDArray[np.bool_]) -> FloatArray:
    """Distance of each texel to the outline, [H, W] float32 in mm; zero outside."""
    distance = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(distance / TEXELS_PER_MM, np.float32)


def soften(height_mm: FloatArray, sigma_texels: float) -> FloatArray:
    """Round the edges of a height field, [H, W] float32 in mm."""
    return np.asarray(cv2.GaussianBlur(height_mm, (0, 0), sigma_texels), np.float32)


def sample(picture_bgr: ImageArray, column: FloatArray, row: FloatArray) -> ImageArray:
    """Look up a BGR uint8 picture at float32 texel positions [H, W]; edges are repeated."""
    looked = cv2.remap(picture_bgr, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(looked, np.uint8)
