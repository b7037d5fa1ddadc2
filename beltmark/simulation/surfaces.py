"""What lies under and beside the items: belts, benches and rollers with their dirt and rails."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from beltmark.simulation.artwork import draw_colour
from beltmark.simulation.solid import FloatArray, ImageArray, smooth_noise
from beltmark.simulation.view import View

TILE_MM = 900
"""A belt's picture repeats after this length; one texel per millimetre."""

BELT_COLOURS = {
    "black rubber": (38, 36, 36),
    "grey rubber": (105, 104, 102),
    "green pvc": (70, 105, 52),
    "blue pvc": (135, 82, 38),
    "white pu": (205, 208, 210),
    "wooden bench": (95, 140, 180),
    "modular plastic": (120, 118, 112),
    "rollers": (150, 150, 150),
    "painted bench": (190, 192, 188),
}
"""Kinds of surface and their usual colour, BGR."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A belt or bench.

    Attributes:
        tile_bgr: Its picture, [across, TILE_MM, 3] uint8 BGR, one texel per mm.
        scrolls: Whether the picture moves with the goods (a belt) or not (rollers, a bench).
        rail_bgr: Colour of the side rails; None if the surface fills the view.
        floor_bgr: Colour beyond the rails.
        rail_mm: Width of a rail.
    """

    tile_bgr: ImageArray
    scrolls: bool
    rail_bgr: tuple[int, int, int] | None
    floor_bgr: tuple[int, int, int]
    rail_mm: float

    @property
    def half_width_mm(self) -> float:
        """Half the belt's width."""
        return self.tile_bgr.shape[0] / 2.0


def draw_surface(rng: np.random.Generator, kind: str, width_mm: float, wear: float) -> Surface:
    """Draw a surface of one of `BELT_COLOURS`.

    Args:
        rng: Source of all chance.
        kind: Key of `BELT_COLOURS`.
        width_mm: Width across the travel.
        wear: How dirty and scratched it is, 0..1.
    """
    rows = int(width_mm)
    usual = np.array(BELT_COLOURS[kind], np.float32)
    tile = np.empty((rows, TILE_MM, 3), np.float32)
    tile[:] = np.clip(usual * rng.uniform(0.8, 1.2) + rng.normal(0, 6, 3), 8, 235)
    light = np.ones((rows, TILE_MM), np.float32)
    light += 0.04 * _endless_noise(rng, rows, (4, 9)) * (0.3 + wear)
    light += 0.035 * rng.standard_normal(light.shape, np.float32)
    y, x = np.ogrid[:rows, :TILE_MM]
    if kind == "wooden bench":
        _wood(rng, light)
    elif kind == "modular plastic":
        pitch_x, pitch_y = 25, int(rng.integers(25, 60))
        gap = (x % pitch_x < 2) | ((y + (x // pitch_x % 2) * pitch_y // 2) % pitch_y < 2)
        light[gap] *= 0.55
        holes = ((x % pitch_x - 13) / 6) ** 2 + ((y % 12 - 6) / 3.0) ** 2 < 1
        if rng.uniform() < 0.5:
            light[holes] *= 0.6
    elif kind == "rollers":
        pitch = int(rng.choice([36, 45, 60]))
        across = (x % pitch) / pitch * 2 - 1
        round_ = np.sqrt(np.clip(1 - (across / 0.85) ** 2, 0.02, 1))
        light *= np.where(np.abs(across) < 0.85, 0.35 + 0.75 * round_, 0.15)
    elif kind == "green pvc" and rng.uniform() < 0.5:
        weave = 2 * np.pi / 7.5
        light *= 1 + 0.06 * np.sin((x + y) * weave) * np.sin((x - y) * weave)
    _wear(rng, light, wear)
    if kind in ("black rubber", "grey rubber", "green pvc", "blue pvc", "white pu"):
        seam = int(rng.integers(60, TILE_MM - 60))
        lean = int(rng.integers(-40, 40))
        cv2.line(light, (seam, 0), (seam + lean, rows), float(rng.choice([0.8, 1.15])), 2)
    picture = np.clip(tile * light[..., None], 0, 255).astype(np.uint8)
    rails = rng.uniform() < 0.8
    return Surface(
        tile_bgr=picture,
        scrolls=kind not in ("rollers", "wooden bench", "painted bench"),
        rail_bgr=(165, 166, 168) if rails and rng.uniform() < 0.6 else draw_colour(rng, 0.8),
        floor_bgr=draw_colour(rng, 0.35),
        rail_mm=float(rng.uniform(8, 35)),
    )


def _endless_noise(rng: np.random.Generator, rows: int, cells: tuple[int, int]) -> FloatArray:
    """Smooth noise, [rows, TILE_MM] float32 in about -1..1, whose ends meet."""
    noise = smooth_noise(rng, (rows, TILE_MM), cells)
    back = noise[:, ::-1]
    fade = np.abs(np.linspace(-1, 1, TILE_MM, dtype=np.float32)) ** 8 / 2
    return np.asarray(noise * (1 - fade) + back * fade, np.float32)


def _wood(rng: np.random.Generator, light: FloatArray) -> None:
    rows = light.shape[0]
    light *= 1 + 0.16 * _endless_noise(rng, rows, (rows // 4, 5))
    light *= 1 + 0.07 * _endless_noise(rng, rows, (rows // 2, 12))
    plank = int(rng.integers(60, 140))
    light[::plank] *= 0.55
    light[1::plank] *= 0.75


def _wear(rng: np.random.Generator, light: FloatArray, wear: float) -> None:
    rows = light.shape[0]
    for _ in range(int(wear * rng.integers(0, 30))):
        start = (int(rng.integers(0, TILE_MM)), int(rng.integers(0, rows)))
        run = rng.normal(0, 1, 2) * (90, 6)
        end = (start[0] + int(run[0]), start[1] + int(run[1]))
        cv2.line(light, start, end, float(rng.uniform(0.75, 1.35)), 1, cv2.LINE_AA)
    for _ in range(int(wear * rng.integers(0, 25))):
        spot = (int(rng.integers(0, TILE_MM)), int(rng.integers(0, rows)))
        axes = (int(rng.integers(1, 7)), int(rng.integers(1, 5)))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(light, spot, axes, turn, 0, 360, float(rng.uniform(0.6, 1.3)), -1)


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A surface as one camera sees it."""

    surface: Surface
    view: View

    @cached_property
    def _maps(self) -> tuple[FloatArray, FloatArray]:
        x0, y0, _, _ = self.view.rays(0, 0, self.view.width_px, self.view.height_px)
        return x0, y0 + np.float32(self.surface.half_width_mm)

    @cached_property
    def _lead_mm(self) -> np.float32:
        """Whole tiles that keep every column of `render` positive."""
        x0, _ = self._maps
        return np.float32(TILE_MM * np.ceil(1 - x0.min() / TILE_MM))

    @cached_property
    def _endless(self) -> ImageArray:
        """The tile repeated as far as the view reaches: OpenCV's own wrapping is slow."""
        x0, _ = self._maps
        tiles = int(np.ceil((x0.max() + self._lead_mm) / TILE_MM)) + 1
        return np.tile(self.surface.tile_bgr, (1, tiles, 1))

    @cached_property
    def _beside(self) -> tuple[ImageArray, ImageArray] | None:
        """Picture and mask (uint8, 255) of everything beside the belt."""
        surface = self.surface
        _, row = self._maps
        beyond = np.abs(row - surface.half_width_mm) - surface.half_width_mm
        if surface.rail_bgr is None or not (beyond > 0).any():
            return None
        rng = np.random.default_rng(len(surface.tile_bgr))
        picture = np.empty((*beyond.shape, 3), np.float32)
        picture[:] = surface.floor_bgr
        picture *= (1 + 0.15 * smooth_noise(rng, beyond.shape, (3, 5)))[..., None]
        picture *= np.clip(0.55 + beyond / 60, 0.55, 1)[..., None]  # the rail's shadow
        rail = beyond < surface.rail_mm
        part = beyond / surface.rail_mm
        round_ = (0.65 + 0.5 * np.sin(np.clip(part, 0, 1) * np.pi))[..., None]
        picture = np.where(rail[..., None], np.array(surface.rail_bgr) * round_, picture)
        picture[(beyond > 0) & (beyond < 2.0)] *= 0.3
        mask = ((beyond > 0) * 255).astype(np.uint8)
        return np.clip(picture, 0, 255).astype(np.uint8), mask

    def render(self, travel_mm: float) -> ImageArray:
        """Draw the empty belt after it has moved, [H, W, 3] uint8 BGR."""
        x0, row = self._maps
        shift = travel_mm if self.surface.scrolls else 0.0
        column = x0 - np.float32(shift % TILE_MM)
        moved = cv2.remap(self._endless, column + self._lead_mm, row, cv2.INTER_LINEAR)
        canvas = np.asarray(moved, np.uint8)
        if self._beside is not None:
            picture, mask = self._beside
            cv2.copyTo(picture, mask, canvas)
        return canvas
