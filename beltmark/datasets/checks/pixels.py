"""What is measured of one picture: how light, sharp and telling it is, and what it looks like.

Pure. What is too dark or too much alike is left to `looks` and `alike`.
"""

import io
from dataclasses import dataclass
from typing import Final

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

VERSION: Final = "1"
"""Raised when something is measured otherwise, so that nothing older is taken from a memory."""

LOOK_PX: Final = 64
_BORDER_LEVELS: Final = 12
_MEASURED_PX: Final = 512
_BLUR_PX: Final = 11


@dataclass(frozen=True, eq=False)
class Pixels:
    """Measures of one picture.

    Attributes:
        width_px: Of the file, as stored.
        height_px: Likewise.
        dark_level: The 99th percentile of luma, 0..1: how light the lightest parts are.
        bright_level: The 5th percentile of luma, 0..1: how light the darkest parts are.
        blur: 0 for sharp to 1, as in Crete et al., "The blur effect", SPIE 6492, 2007.
        entropy_bits: Of the histogram of luma, 0..8.
        colour_levels: Mean difference between the largest and the smallest channel, 0..255.
        look: What it looks like: uint8 [64, 64], luma, letterbox bars cut off.
        hashes: uint64 [2, 2]: pHash and dHash of the look, then of the look as in a mirror.
    """

    width_px: int
    height_px: int
    dark_level: float
    bright_level: float
    blur: float
    entropy_bits: float
    colour_levels: float
    look: NDArray[np.uint8]
    hashes: NDArray[np.uint64]


def measure(picture: NDArray[np.uint8]) -> Pixels:
    """Measures a picture, uint8 [H, W, 3], 0..255, BGR."""
    height_px, width_px = picture.shape[:2]
    content = _without_bars(picture)
    look = np.asarray(
        cv2.resize(_luma(content), (LOOK_PX, LOOK_PX), interpolation=cv2.INTER_AREA), np.uint8
    )
    scale = _MEASURED_PX / max(content.shape[:2])
    if scale < 1:
        size = (max(1, round(content.shape[1] * scale)), max(1, round(content.shape[0] * scale)))
        content = np.asarray(cv2.resize(content, size, interpolation=cv2.INTER_AREA), np.uint8)
    luma = _luma(content)
    histogram = np.bincount(luma.reshape(-1), minlength=256) / luma.size
    present = histogram[histogram > 0]
    below = np.cumsum(histogram)
    return Pixels(
        width_px,
        height_px,
        float(np.searchsorted(below, 0.99)) / 255,
        float(np.searchsorted(below, 0.05)) / 255,
        _blur(luma),
        float(-(present * np.log2(present)).sum()),
        float((content.max(2) - content.min(2)).mean()),
        look,
        np.array([_hashes(look), _hashes(look[:, ::-1])], np.uint64),
    )


def pack(pixels: Pixels) -> bytes:
    """Writes measures down, for `unpack`."""
    with io.BytesIO() as file:
        numbers = (
            pixels.width_px,
            pixels.height_px,
            pixels.dark_level,
            pixels.bright_level,
            pixels.blur,
            pixels.entropy_bits,
            pixels.colour_levels,
        )
        file.write(np.array(numbers, "<f8").tobytes())
        file.write(pixels.hashes.astype("<u8").tobytes())
        file.write(pixels.look.tobytes())
        return file.getvalue()


def unpack(content: bytes) -> Pixels:
    """Reads what `pack` wrote."""
    numbers = np.frombuffer(content, "<f8", 7)
    hashes = np.frombuffer(content, "<u8", 4, offset=56).reshape(2, 2)
    look = np.frombuffer(content, np.uint8, offset=88).reshape(LOOK_PX, LOOK_PX)
    width_px, height_px, dark, bright, blur, entropy, colour = numbers.tolist()
    return Pixels(int(width_px), int(height_px), dark, bright, blur, entropy, colour, look, hashes)


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _without_bars(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cuts off rows and columns of one colour at the borders; a picture of one colour stays."""
    luma = _luma(picture)
    rows, columns = (
        np.flatnonzero(luma.max(axis).astype(int) - luma.min(axis) > _BORDER_LEVELS)
        for axis in (1, 0)
    )
    if not len(rows) or not len(columns):
        return picture
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _blur(luma: NDArray[np.uint8]) -> float:
    """How little of the change from pixel to pixel is lost when it is blurred once more."""
    sharp = luma.astype(np.float32)
    found = []
    for axis, kernel in ((0, (1, _BLUR_PX)), (1, (_BLUR_PX, 1))):
        change = np.abs(np.diff(sharp, axis=axis))
        left = np.abs(np.diff(cv2.blur(sharp, kernel), axis=axis))
        total = float(change.sum())
        lost = float(np.maximum(change - left, 0).sum())
        found.append(1 - lost / total if total else 1.0)
    return max(found)


def _hashes(look: NDArray[np.uint8]) -> tuple[int, int]:
    image = Image.fromarray(look)
    return _as_number(imagehash.phash(image)), _as_number(imagehash.dhash(image))


def _as_number(found: imagehash.ImageHash) -> int:
    return int.from_bytes(np.packbits(found.hash.reshape(-1)).tobytes(), "big")
