"""Makes samples of several: mosaics of four, and cut-out objects laid on other backgrounds.

Cutting the objects out is left to `cutouts`; all chance comes from the caller's generator.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.cutouts import Cutout
from training.data.samples import Sample
from training.model.labels import NOT_JUDGED

PAD_VALUE = 114
MAX_COVERED = 0.35
"""An object of which more is covered by one laid later is not judged."""


PASTED_SIZE_PX = (26.0, 170.0)
"""Longer side of a cut-out when it is laid down."""


HEAP_SHARE = 0.5
"""Share of pasted pictures in which the objects lie close together."""


class Shadow(NamedTuple):
    """How the light falls in one picture: what a shadow leaves of it, and where it lies."""

    remaining: float
    x_px: int
    y_px: int


class Heap(NamedTuple):
    """Where objects lie close together, touching or over each other."""

    x_px: float
    y_px: float
    spread_px: float


def mosaic(samples: Sequence[Sample], rng: np.random.Generator) -> Sample:
    """Puts four samples of one size around a random middle, each cut where it leaves the picture.

    The picture has the size of the first; each part shows a random piece of its sample, unscaled.
    """
    height, width = samples[0].image_bgr.shape[:2]
    middle_x = int(rng.uniform(0.3, 0.7) * width)
    middle_y = int(rng.uniform(0.3, 0.7) * height)
    picture = np.full((height, width, 3), PAD_VALUE, np.uint8)
    boxes: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.int64]] = []
    quarters = (
        (0, 0, middle_x, middle_y),
        (middle_x, 0, width, middle_y),
        (0, middle_y, middle_x, height),
        (middle_x, middle_y, width, height),
    )
    for sample, (left, top, right, bottom) in zip(samples, quarters, strict=True):
        piece_width, piece_height = right - left, bottom - top
        given_height, given_width = sample.image_bgr.shape[:2]
        from_x = int(rng.integers(max(given_width - piece_width, 0) + 1))
        from_y = int(rng.integers(max(given_height - piece_height, 0) + 1))
        piece = sample.image_bgr[from_y : from_y + piece_height, from_x : from_x + piece_width]
        picture[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        moved, kept = _cut(sample, from_x, from_y, piece.shape[1], piece.shape[0])
        boxes.append(moved + np.array([left, top, left, top], np.float32))
        labels.append(kept)
    return Sample(picture, np.concatenate(boxes), np.concatenate(labels))


def paste(background: Sample, cutouts: Sequence[Cutout], rng: np.random.Generator) -> Sample:
    """Lays turned and scaled cut-outs, each with a soft shadow, on an image with its own objects.

    A later object may cover an earlier one; what is covered too much is not judged.
    """
    picture = background.image_bgr.astype(np.float32)
    top_layer = np.full(picture.shape[:2], -1, np.int16)
    laid: list[_Laid] = []
    shadow = Shadow(rng.uniform(0.3, 0.9), int(rng.integers(-6, 7)), int(rng.integers(-6, 7)))
    common_scale = rng.uniform(0.45, 1.15)
    heap = _draw_heap(picture.shape, rng) if rng.uniform() < HEAP_SHARE else None
    for cutout in cutouts:
        placed = _lay(picture, cutout, common_scale, (shadow, heap), rng)
        if placed is not None:
            top_layer[placed.window][placed.solid] = len(laid)
            laid.append(placed)
    labels = [
        NOT_JUDGED
        if (top_layer == index).sum() < (1 - MAX_COVERED) * placed.whole_area
        else placed.label
        for index, placed in enumerate(laid)
    ]
    boxes = np.array([placed.box_xyxy_px for placed in laid], np.float32).reshape(-1, 4)
    return Sample(
        picture.round().astype(np.uint8),
        np.concatenate((background.boxes_xyxy_px, boxes)),
        np.concatenate((_uncovered(background, top_layer >= 0), np.array(labels, np.int64))),
    )


class _Laid(NamedTuple):
    """One object that lies in a picture.

    Attributes:
        label: Its class index.
        window: The rows and columns of the picture that its patch covers.
        solid: bool, of the window's shape: where the object itself is.
        whole_area: Pixels of the object, those outside the picture too.
    """

    label: int
    window: tuple[slice, slice]
    solid: NDArray[np.bool_]
    whole_area: int

    @property
    def box_xyxy_px(self) -> tuple[int, int, int, int]:
        rows, columns = np.nonzero(self.solid)
        x, y = self.window[1].start, self.window[0].start
        return (x + columns.min(), y + rows.min(), x + columns.max() + 1, y + rows.max() + 1)


def _draw_heap(shape: tuple[int, ...], rng: np.random.Generator) -> Heap:
    height, width = shape[:2]
    return Heap(
        rng.uniform(0.3, 0.7) * width,
        rng.uniform(0.3, 0.7) * height,
        rng.uniform(0.1, 0.22) * width,
    )


def _lay(
    picture: NDArray[np.float32],
    cutout: Cutout,
    scale: float,
    setting: tuple[Shadow, Heap | None],
    rng: np.random.Generator,
) -> _Laid | None:
    """Draws a cut-out at a random place of the picture; None if nothing of it is inside."""
    height, width = picture.shape[:2]
    shadow, heap = setting
    size = max(cutout.alpha.shape)
    target = float(np.clip(size * scale * rng.uniform(0.8, 1.25), *PASTED_SIZE_PX))
    patch, alpha = _turned(cutout, rng.uniform(0, 360), target / size)
    patch_height, patch_width = alpha.shape
    if heap is None:
        left = int(rng.integers(-patch_width // 5, max(width - patch_width * 4 // 5, 1)))
        top = int(rng.integers(-patch_height // 5, max(height - patch_height * 4 // 5, 1)))
    else:
        left = int(rng.normal(heap.x_px, heap.spread_px)) - patch_width // 2
        top = int(rng.normal(heap.y_px, heap.spread_px)) - patch_height // 2
    _shade(picture, alpha, left, top, shadow)
    window = window_of(left, top, alpha.shape, picture.shape)
    if window is None:
        return None
    there, here = window
    mask = alpha[here][..., None]
    picture[there] = picture[there] * (1 - mask) + patch[here] * mask
    solid = alpha[here] > 0.5
    if not solid.any():
        return None
    return _Laid(cutout.label, there, solid, int((alpha > 0.5).sum()))


def _uncovered(sample: Sample, covered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the sample's labels, with those covered too much (bool [H, W]) as not judged."""
    labels = sample.labels.copy()
    for index, box in enumerate(sample.boxes_xyxy_px):
        left, top, right, bottom = box.round().astype(int)
        if covered[top:bottom, left:right].mean() > MAX_COVERED:
            labels[index] = NOT_JUDGED
    return labels


def _cut(
    sample: Sample, left: int, top: int, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Moves boxes into a window; what is cut by more than half is not judged."""
    moved = sample.boxes_xyxy_px - np.array([left, top, left, top], np.float32)
    limit = np.array([width, height, width, height], np.float32)
    clipped = np.clip(moved, 0, limit)
    before = np.prod(moved[:, 2:] - moved[:, :2], axis=1)
    after = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    labels = np.where(after < 0.5 * before, NOT_JUDGED, sample.labels)
    seen = after > 0
    return clipped[seen].astype(np.float32), labels[seen]


def _turned(
    cutout: Cutout, angle_deg: float, scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turns and scales a cut-out; gives float32 [h, w, 3] 0..255 and alpha float32 [h, w] 0..1."""
    height, width = cutout.image_bgr.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, scale)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width = max(int(height * sin + width * cos), 2)
    new_height = max(int(height * cos + width * sin), 2)
    shift = np.zeros_like(matrix)
    shift[:, 2] = new_width / 2 - width / 2, new_height / 2 - height / 2
    matrix = np.asarray(matrix + shift, np.float64)
    size = (new_width, new_height)
    patch = cv2.warpAffine(cutout.image_bgr, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(cutout.alpha, matrix, size)
    return np.asarray(patch, np.float32), np.asarray(alpha, np.float32) / np.float32(255)


def _shade(
    picture: NDArray[np.float32],
    alpha: NDArray[np.float32],
    left: int,
    top: int,
    shadow: Shadow,
) -> None:
    """Darkens the picture under and beside where an object will lie."""
    soft = cv2.GaussianBlur(alpha, (0, 0), 3) * (1 - shadow.remaining)
    window = window_of(left + shadow.x_px, top + shadow.y_px, soft.shape, picture.shape)
    if window is not None:
        there, here = window
        picture[there] *= 1 - soft[here][..., None]


def window_of(
    left: int, top: int, patch_shape: tuple[int, ...], picture_shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Where a patch lies in the picture, and which part of the patch that is; None if outside."""
    right = min(left + patch_shape[1], picture_shape[1])
    bottom = min(top + patch_shape[0], picture_shape[0])
    x, y = max(left, 0), max(top, 0)
    if right <= x or bottom <= y:
        return None
    there = (slice(y, bottom), slice(x, right))
    here = (slice(y - top, bottom - top), slice(x - left, right - left))
    return there, here
