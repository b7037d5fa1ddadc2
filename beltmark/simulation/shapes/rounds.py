"""Goods that stand on a round base: cans and cups seen from above."""

import numpy as np
from numpy.typing import NDArray

from beltmark.simulation.artwork import Palette, draw_artwork, draw_colour, draw_palette
from beltmark.simulation.solid import (
    TEXELS_PER_MM,
    FloatArray,
    Grid,
    ImageArray,
    Solid,
    columns_mm,
    sample,
    soften,
)

METAL = (188, 190, 192)


def standing_can(rng: np.random.Generator) -> Solid:
    """A can on its base: a seamed metal rim around a recessed lid, often with a pull tab."""
    radius = float(rng.uniform(24, 44))
    high = float(rng.uniform(40, 110) if rng.uniform() < 0.7 else rng.uniform(25, 40))
    grid = Grid.of(2 * radius, 2 * radius)
    away = np.hypot(grid.x_mm, grid.y_mm)
    inside = away < radius
    rim = float(rng.uniform(1.8, 3.0))
    recess = float(rng.uniform(2.5, 5.0))
    top = np.where(away > radius - rim, high, high - recess).astype(np.float32)
    top -= np.float32(1.5) * (np.abs(away - radius * 0.78) < 1.2)  # pressed rings
    top -= np.float32(0.9) * (np.abs(away - radius * 0.55) < 0.8)
    art = _metal_disc(rng, grid, away, radius)
    if rng.uniform() < 0.75:
        _pull_tab(rng, grid, top, art, radius)
    top = soften(top, 0.7)
    gloss = np.full(grid.shape, 0.95, np.float32)
    sides = _wrapped(rng, radius, high, draw_palette(rng))
    _metal_rings(sides, high)
    floor = np.zeros(grid.shape, np.float32)
    return Solid(columns_mm(floor, top, inside), art, sides, around(grid, radius), gloss)


def _metal_disc(
    rng: np.random.Generator, grid: Grid, away: FloatArray, radius: float
) -> ImageArray:
    tint = np.array(METAL, np.float32) if rng.uniform() < 0.7 else np.array((120, 175, 205))
    turned = 1 + 0.05 * np.sin(away * 9.0)
    art = np.asarray(np.clip(tint * turned[..., None] * rng.uniform(0.8, 1.1), 0, 255), np.uint8)
    art[np.abs(away - radius * 0.78) < 0.9] = (105, 106, 108)
    art[np.abs(away - (radius - 3.2)) < 0.9] = (90, 92, 95)
    return art


def _pull_tab(
    rng: np.random.Generator,
    grid: Grid,
    top: FloatArray,
    art: ImageArray,
    radius: float,
) -> None:
    turn = float(rng.uniform(0, 2 * np.pi))
    along = grid.x_mm * np.cos(turn) + grid.y_mm * np.sin(turn)
    across = -grid.x_mm * np.sin(turn) + grid.y_mm * np.cos(turn)
    length, width = radius * 0.36, radius * 0.22
    tab = (np.abs(along - radius * 0.12) / length) ** 3 + (np.abs(across) / width) ** 3 < 1
    hole = ((along - radius * 0.28) / (length * 0.42)) ** 2 + (across / (width * 0.55)) ** 2 < 1
    mouth = ((along + radius * 0.42) / (radius * 0.3)) ** 2 + (across / (radius * 0.34)) ** 2
    art[np.abs(mouth - 1) < 0.16] = (95, 97, 100)
    tab &= ~hole
    top[tab] = np.median(top) + 1.6
    art[tab] = (150, 152, 155) if rng.uniform() < 0.6 else draw_colour(rng)
    art[hole] = (70, 72, 75)


def _metal_rings(sides: ImageArray, high: float) -> None:
    """Steel shows at both ends of a can's wall."""
    ring = max(int(2.5 * TEXELS_PER_MM), 2)
    sides[:ring] = METAL
    sides[int(high * TEXELS_PER_MM) - ring :] = METAL


def standing_cup(rng: np.random.Generator) -> Solid:
    """A cup that widens upwards: with a drinking lid, a foil lid, or open and empty."""
    rim_radius = float(rng.uniform(28, 45))
    foot_radius = rim_radius * float(rng.uniform(0.6, 0.76))
    high = float(rng.uniform(55, 115))
    kind = ("drinking lid", "foil lid", "open")[int(rng.integers(3))]
    tab_mm = rim_radius * 0.34 if kind == "foil lid" else 0.0
    grid = Grid.of(2 * (rim_radius + tab_mm), 2 * (rim_radius + tab_mm))
    away = np.hypot(grid.x_mm, grid.y_mm)
    inside = away < rim_radius
    palette = draw_palette(rng)
    widening = np.clip((away - foot_radius) / (rim_radius - 2.0 - foot_radius), 0, 1)
    bottom = (widening * (high - 4.0)).astype(np.float32)
    if kind == "drinking lid":
        top, art = _drinking_lid(rng, grid, away, rim_radius, high)
        gloss_level = 0.45
    elif kind == "foil lid":
        top, art, inside = _foil_lid(rng, grid, rim_radius, high, palette)
        bottom = np.where(away > rim_radius - 1, high - 1.5, bottom).astype(np.float32)
        gloss_level = 0.75
    else:
        top, art = _open_cup(rng, away, rim_radius, foot_radius, high)
        gloss_level = 0.25
    bottom = np.minimum(bottom, np.maximum(top - 2.0, 0.0)).astype(np.float32)  # no wall is open
    gloss = np.full(grid.shape, gloss_level, np.float32)
    sides = _wrapped(rng, rim_radius, high, palette)
    return Solid(columns_mm(bottom, top, inside), art, sides, around(grid, rim_radius), gloss)


def _drinking_lid(
    rng: np.random.Generator, grid: Grid, away: FloatArray, radius: float, high: float
) -> tuple[FloatArray, ImageArray]:
    lid = ((235, 238, 240), (40, 40, 42), (45, 60, 85))[int(rng.integers(3))]
    art = np.empty((*grid.shape, 3), np.uint8)
    art[:] = lid
    dome = np.float32(7.0) * (away < radius * 0.84)
    dish = np.float32(5.0) * (away < radius * 0.68)
    top = (high + dome - dish).astype(np.float32)
    top = soften(top, 1.1)
    turn = float(rng.uniform(0, 2 * np.pi))
    along = grid.x_mm * np.cos(turn) + grid.y_mm * np.sin(turn)
    across = -grid.x_mm * np.sin(turn) + grid.y_mm * np.cos(turn)
    sip = ((along - radius * 0.76) / 2.0) ** 2 + (across / 5.5) ** 2 < 1
    art[sip] = (20, 20, 22)
    art[np.abs(away - radius * 0.9) < 0.7] = tuple(int(c * 0.7) for c in lid)
    return top, art


def _foil_lid(
    rng: np.random.Generator, grid: Grid, radius: float, high: float, palette: Palette
) -> tuple[FloatArray, ImageArray, NDArray[np.bool_]]:
    rows, columns = grid.shape
    art = draw_artwork(rng, columns, rows, palette)
    away = np.hypot(grid.x_mm, grid.y_mm)
    turn = float(rng.uniform(0, 2 * np.pi))
    along = grid.x_mm * np.cos(turn) + grid.y_mm * np.sin(turn)
    across = -grid.x_mm * np.sin(turn) + grid.y_mm * np.cos(turn)
    tab = (along > 0) & (np.hypot(along - radius * 1.08, across) < radius * 0.24)
    rim = np.abs(away - radius * 0.93) < radius * 0.045
    top = (high - 1.2 * (away < radius * 0.86) + 0.8 * rim).astype(np.float32)
    top = soften(top, 0.7)
    art[away > radius * 0.87] = (215, 218, 220)
    return top, art, (away < radius) | tab


def _open_cup(
    rng: np.random.Generator, away: FloatArray, rim: float, foot: float, high: float
) -> tuple[FloatArray, ImageArray]:
    wall = 2.6
    inner = np.clip((away - foot * 0.9) / (rim - wall - foot * 0.9), 0, 1)
    top = np.where(away > rim - wall, high, 4.0 + inner * (high - 8.0)).astype(np.float32)
    art = np.empty((*away.shape, 3), np.uint8)
    art[:] = (228, 232, 236) if rng.uniform() < 0.6 else draw_colour(rng, 0.6)
    deep = np.where(away > rim - wall, 1.0, 0.45 + 0.4 * inner)  # little light reaches the bottom
    art[:] = (art * deep[..., None]).astype(np.uint8)
    if rng.uniform() < 0.4:  # something to drink
        level = high * float(rng.uniform(0.4, 0.75))
        drink = (top < level) & (away < rim - wall)
        top[drink] = level
        art[drink] = ((25, 40, 70), (40, 120, 200), (60, 45, 110))[int(rng.integers(3))]
    return top, art


def upturned_cup(rng: np.random.Generator) -> Solid:
    """A cup standing on its rim: a cone that widens towards the belt, with a recessed base."""
    rim_radius = float(rng.uniform(28, 45))
    foot_radius = rim_radius * float(rng.uniform(0.6, 0.74))
    high = float(rng.uniform(50, 105))
    grid = Grid.of(2 * rim_radius, 2 * rim_radius)
    away = np.hypot(grid.x_mm, grid.y_mm)
    inside = away < rim_radius
    cone = np.clip((rim_radius - 1.5 - away) / (rim_radius - 1.5 - foot_radius), 0, 1)
    top = (high * cone).astype(np.float32)
    top[away < foot_radius - 2.5] -= 4.0
    top = np.maximum(top, np.where(inside, 3.0, 0.0)).astype(np.float32)  # the rolled rim
    palette = draw_palette(rng)
    sides = _wrapped(rng, rim_radius, high, palette)
    column = around(grid, rim_radius)
    art = sample(sides, column, (top * TEXELS_PER_MM).astype(np.float32))
    base = (228, 232, 236) if rng.uniform() < 0.7 else palette.base
    art[away < foot_radius - 0.5] = base
    gloss = np.full(grid.shape, 0.2, np.float32)
    floor = np.zeros(grid.shape, np.float32)
    return Solid(columns_mm(floor, top, inside), art, sides, column, gloss)


def around(grid: Grid, radius: float) -> FloatArray:
    """The wall's texture column around a round body, [H, W] float32 texels."""
    angle = np.arctan2(grid.y_mm, grid.x_mm) + np.pi
    return (angle * radius * TEXELS_PER_MM).astype(np.float32)


def _wrapped(rng: np.random.Generator, radius: float, high: float, palette: Palette) -> ImageArray:
    """A design that runs around a wall; row 0 is the foot."""
    width = int(2 * np.pi * radius * TEXELS_PER_MM) + 2
    face = draw_artwork(rng, width // 2, int(high * TEXELS_PER_MM) + 2, palette)
    return np.ascontiguousarray(np.hstack([face, face])[::-1])
