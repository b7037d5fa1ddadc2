"""A printed label stuck onto an item: white, with a symbol and lines of text."""

from dataclasses import replace

import numpy as np

from beltmark.simulation.solid import TEXELS_PER_MM, ImageArray, Solid

_CELL = 2
"""Texels per module of the symbol."""


def with_sticker(
    solid: Solid, rng: np.random.Generator, x_mm: float, y_mm: float, size_mm: tuple[float, float]
) -> Solid:
    """Give the item with a label around (x_mm, y_mm) in its own axes."""
    rows, columns = solid.gloss.shape
    width = min(int(size_mm[0] * TEXELS_PER_MM), columns - 4)
    height = min(int(size_mm[1] * TEXELS_PER_MM), rows - 4)
    left = int(np.clip(columns / 2 + x_mm * TEXELS_PER_MM - width / 2, 2, columns - width - 2))
    top = int(np.clip(rows / 2 + y_mm * TEXELS_PER_MM - height / 2, 2, rows - height - 2))
    art = solid.top_bgr.copy()
    gloss = solid.gloss.copy()
    art[top : top + height, left : left + width] = _label(rng, width, height)
    gloss[top : top + height, left : left + width] = 0.15
    return replace(solid, top_bgr=art, gloss=gloss)


def _label(rng: np.random.Generator, width: int, height: int) -> ImageArray:
    label = np.full((height, width, 3), 247, np.uint8)
    side = max(min(height - 6, width // 2 - 4) // _CELL, 4)
    modules = (rng.uniform(size=(side, side)) < 0.5).astype(np.uint8)
    modules[:, 0] = modules[-1, :] = 1  # the L of a DataMatrix, and its clock track
    modules[0, :] = np.arange(side) % 2 == 0
    modules[:, -1] = np.arange(side) % 2
    symbol = np.kron(1 - modules, np.ones((_CELL, _CELL), np.uint8)) * 220 + 20
    fit = label[3 : 3 + symbol.shape[0], 3 : 3 + symbol.shape[1]]
    fit[:] = symbol[: fit.shape[0], : fit.shape[1], None]
    for row in range(4, height - 4, 5):
        until = width - 3 - int(rng.integers(0, max(width // 5, 1)))
        label[row : row + 2, side * _CELL + 6 : until] = 60
    return label
