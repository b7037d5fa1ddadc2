"""Goods that lie on their side: tubes, bottles, cans and cups, each a profile along its axis."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beltmark.simulation.artwork import Palette, draw_artwork, draw_colour, draw_palette
from beltmark.simulation.shapes.rounds import METAL
from beltmark.simulation.solid import (
    FloatArray,
    Grid,
    ImageArray,
    Solid,
    columns_mm,
    sample,
    soften,
)

Lengths = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Body:
    """Half width, half thickness and height of the axis along x, each [W] float32 in mm."""

    half_width: FloatArray
    half_thick: FloatArray
    axis: FloatArray


def tube(rng: np.random.Generator) -> Solid:
    """A cream or paste tube: screw cap, round shoulder, body that flattens into a wide crimp."""
    long_mm = float(rng.uniform(95, 160))
    radius = float(rng.uniform(11, 19))
    grid = Grid.of(long_mm, 2 * radius * 1.5)
    along = grid.x_mm[0] + np.float32(long_mm / 2)
    cap_mm = float(rng.uniform(0.11, 0.22) * long_mm)
    cap_radius = radius * float(rng.uniform(0.5, 0.92))
    shoulder_mm = float(rng.uniform(3, 9))
    crimp_mm = float(rng.uniform(5, 9))
    part = np.clip((along - cap_mm - shoulder_mm) / (long_mm - cap_mm - shoulder_mm), 0, 1)
    rise = np.clip((along - cap_mm) / shoulder_mm, 0, 1)
    body_width = radius * (1 + rng.uniform(0.3, 0.5) * part)
    body_thick = radius * (1 - part ** rng.uniform(1.3, 2.2)) + 0.8
    neck = cap_radius + (1 - cap_radius / radius) * radius * np.sqrt(1 - (1 - rise) ** 2)
    in_cap = along < cap_mm
    taper = 1 - 0.06 * (1 - np.clip(along / cap_mm, 0, 1))
    width = np.where(in_cap, cap_radius * taper, np.minimum(body_width, neck))
    thick = np.where(in_cap, cap_radius * taper, np.minimum(body_thick, neck))
    crimped = along > long_mm - crimp_mm
    thick = np.where(crimped, 1.0 + 0.35 * np.sin(along * 2 * np.pi / 2.0), thick)
    sag = float(rng.uniform(0.3, 0.8))
    axis = np.maximum(thick, radius * (1 - part) + radius * part * sag)
    body = _body(width, thick, axis)
    palette = draw_palette(rng)
    art = _wrap(rng, grid, body, palette)
    cap_colour = (238, 240, 242) if rng.uniform() < 0.5 else draw_colour(rng)
    art[:, in_cap] = cap_colour
    _ribs(grid, body, art, in_cap, float(rng.uniform(1.6, 3.0)))
    art[:, np.abs(along - cap_mm) < 0.7] = tuple(int(c * 0.4) for c in cap_colour)
    if rng.uniform() < 0.5:
        art[:, crimped] = palette.second
    dark = crimped & (np.sin(along * 2 * np.pi / 2.0) < -0.2)
    art[:, dark] = (art[:, dark] * 0.6).astype(np.uint8)
    return _solid(grid, body, (along > 0) & (along < long_mm), art, float(rng.uniform(0.25, 0.8)))


def bottle(rng: np.random.Generator) -> Solid:
    """A bottle: cylindrical or flattened body, sloping shoulder, narrow neck, cap."""
    long_mm = float(rng.uniform(110, 185))
    radius = float(rng.uniform(17, 29))
    grid = Grid.of(long_mm, 2 * radius * 1.1)
    along = grid.x_mm[0] + np.float32(long_mm / 2)
    cap_mm = float(rng.uniform(0.08, 0.13) * long_mm)
    neck_mm = float(rng.uniform(0.04, 0.18) * long_mm)
    shoulder_mm = float(rng.uniform(0.1, 0.3) * long_mm)
    neck_radius = radius * float(rng.uniform(0.3, 0.46))
    flat = float(rng.uniform(0.55, 1.0)) if rng.uniform() < 0.5 else 1.0
    slope = np.clip((along - cap_mm - neck_mm) / shoulder_mm, 0, 1)
    if rng.uniform() < 0.5:
        slope = np.sqrt(1 - (1 - slope) ** 2)  # round shoulder
    else:
        slope = slope * slope * (3 - 2 * slope)  # drawn-out shoulder
    width = neck_radius + (radius - neck_radius) * slope
    thick = neck_radius + (radius * flat - neck_radius) * slope
    waist = rng.uniform(0.0, 0.1) * (rng.uniform() < 0.4)
    where = (along - long_mm * 0.68) / (long_mm * 0.12)
    width = width * (1 - waist * np.exp(-(where**2)))
    to_base = np.clip((long_mm - along) / 5.0, 0, 1)
    width = width * (0.86 + 0.14 * np.sqrt(1 - (1 - to_base) ** 2))
    in_cap = along < cap_mm
    cap_radius = neck_radius * float(rng.uniform(1.08, 1.35))
    width = np.where(in_cap, cap_radius, width)
    thick = np.where(in_cap, cap_radius, thick)
    ring = (along > cap_mm + 1) & (along < cap_mm + 3.5)
    width = np.where(ring, cap_radius * 1.12, width)
    body = _body(width, thick, np.full_like(along, radius * flat))
    palette = draw_palette(rng)
    art = np.empty((*grid.shape, 3), np.uint8)
    art[:] = _glass_or_plastic(rng, palette)
    printed = _wrap(rng, grid, body, palette)
    start = cap_mm + neck_mm + shoulder_mm + rng.uniform(0, 8)
    label = (along > start) & (along < long_mm - rng.uniform(5, 20))
    art[:, label] = printed[:, label]
    cap_colour = draw_colour(rng)
    art[:, in_cap] = cap_colour
    _ribs(grid, body, art, in_cap, float(rng.uniform(1.4, 2.4)))
    art[:, np.abs(along - cap_mm) < 0.8] = tuple(int(c * 0.4) for c in cap_colour)
    return _solid(grid, body, (along > 0) & (along < long_mm), art, float(rng.uniform(0.5, 1.0)))


def _glass_or_plastic(rng: np.random.Generator, palette: Palette) -> tuple[int, int, int]:
    tints = ((70, 110, 60), (35, 60, 105), (215, 215, 205), palette.base, palette.second)
    return tints[int(rng.integers(len(tints)))]


def lying_can(rng: np.random.Generator) -> Solid:
    """A can on its side: a straight cylinder between two seamed metal ends."""
    radius = float(rng.uniform(22, 36))
    long_mm = float(radius * 2 * rng.uniform(1.15, 2.0))
    grid = Grid.of(long_mm, 2 * radius)
    along = grid.x_mm[0] + np.float32(long_mm / 2)
    end = np.minimum(along, long_mm - along)
    seam = end < 2.2
    groove = (end >= 2.2) & (end < 4.5)
    width = radius * np.where(seam, 1.0, np.where(groove, 0.94, 0.985))
    body = _body(width, width, np.full_like(along, radius))
    art = _wrap(rng, grid, body, draw_palette(rng))
    metal = end < rng.uniform(4.0, 7.0)
    art[:, metal] = METAL
    art[:, groove] = (120, 122, 125)
    if rng.uniform() < 0.5:  # beads pressed into the wall of a food can
        beads = (np.abs(along - long_mm / 2) < long_mm * 0.25) & (np.sin(along * 1.2) > 0.6)
        body = _body(width - 0.9 * beads, width - 0.9 * beads, body.axis)
    return _solid(grid, body, (along > 0) & (along < long_mm), art, float(rng.uniform(0.6, 1.0)))


def lying_cup(rng: np.random.Generator) -> Solid:
    """A cup on its side: a cone with a rolled rim, with or without its lid."""
    rim_radius = float(rng.uniform(26, 40))
    foot_radius = rim_radius * float(rng.uniform(0.6, 0.74))
    long_mm = float(rim_radius * 2 * rng.uniform(1.05, 1.6))
    lid_mm = float(rng.uniform(6, 11)) if rng.uniform() < 0.5 else 0.0
    whole_mm = long_mm + lid_mm
    grid = Grid.of(whole_mm, 2 * rim_radius * 1.1)
    along = grid.x_mm[0] + np.float32(whole_mm / 2)
    part = np.clip(along / long_mm, 0, 1)
    width = foot_radius + (rim_radius - foot_radius) * part
    rim = (along > long_mm - 4) & (along < long_mm)
    width = np.where(rim, rim_radius + 2.5, width)
    in_lid = along >= long_mm
    width = np.where(in_lid, rim_radius * (0.98 - 0.12 * (along - long_mm) / max(lid_mm, 1)), width)
    body = _body(width, width, width)
    art = _wrap(rng, grid, body, draw_palette(rng))
    art[:, rim] = (232, 235, 238)
    art[:, in_lid] = (235, 238, 240) if rng.uniform() < 0.5 else (45, 45, 48)
    return _solid(grid, body, (along > 0) & (along < whole_mm), art, float(rng.uniform(0.1, 0.4)))


def _body(half_width: Lengths, half_thick: Lengths, axis: Lengths) -> Body:
    return Body(
        np.maximum(half_width, 0.5).astype(np.float32),
        np.maximum(half_thick, 0.5).astype(np.float32),
        axis.astype(np.float32),
    )


def _wrap(rng: np.random.Generator, grid: Grid, body: Body, palette: Palette) -> ImageArray:
    """Wrap a design around the upper half of a body, [H, W, 3] uint8 BGR."""
    rows, columns = grid.shape
    art_rows = int(rows * np.pi / 2)
    art = draw_artwork(rng, columns, art_rows, palette)
    turn = np.arcsin(np.clip(grid.y_mm / body.half_width[None, :], -1, 1)) / np.pi + 0.5
    column = np.broadcast_to(np.arange(columns, dtype=np.float32), grid.shape)
    return sample(art, np.ascontiguousarray(column), (turn * (art_rows - 1)).astype(np.float32))


def _ribs(
    grid: Grid, body: Body, art: ImageArray, where: NDArray[np.bool_], pitch_mm: float
) -> None:
    """Darken the grooves of a screw cap in place."""
    turn = np.arcsin(np.clip(grid.y_mm / body.half_width[None, :], -1, 1))
    groove = (np.sin(turn * body.half_width[None, :] * (2 * np.pi / pitch_mm)) < -0.3) & where
    art[groove] = (art[groove] * 0.72).astype(np.uint8)


def _solid(
    grid: Grid, body: Body, extent: NDArray[np.bool_], art: ImageArray, gloss_level: float
) -> Solid:
    across = grid.y_mm / body.half_width[None, :]
    inside = (np.abs(across) < 1) & extent[None, :]
    bulge = np.sqrt(np.clip(1 - across**2, 0, 1)) * body.half_thick[None, :]
    top = (body.axis[None, :] + bulge).astype(np.float32)
    bottom = (body.axis[None, :] - bulge).astype(np.float32)
    top = soften(top, 0.5)
    gloss = np.full(grid.shape, gloss_level, np.float32)
    return Solid(columns_mm(bottom, top, inside), art, None, None, gloss)
