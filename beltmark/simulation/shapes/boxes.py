"""Goods with a flat or pillow-like footprint: cartons and pouches."""

import numpy as np

from beltmark.simulation.artwork import Palette, draw_artwork, draw_colour, draw_palette
from beltmark.simulation.solid import (
    TEXELS_PER_MM,
    FloatArray,
    Grid,
    ImageArray,
    Solid,
    columns_mm,
    inner_distance_mm,
    smooth_noise,
    soften,
)


def carton(rng: np.random.Generator) -> Solid:
    """A folding carton or a shipping box: bevelled block, flap seam, sometimes tape."""
    long_mm = float(rng.uniform(55, 140))
    wide_mm = float(long_mm * rng.uniform(0.42, 0.95))
    high_mm = float(rng.uniform(18, 75))
    grid = Grid.of(long_mm, wide_mm)
    corner = float(rng.uniform(0.5, 2.5))
    skew = float(rng.normal(0, 0.015))
    across = np.abs(grid.x_mm + skew * grid.y_mm) - (long_mm / 2 - corner)
    along = np.abs(grid.y_mm) - (wide_mm / 2 - corner)
    edge = np.hypot(np.maximum(across, 0), np.maximum(along, 0)) - corner
    inside = edge + np.minimum(np.maximum(across, along), 0) < 0
    bevel = float(rng.uniform(0.6, 2.0))
    depth = inner_distance_mm(inside)
    top = high_mm - np.maximum(bevel - depth, 0) * 0.8
    top += smooth_noise(rng, grid.shape, (3, 4)) * rng.uniform(0.0, 1.0)  # card is never flat

    palette = draw_palette(rng)
    shipping = rng.uniform() < 0.2
    if shipping:
        palette = _cardboard(rng, palette)
    rows, columns = grid.shape
    art = draw_artwork(rng, columns, rows, palette)
    gloss = np.full(grid.shape, 0.05 if shipping else rng.uniform(0.05, 0.4), np.float32)
    if rng.uniform() < (0.7 if shipping else 0.25):
        _tape(rng, grid.y_mm / wide_mm, art, gloss)
    if rng.uniform() < 0.4:
        _flap(rng, grid, top, art, long_mm)
    side_rows = int(high_mm * TEXELS_PER_MM) + 2
    sides = draw_artwork(rng, columns + rows, side_rows, palette)
    on_long_face = along > across
    side_texel = np.where(
        on_long_face,
        (grid.x_mm + long_mm / 2) * TEXELS_PER_MM,
        columns + (grid.y_mm + wide_mm / 2) * TEXELS_PER_MM,
    ).astype(np.float32)
    floor = np.zeros(grid.shape, np.float32)
    return Solid(columns_mm(floor, top, inside), art, sides[::-1].copy(), side_texel, gloss)


def _cardboard(rng: np.random.Generator, palette: Palette) -> Palette:
    brown = (int(rng.integers(90, 140)), int(rng.integers(140, 175)), int(rng.integers(175, 205)))
    return Palette(brown, (95, 135, 165), palette.accent, (40, 45, 55))


def _tape(rng: np.random.Generator, across: FloatArray, art: ImageArray, gloss: FloatArray) -> None:
    """Tape over the closing seam; `across` is the place over the width, [H, W] in -0.5..0.5."""
    stripe = np.abs(across) < rng.uniform(0.12, 0.25)
    colour = np.array(draw_colour(rng, 0.5), np.float32)
    art[stripe] = (art[stripe] * 0.45 + colour * 0.55).astype(np.uint8)
    gloss[stripe] = 0.7
    seam = np.abs(across) < 0.006
    art[seam] = (art[seam] * 0.5).astype(np.uint8)


def _flap(
    rng: np.random.Generator, grid: Grid, top: FloatArray, art: ImageArray, long_mm: float
) -> None:
    """The closing flap: a seam across the top with a slight step in height."""
    seam_mm = float(long_mm * rng.uniform(0.2, 0.42))
    side = np.float32(rng.choice([-1.0, 1.0]))
    beyond = grid.x_mm * side > seam_mm
    rise = float(rng.uniform(0.5, 3.5))
    top[beyond] += ((grid.x_mm * side - seam_mm)[beyond] / long_mm * 6 * rise).astype(np.float32)
    line = np.abs(grid.x_mm * side - seam_mm) < 0.5
    art[line] = (art[line] * 0.45).astype(np.uint8)


def pouch(rng: np.random.Generator) -> Solid:
    """A filled pouch: a pillow with crimped seals at its ends and wrinkles running into them."""
    long_mm = float(rng.uniform(80, 150))
    wide_mm = float(long_mm * rng.uniform(0.55, 0.85))
    high_mm = float(rng.uniform(16, 34))
    seal_mm = float(rng.uniform(6, 11))
    grid = Grid.of(long_mm, wide_mm)
    # A filled pouch draws its long edges in: the waist is narrower than the seals.
    ends = np.abs(grid.x_mm) / (long_mm / 2)
    half_wide = wide_mm / 2 * (1 - rng.uniform(0.04, 0.12) * (1 - np.minimum(ends, 1) ** 3))
    half_wide += smooth_noise(rng, grid.shape, (2, 7)) * 0.9
    tooth = np.abs((grid.y_mm / rng.uniform(2.5, 4.0)) % 1.0 - 0.5) * 2 * rng.uniform(1.0, 2.4)
    inside = (np.abs(grid.y_mm) < half_wide) & (np.abs(grid.x_mm) < long_mm / 2 - tooth)
    belly_x = np.clip(1 - np.abs(grid.x_mm) / (long_mm / 2 - seal_mm), 0, 1)
    belly_y = np.clip(1 - np.abs(grid.y_mm) / half_wide, 0, 1)
    pillow = np.clip(belly_x * 2.2, 0, 1) ** 0.7 * np.clip(belly_y * 2.0, 0, 1) ** 0.6
    pillow = np.sin(pillow * np.pi / 2)
    wrinkle = np.abs(smooth_noise(rng, grid.shape, (int(rng.integers(9, 16)), 3)))
    near_seal = np.exp(-((((1 - ends) * long_mm / 2 - seal_mm) / (long_mm * 0.13)) ** 2))
    folds = np.abs(smooth_noise(rng, grid.shape, (7, 7)))
    bulk = np.clip(pillow * 1.6, 0, 1)
    top = high_mm * pillow - wrinkle * near_seal * 5.0 * bulk - folds * bulk * 2.2
    sealed = np.abs(grid.x_mm) > long_mm / 2 - seal_mm
    ridges = 0.5 * np.sin(grid.x_mm * np.float32(2 * np.pi / 2.2))
    lift = high_mm * 0.22 * smooth_noise(rng, grid.shape, (3, 2)) ** 2
    top = np.where(sealed, 1.4 + ridges, top + 1.2) + lift
    palette = draw_palette(rng)
    rows, columns = grid.shape
    art = draw_artwork(rng, columns, rows, palette)
    if rng.uniform() < 0.7:  # seals are often plain film or one colour
        art[sealed] = palette.second if rng.uniform() < 0.6 else (200, 203, 205)
    groove = sealed & (ridges < -0.15)
    art[groove] = (art[groove] * 0.6).astype(np.uint8)
    gloss = np.full(grid.shape, rng.uniform(0.35, 0.9), np.float32)
    floor = np.zeros(grid.shape, np.float32)
    top = soften(top.astype(np.float32), 0.8)
    return Solid(columns_mm(floor, top, inside), art, None, None, gloss)
