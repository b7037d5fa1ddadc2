"""Things that do not belong on the belt: none of them has the shape of a product."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.simulation.artwork import draw_artwork, draw_colour, draw_palette
from beltmark.simulation.solid import (
    TEXELS_PER_MM,
    Grid,
    Solid,
    columns_mm,
    inner_distance_mm,
    smooth_noise,
    soften,
)

Heights = NDArray[np.floating[Any]]
"""Heights over the belt, [H, W], in mm."""

Outline = NDArray[np.uint8]
"""A mask on an item's grid, [H, W] uint8, 255 inside."""


def foreign_object(rng: np.random.Generator) -> Solid:
    """Any object that is no product."""
    makers = (_tape_roll, _paper_ball, _flat_tool, _flat_tool, _flat_tool, _pen, _lump, _rag)
    return makers[int(rng.integers(len(makers)))](rng)


def _tape_roll(rng: np.random.Generator) -> Solid:
    outer = float(rng.uniform(25, 50))
    inner = outer * float(rng.uniform(0.45, 0.8))
    high = float(rng.uniform(8, 45))
    grid = Grid.of(2 * outer, 2 * outer)
    away = np.hypot(grid.x_mm, grid.y_mm)
    inside = (away < outer) & (away > inner)
    top = np.full(grid.shape, high, np.float32)
    art = np.empty((*grid.shape, 3), np.uint8)
    art[:] = draw_colour(rng)
    core = away < inner + outer * 0.1
    art[core] = (120, 165, 195)
    art[(np.sin(away * 6.0) > 0.6) & ~core] = (art[0, 0] * 0.85).astype(np.uint8)
    return _plain((np.zeros_like(top), top), inside, art, float(rng.uniform(0.1, 0.6)))


def _paper_ball(rng: np.random.Generator) -> Solid:
    radius = float(rng.uniform(22, 45))
    grid = Grid.of(2.5 * radius, 2.5 * radius)
    angle = np.arctan2(grid.y_mm, grid.x_mm)
    bumpy = np.ones_like(grid.x_mm)
    for wave in range(2, 9):
        bumpy += rng.normal(0, 0.16 / wave) * np.sin(wave * angle + rng.uniform(0, 6.3))
    part = np.hypot(grid.x_mm, grid.y_mm) / (radius * np.clip(bumpy, 0.5, 1.25))
    inside = part < 1
    cells = int(rng.integers(7, 14))
    crumple = np.abs(smooth_noise(rng, grid.shape, (cells, cells)))
    crumple += 0.5 * np.abs(smooth_noise(rng, grid.shape, (2 * cells, 2 * cells)))
    dome = np.sqrt(np.clip(1 - part**2, 0, 1)) * radius
    top = dome * (1.1 - 0.35 * crumple) + 2
    art = np.empty((*grid.shape, 3), np.uint8)
    art[:] = (225, 230, 232) if rng.uniform() < 0.6 else draw_colour(rng)
    if rng.uniform() < 0.3:
        art[:] = draw_artwork(rng, grid.shape[1], grid.shape[0], draw_palette(rng))
    return _plain((np.zeros_like(top), top), inside, art, 0.1)


def _pen(rng: np.random.Generator) -> Solid:
    """A pen, marker or stick: long and thin, with a point."""
    long_mm = float(rng.uniform(90, 170))
    radius = float(rng.uniform(3.5, 6.5))
    grid = Grid.of(long_mm, 2 * radius)
    along = grid.x_mm + long_mm / 2
    half = radius * np.clip((along + 1) / (long_mm * 0.12), 0.12, 1.0)
    inside = (np.abs(grid.y_mm) < half) & (np.abs(grid.x_mm) < long_mm / 2)
    bulge = np.sqrt(np.clip(1 - (grid.y_mm / half) ** 2, 0, 1)) * half
    art = np.empty((*grid.shape, 3), np.uint8)
    art[:] = draw_colour(rng)
    art[along < long_mm * rng.uniform(0.08, 0.4)] = draw_colour(rng)
    art[along > long_mm * rng.uniform(0.85, 0.98)] = draw_colour(rng)
    return _plain((radius - bulge, radius + bulge), inside, art, float(rng.uniform(0.2, 0.8)))


def _lump(rng: np.random.Generator) -> Solid:
    """A smooth irregular lump such as a stone, a potato or a lost part."""
    radius = float(rng.uniform(20, 42))
    grid = Grid.of(2.7 * radius, 2.7 * radius)
    angle = np.arctan2(grid.y_mm, grid.x_mm)
    outline = np.ones_like(grid.x_mm)
    for wave in range(2, 6):
        outline += rng.normal(0, 0.3 / wave) * np.sin(wave * angle + rng.uniform(0, 6.3))
    outline = np.clip(outline, 0.45, 1.3)
    part = np.hypot(grid.x_mm, grid.y_mm) / (radius * outline)
    inside = part < 1
    top = np.sqrt(np.clip(1 - part**2, 0, 1)) * radius * rng.uniform(0.4, 0.9)
    top = top * (1 + 0.15 * smooth_noise(rng, grid.shape, (5, 5))) + 1
    art = np.empty((*grid.shape, 3), np.uint8)
    art[:] = draw_colour(rng, 0.7)
    mottle = 1 + 0.2 * smooth_noise(rng, grid.shape, (12, 12))
    art[:] = np.clip(art * mottle[..., None], 0, 255).astype(np.uint8)
    return _plain((np.zeros_like(top), top), inside, art, float(rng.uniform(0, 0.5)))


def _rag(rng: np.random.Generator) -> Solid:
    """A cloth or film lying in folds, with a ragged outline."""
    size = float(rng.uniform(70, 120))
    grid = Grid.of(size, size)
    angle = np.arctan2(grid.y_mm, grid.x_mm)
    outline = np.full(grid.shape, 0.36, np.float32)
    for wave in range(3, 12):
        outline += rng.normal(0, 0.22 / wave) * np.sin(wave * angle + rng.uniform(0, 6.3))
    inside = np.hypot(grid.x_mm, grid.y_mm) < size * np.clip(outline, 0.16, 0.5)
    folds = np.abs(smooth_noise(rng, grid.shape, (6, 8))) ** 0.7
    top = 2 + folds * rng.uniform(8, 18)
    art = np.empty((*grid.shape, 3), np.uint8)
    art[:] = draw_colour(rng, 0.8)
    stripe = np.sin((grid.x_mm + 6 * folds) * rng.uniform(0.3, 0.9)) > 0.7
    if rng.uniform() < 0.5:
        art[stripe] = draw_colour(rng)
    return _plain((np.zeros_like(top), top), inside, art, 0.1)


def _flat_tool(rng: np.random.Generator) -> Solid:
    """A thing cut or forged from one outline: a tool, a key, a glove, a gear, a cross."""
    size = float(rng.uniform(80, 150))
    outlines: tuple[Callable[[np.random.Generator, int], Outline], ...] = (
        _wrench, _glove, _gear, _key, _scissors, _cross, _cable, _bolt, _spoon,
    )  # fmt: skip
    maker = outlines[int(rng.integers(len(outlines)))]
    if maker in (_gear, _key, _bolt):
        size *= 0.6
    grid = Grid.of(size, size)
    rows = grid.shape[0]
    inside = maker(rng, rows)[:, : grid.shape[1]] > 127
    high = float(rng.uniform(3, 9)) * (1.8 if maker in (_glove, _bolt) else 1.0)
    depth = inner_distance_mm(inside)
    top = high * np.sqrt(np.clip(1 - (1 - np.clip(depth / high, 0, 1)) ** 2, 0, 1)) + 1.2
    if maker is _glove:
        top += 1.5 * smooth_noise(rng, grid.shape, (14, 14)) * (depth > 1)
    art = np.empty((*grid.shape, 3), np.uint8)
    metal = maker in (_wrench, _gear, _key, _bolt, _spoon) and rng.uniform() < 0.7
    art[:] = (165, 168, 170) if metal else draw_colour(rng)
    if maker in (_scissors, _glove) and rng.uniform() < 0.7:
        art[:, : int(rng.uniform(0.3, 0.5) * rows)] = draw_colour(rng)
    return _plain((np.zeros_like(top), top), inside, art, 0.9 if metal else 0.25)


def _canvas(rows: int) -> Outline:
    return np.zeros((rows, rows), np.uint8)


def _line(mask: Outline, points: list[tuple[float, float]], width: float, value: int = 255) -> None:
    """Stroke a polyline given in parts of the mask's size."""
    rows = mask.shape[0]
    path = (np.array(points) * rows).astype(np.int32)
    cv2.polylines(mask, [path], False, value, max(int(width * rows), 2))
    for x, y in path:
        cv2.circle(mask, (int(x), int(y)), max(int(width * rows / 2), 1), value, -1)


def _disc(mask: Outline, x: float, y: float, radius: float, value: int = 255) -> None:
    rows = mask.shape[0]
    cv2.circle(mask, (int(x * rows), int(y * rows)), max(int(radius * rows), 1), value, -1)


def _wrench(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    _line(mask, [(0.2, 0.5), (0.8, 0.5)], 0.09)
    _disc(mask, 0.18, 0.5, 0.13)
    _line(mask, [(0.0, 0.5), (0.16, 0.5)], 0.1, 0)
    _disc(mask, 0.82, 0.5, 0.11)
    _disc(mask, 0.82, 0.5, 0.055, 0)
    return mask


def _glove(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    _line(mask, [(0.12, 0.5), (0.4, 0.5)], 0.32)
    for finger in range(4):
        y = 0.35 + 0.1 * finger
        tip = 0.86 - 0.07 * abs(finger - 1.4)
        _line(mask, [(0.45, y), (tip, y + (finger - 1.5) * rng.uniform(0.02, 0.08))], 0.095)
    _line(mask, [(0.3, 0.6), (0.42, 0.78), (0.55, 0.88)], 0.11)
    return mask


def _gear(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    teeth = int(rng.integers(8, 15))
    for tooth in range(teeth):
        turn = 2 * np.pi * tooth / teeth
        _line(mask, [(0.5, 0.5), (0.5 + 0.43 * np.cos(turn), 0.5 + 0.43 * np.sin(turn))], 0.09)
    _disc(mask, 0.5, 0.5, 0.34)
    _disc(mask, 0.5, 0.5, float(rng.uniform(0.1, 0.2)), 0)
    return mask


def _key(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    _disc(mask, 0.22, 0.5, 0.18)
    _disc(mask, 0.18, 0.5, 0.06, 0)
    _line(mask, [(0.3, 0.5), (0.92, 0.5)], 0.08)
    for notch in range(3):
        x = 0.62 + 0.11 * notch
        _line(mask, [(x, 0.5), (x, 0.5 + rng.uniform(0.08, 0.16))], 0.06)
    return mask


def _scissors(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    gape = float(rng.uniform(0.06, 0.2))
    for side in (-1.0, 1.0):
        _line(mask, [(0.3, 0.5 + side * gape), (0.55, 0.5), (0.95, 0.5 - side * gape)], 0.055)
        _disc(mask, 0.2, 0.5 + side * (gape + 0.07), 0.12)
        _disc(mask, 0.2, 0.5 + side * (gape + 0.07), 0.065, 0)
    return mask


def _cross(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    arms = int(rng.integers(3, 7))
    width = float(rng.uniform(0.08, 0.16))
    for arm in range(arms):
        turn = 2 * np.pi * arm / arms
        _line(mask, [(0.5, 0.5), (0.5 + 0.38 * np.cos(turn), 0.5 + 0.38 * np.sin(turn))], width)
    return mask


def _cable(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    turn = np.linspace(0, rng.uniform(3, 5) * np.pi, 90)
    reach = np.linspace(rng.uniform(0.12, 0.2), 0.36, 90)
    wobble = 0.025 * np.sin(turn * rng.uniform(0.3, 0.8))
    xs = 0.5 + (reach + wobble) * np.cos(turn)
    ys = 0.5 + (reach - wobble) * np.sin(turn)
    _line(mask, [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)], 0.045)
    _line(mask, [(float(xs[-1]), float(ys[-1])), (0.93, float(rng.uniform(0.1, 0.9)))], 0.05)
    return mask


def _bolt(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    turn = np.arange(6) * np.pi / 3
    hexagon = np.stack([0.22 + 0.17 * np.cos(turn), 0.5 + 0.17 * np.sin(turn)], 1) * rows
    cv2.fillPoly(mask, [hexagon.astype(np.int32)], 255)
    _line(mask, [(0.3, 0.5), (0.93, 0.5)], 0.15)
    for thread in range(9):
        x = 0.5 + thread * 0.05
        for side in (-1, 1):
            _disc(mask, x, 0.5 + side * 0.085, 0.016, 0)
    return mask


def _spoon(rng: np.random.Generator, rows: int) -> Outline:
    mask = _canvas(rows)
    centre, axes = (int(0.2 * rows), int(0.5 * rows)), (int(0.17 * rows), int(0.11 * rows))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
    _line(mask, [(0.3, 0.5), (0.94, 0.5)], float(rng.uniform(0.04, 0.07)))
    return mask


def _plain(
    column_mm: tuple[Heights, Heights],
    inside: NDArray[np.bool_],
    art: NDArray[np.uint8],
    gloss_level: float,
) -> Solid:
    """A solid of one finish from its bottom and top."""
    gloss = np.full(inside.shape, gloss_level, np.float32)
    bottom, top = (height.astype(np.float32) for height in column_mm)
    top = soften(top, 0.35 * TEXELS_PER_MM)
    return Solid(columns_mm(bottom, top, inside), art, None, None, gloss)
