"""Decides where products lie: how large, how turned, how near to each other. Draws nothing.

All chance comes from the caller's generator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training.compose.surface import FloatArray
from training.data.cutouts import Cutout

TRIES = 12
TOUCHING = (0.82, 1.04)
"""How near the next item may lie, as a share of the distance at which two just touch."""

SPREAD = (0.85, 1.18)
"""How much larger or smaller a product may be than its usual size: cameras see it nearer."""

FLATTENED = (0.78, 1.0)
"""A camera that looks askew shows a product flatter."""


class Patch(NamedTuple):
    """A cut-out as it will lie: colours float32 [h, w, 3] 0..255, alpha float32 [h, w] 0..1."""

    bgr: FloatArray
    alpha: FloatArray


@dataclass(frozen=True, eq=False)
class Placed:
    """A patch and where its upper left corner lies; both may reach over the picture's border."""

    patch: Patch
    left_px: int
    top_px: int

    @property
    def centre_px(self) -> tuple[float, float]:
        """The middle of the patch."""
        height, width = self.patch.alpha.shape
        return self.left_px + width / 2, self.top_px + height / 2


def pose(cutout: Cutout, long_px: float, rng: np.random.Generator) -> Patch:
    """Turns a cut-out in the plane, scales its longer side to `long_px`, flattens it a little."""
    height, width = cutout.alpha.shape
    scale = long_px * float(rng.uniform(*SPREAD)) / max(height, width)
    bgr, alpha = cutout.image_bgr, cutout.alpha
    if scale < 0.5:  # a warp looks at four pixels only: what is shrunk further would flicker
        size = (max(round(width * scale * 2), 2), max(round(height * scale * 2), 2))
        bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
        scale = scale * width / size[0]
        height, width = alpha.shape
    turn = float(rng.uniform(0, 2 * np.pi))
    flat = float(rng.uniform(*FLATTENED))
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[1, 0], [0, flat]]) @ np.array([[cos, -sin], [sin, cos]]) * scale
    reach = np.abs(linear) @ (width, height)
    size = (max(int(np.ceil(reach[0])) + 2, 3), max(int(np.ceil(reach[1])) + 2, 3))
    shift = np.array(size) / 2 - linear @ (width / 2, height / 2)
    matrix = np.hstack([linear, shift[:, None]])
    turned = cv2.warpAffine(bgr, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(alpha, matrix, size)
    return Patch(turned.astype(np.float32), cover.astype(np.float32) / np.float32(255))


def place(
    patch: Patch,
    others: Sequence[Placed],
    size_px: tuple[int, int],
    rng: np.random.Generator,
    *,
    crowded: bool,
) -> Placed | None:
    """Finds a place for a patch: free, or beside and a little over another; None if there is none.

    Args:
        patch: What is to lie there.
        others: What lies there already.
        size_px: Width and height of the picture.
        rng: Source of all chance.
        crowded: Whether items lie close together.
    """
    width, height = size_px
    for _ in range(TRIES):
        # One in a few is cut by the picture's border.
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
        if crowded or rng.uniform() < 0.7:
            inset = np.minimum(np.array(patch.alpha.shape[::-1]) / 2, np.array(size_px) / 2 - 1)
            x = float(np.clip(x, inset[0], width - inset[0]))
            y = float(np.clip(y, inset[1], height - inset[1]))
        if crowded and others:
            near = others[int(rng.integers(len(others)))]
            way = float(rng.uniform(0, 2 * np.pi))
            apart = _reach(near.patch, way) + _reach(patch, way + np.pi)
            apart *= float(rng.uniform(*TOUCHING))
            x = near.centre_px[0] + apart * np.cos(way)
            y = near.centre_px[1] + apart * np.sin(way)
            if not (0 < x < width and 0 < y < height):
                continue
        placed = Placed(
            patch, round(x - patch.alpha.shape[1] / 2), round(y - patch.alpha.shape[0] / 2)
        )
        if crowded or not any(_meet(placed, other) for other in others):
            return placed
    return None


def _reach(patch: Patch, way_rad: float) -> float:
    """How far the patch's solid part reaches from its middle in a direction, in pixels."""
    rows, columns = np.nonzero(patch.alpha > 0.5)
    if not len(rows):
        return 0.0
    height, width = patch.alpha.shape
    along = (columns - width / 2) * np.cos(way_rad) + (rows - height / 2) * np.sin(way_rad)
    return float(along.max())


def _meet(one: Placed, other: Placed) -> bool:
    """Whether two patches share a pixel that both fill."""
    first, second = _solid_in(one, other)
    return bool((first & second).any())


def _solid_in(one: Placed, other: Placed) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The solid parts of both within the rectangle that they share."""
    left, top = max(one.left_px, other.left_px), max(one.top_px, other.top_px)
    right = min(p.left_px + p.patch.alpha.shape[1] for p in (one, other))
    bottom = min(p.top_px + p.patch.alpha.shape[0] for p in (one, other))
    if right <= left or bottom <= top:
        return np.zeros((0, 0), bool), np.zeros((0, 0), bool)
    first, second = (
        p.patch.alpha[top - p.top_px : bottom - p.top_px, left - p.left_px : right - p.left_px]
        > 0.5
        for p in (one, other)
    )
    return first, second
