"""Finds pictures that are nearly the same: saved again, resized, brighter, cropped, mirrored.

Two steps. Perceptual hashes (pHash and dHash of 64 bits each) find candidates: all pairs are
compared, but in blocks, by XOR and popcount. What the hashes think alike is then laid over each
other by an affine map that maximises correlation (Evangelidis and Psarakis, PAMI 2008); packaged
goods on a shelf share their hashes far more often than their pixels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.checks.pixels import LOOK_PX, Pixels
from beltmark.datasets.checks.progress import Progress

PHASH_BITS: Final = 18
DHASH_BITS: Final = 16
"""How many bits may differ; chosen on `shelf`, see docs/data-checks.md."""

CORRELATION: Final = 0.94
MOST_STRETCH: Final = 0.25
MOST_SHIFT_PX: Final = 12.0
"""Of 64: what is cut off at one side; the map that fits must not lead far away."""

MOST_DIFFERENCE: Final = 0.8
"""Of the contrast, in a patch. Copies reach 0.7; other items before one background 1 and more."""

MOST_CANDIDATES: Final = 12
"""For each picture, the most alike first; a film of a belt is alike throughout."""

_BLOCK: Final = 64
_CRITERIA: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-4)
_SMOOTHED_PX: Final = 5
_PATCH_PX: Final = 9
_EVERYWHERE: Final = np.ones((LOOK_PX, LOOK_PX), np.uint8)


@dataclass(frozen=True)
class Pair:
    """Two pictures that are nearly the same.

    Attributes:
        first: Index of one.
        second: Index of the other, higher.
        correlation: Of their pixels, laid over each other; up to 1.
        is_mirrored: One is the other as in a mirror.
    """

    first: int
    second: int
    correlation: float
    is_mirrored: bool


@dataclass(frozen=True)
class Candidate:
    """Two pictures whose hashes are alike; as `Pair`."""

    first: int
    second: int
    bits: int
    is_mirrored: bool


def near_pairs(
    hashes: NDArray[np.uint64],
    look_of: Callable[[int], NDArray[np.uint8]],
    progress: Progress,
) -> tuple[Pair, ...]:
    """Finds the pairs that are nearly the same.

    Args:
        hashes: uint64 [N, 2, 2]: of each picture as it is and as in a mirror, pHash and dHash.
        look_of: Gives the look of a picture, uint8 [64, 64].
        progress: Shows how far it is.
    """
    pairs = []
    for each in progress(candidates(hashes), "comparing pictures"):
        first, second = look_of(each.first), look_of(each.second)
        if each.is_mirrored:
            second = second[:, ::-1]
        correlation = aligned_correlation(first, second)
        if correlation >= CORRELATION:
            pairs.append(Pair(each.first, each.second, correlation, each.is_mirrored))
    return tuple(pairs)


def most_alike(
    given: Pixels, hashes: NDArray[np.uint64], look_of: Callable[[int], NDArray[np.uint8]]
) -> int | None:
    """Finds the picture that a given one is nearly the same as; a mirrored one is another.

    Args:
        given: The picture's measures.
        hashes: uint64 [N, 2, 2]: of the others, as for `near_pairs`.
        look_of: Gives the look of one of them, uint8 [64, 64].
    """
    _, columns, bits = _alike(given.hashes[None, 0], hashes[:, 0])
    for index in columns[np.argsort(bits, kind="stable")][:MOST_CANDIDATES].tolist():
        if aligned_correlation(given.look, look_of(index)) >= CORRELATION:
            return int(index)
    return None


def candidates(hashes: NDArray[np.uint64]) -> tuple[Candidate, ...]:
    """Finds pairs with hashes alike, each pair once; for each picture the most alike ones.

    Args:
        hashes: uint64 [N, 2, 2], as for `near_pairs`.
    """
    found: list[Candidate] = []
    for start in range(0, len(hashes), _BLOCK):
        block, others = hashes[start : start + _BLOCK, 0], hashes[start:]
        sides = [_alike(block, others[:, side]) for side in (0, 1)]
        rows, columns, bits = (np.concatenate(part) for part in zip(*sides, strict=True))
        is_mirrored = np.repeat((False, True), [len(side[0]) for side in sides])
        order = np.lexsort((columns, bits, rows))
        order = order[columns[order] > rows[order]]
        taken: dict[int, set[int]] = {}
        for index in order.tolist():
            row, column = int(rows[index]), int(columns[index])
            of_row = taken.setdefault(row, set())
            if len(of_row) < MOST_CANDIDATES and column not in of_row:
                of_row.add(column)
                found.append(
                    Candidate(
                        start + row, start + column, int(bits[index]), bool(is_mirrored[index])
                    )
                )
    return tuple(found)


def aligned_correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Lays two looks, uint8 [64, 64], over each other; returns their correlation, -1 if none fits.

    The map is affine, so that crops and other aspects fit; one that leads far away is no match. Nor
    is one where a patch differs: that is another object before the same background.
    """
    if first.std() < 1 or second.std() < 1:  # nothing to lay over
        return 1.0 if np.abs(first.astype(int) - second).max() < 8 else -1.0
    warp = np.eye(2, 3, dtype=np.float32)
    try:
        correlation, found = cv2.findTransformECC(
            first, second, warp, cv2.MOTION_AFFINE, _CRITERIA, _EVERYWHERE, _SMOOTHED_PX
        )
    except cv2.error:  # they have nothing in common, and it does not converge
        return -1.0
    warp = np.asarray(found, np.float32)
    moved = np.abs(warp - np.eye(2, 3))
    if moved[:, :2].max() > MOST_STRETCH or moved[:, 2].max() > MOST_SHIFT_PX:
        return -1.0
    if patch_difference(first, second, warp) > MOST_DIFFERENCE:
        return -1.0
    return float(correlation)


def patch_difference(
    first: NDArray[np.uint8], second: NDArray[np.uint8], warp: NDArray[np.float32]
) -> float:
    """Returns how much the most different patch differs, by the contrast of the first look.

    Args:
        first: uint8 [64, 64].
        second: uint8 [64, 64], brought to the brightness and contrast of the first.
        warp: float32 [2, 3], from places in the first to places in the second.
    """
    smooth = (_SMOOTHED_PX, _SMOOTHED_PX)
    one, other = (cv2.GaussianBlur(look.astype(np.float32), smooth, 0) for look in (first, second))
    moved, inside = (
        cv2.warpAffine(
            given, warp, (LOOK_PX, LOOK_PX), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        for given in (other, np.ones((LOOK_PX, LOOK_PX), np.float32))
    )
    shared = cv2.erode((inside > 0.99).astype(np.float32), np.ones((3, 3))) > 0
    if not shared.any():
        return math.inf
    x, y = moved[shared], one[shared]
    gain = float(((x - x.mean()) * (y - y.mean())).mean() / max(float(x.var()), 1e-6))
    rest = np.where(shared, np.abs(one - y.mean() - gain * (moved - x.mean())), 0.0)
    share = np.maximum(cv2.blur(shared.astype(np.float32), (_PATCH_PX, _PATCH_PX)), 0.3)
    patches = cv2.blur(rest.astype(np.float32), (_PATCH_PX, _PATCH_PX)) / share
    return float(patches[shared].max() / max(float(y.std()), 1.0))


def _alike(
    block: NDArray[np.uint64], others: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows, columns and differing bits of the pairs of [B, 2] and [N, 2] hashes that are alike."""
    phash = np.bitwise_count(block[:, None, 0] ^ others[None, :, 0])
    rows, columns = np.nonzero(phash <= PHASH_BITS)
    dhash = np.bitwise_count(block[rows, 1] ^ others[columns, 1])
    kept = dhash <= DHASH_BITS
    rows, columns = rows[kept], columns[kept]
    return rows, columns, phash[rows, columns].astype(np.int64) + dhash[kept]
