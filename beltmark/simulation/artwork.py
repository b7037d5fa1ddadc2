"""Printed designs: invented brands with gradients, patterns, panels, text, logos and barcodes.

Colours are drawn freely, so that nothing but the shape tells what an item is. Leaves the
wrapping around a body to `shapes`.
"""

import colorsys
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from beltmark.simulation.solid import ImageArray, smooth_noise

Colour = tuple[int, int, int]

_SYLLABLES = "ba be bo ca co da de fi fo ga go ka ki la li lo lu ma mi mo na no nu pa po ra ri ro"
_ENDINGS = "x n s la ro via tta nor mix lux pur fit bio max one"
_SMALL = "net wt|fresh|100% pure|new!|extra|bio|family|1 kg|250 ml|sensitive|classic|light|spring"
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


@dataclass(frozen=True)
class Palette:
    """The colours of one brand, BGR."""

    base: Colour
    second: Colour
    accent: Colour
    ink: Colour


def draw_colour(rng: np.random.Generator, saturation: float = 1.0) -> Colour:
    """Draw any printable colour, BGR 0..255; `saturation` in 0..1 limits how vivid it may be."""
    hue = rng.uniform()
    vivid = rng.uniform(0.0, 1.0) ** 0.6 * saturation
    value = rng.uniform(0.25, 1.0) ** 0.6
    red, green, blue = colorsys.hsv_to_rgb(hue, vivid, value)
    return int(blue * 255), int(green * 255), int(red * 255)


def draw_palette(rng: np.random.Generator) -> Palette:
    """Draw a base colour, two companions and an ink that can be read on the base."""
    base = draw_colour(rng)
    if rng.uniform() < 0.25:
        level = int(rng.integers(205, 246))
        base = (level, level, level)
    ink = (30, 25, 25) if sum(base) > 360 else (245, 245, 245)
    return Palette(base, draw_colour(rng), draw_colour(rng), ink)


def brand_name(rng: np.random.Generator) -> str:
    """Invent a name of two or three syllables."""
    syllables = _SYLLABLES.split()
    parts = [syllables[int(rng.integers(len(syllables)))] for _ in range(int(rng.integers(1, 3)))]
    endings = _ENDINGS.split()
    name = "".join(parts) + endings[int(rng.integers(len(endings)))]
    return name.upper() if rng.uniform() < 0.5 else name.capitalize()


def draw_artwork(
    rng: np.random.Generator, width_px: int, height_px: int, palette: Palette
) -> ImageArray:
    """Draw one printed face, [height_px, width_px, 3] uint8 BGR."""
    width_px, height_px = max(width_px, 8), max(height_px, 8)
    art = _ground(rng, width_px, height_px, palette)
    if rng.uniform() < 0.6:
        _pattern(rng, art, palette)
    if rng.uniform() < 0.35:
        _picture(rng, art, palette)
    ink = _panel(rng, art, palette) if rng.uniform() < 0.6 else palette.ink
    _brand(rng, art, palette, ink)
    if rng.uniform() < 0.6:
        _logo(rng, art, palette)
    if rng.uniform() < 0.4:
        _barcode(rng, art)
    return art


def _ground(
    rng: np.random.Generator, width_px: int, height_px: int, palette: Palette
) -> ImageArray:
    art = np.empty((height_px, width_px, 3), np.uint8)
    art[:] = palette.base
    if rng.uniform() < 0.5:
        ramp = np.linspace(0.0, 1.0, width_px if rng.uniform() < 0.5 else height_px)
        ramp = ramp[None, :] if len(ramp) == width_px else ramp[:, None]
        weight = (ramp * rng.uniform(0.3, 1.0))[..., None]
        mixed = np.array(palette.base) * (1 - weight) + np.array(palette.second) * weight
        art[:] = mixed.astype(np.uint8)
    return art


def _pattern(rng: np.random.Generator, art: ImageArray, palette: Palette) -> None:
    height, width = art.shape[:2]
    kind = rng.integers(5)
    y, x = np.ogrid[:height, :width]
    pitch = float(rng.uniform(8, 40))
    if kind == 0:
        angle = rng.uniform(0, np.pi)
        where = ((x * np.cos(angle) + y * np.sin(angle)) % pitch) < pitch * rng.uniform(0.2, 0.5)
    elif kind == 1:
        where = ((x % pitch) - pitch / 2) ** 2 + ((y % pitch) - pitch / 2) ** 2 < (pitch / 4) ** 2
    elif kind == 2:
        wave = np.sin(x / pitch * 2.0) * height * 0.12 + height * rng.uniform(0.3, 0.8)
        where = y > wave
    elif kind == 3:
        where = (x > width * rng.uniform(0.5, 0.85)) | (x < width * rng.uniform(0.0, 0.2))
        where = np.broadcast_to(where, (height, width))
    else:
        where = smooth_noise(rng, (height, width), (4, 6)) > 0.25
    art[where] = palette.second if rng.uniform() < 0.6 else palette.accent


def _picture(rng: np.random.Generator, art: ImageArray, palette: Palette) -> None:
    """A round motif such as a fruit or a bowl: shaded discs in a cluster."""
    height, width = art.shape[:2]
    centre = np.array([rng.uniform(0.2, 0.8) * width, rng.uniform(0.3, 0.7) * height])
    size = min(width, height) * rng.uniform(0.12, 0.25)
    colour = np.array(draw_colour(rng), float)
    for _ in range(int(rng.integers(2, 6))):
        at = centre + rng.normal(0, size * 0.8, 2)
        for step in (1.0, 0.75, 0.45):
            shade = np.clip(colour * (1.35 - 0.55 * step), 0, 255)
            spot = at - size * (1 - step) * 0.4
            cv2.circle(art, _point(spot), max(int(size * step), 1), _bgr(shade), -1, cv2.LINE_AA)


def _panel(rng: np.random.Generator, art: ImageArray, palette: Palette) -> Colour:
    """A plain field for the text; returns the ink to write on it with."""
    height, width = art.shape[:2]
    light = rng.uniform() < 0.6
    fill: Colour = (240, 242, 245) if light else palette.accent
    half = np.array([width * rng.uniform(0.25, 0.42), height * rng.uniform(0.18, 0.36)])
    centre = np.array([width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6)])
    if rng.uniform() < 0.5:
        cv2.ellipse(art, _point(centre), _point(half), 0, 0, 360, fill, -1, cv2.LINE_AA)
    else:
        cv2.rectangle(art, _point(centre - half), _point(centre + half), fill, -1)
    if light:
        return palette.accent if sum(palette.accent) < 380 else (40, 35, 35)
    return (245, 245, 245) if sum(fill) < 400 else (30, 30, 30)


def _brand(rng: np.random.Generator, art: ImageArray, palette: Palette, ink: Colour) -> None:
    height, width = art.shape[:2]
    font = _FONTS[int(rng.integers(len(_FONTS)))]
    name = brand_name(rng)
    thickness = int(rng.integers(1, 4))
    (text_width, text_height), _ = cv2.getTextSize(name, font, 1.0, thickness)
    scale = float(min(width * rng.uniform(0.5, 0.8) / text_width, height * 0.35 / text_height))
    x = width * 0.5 - text_width * scale / 2
    y = height * rng.uniform(0.45, 0.6) + text_height * scale / 2
    cv2.putText(art, name, _point((x, y)), font, scale, ink, thickness, cv2.LINE_AA)
    small = _SMALL.split("|")
    for line in range(int(rng.integers(0, 4))):
        words = small[int(rng.integers(len(small)))]
        at = _point((x, y + height * 0.1 * (line + 1) + 3))
        size = max(scale * 0.4, 0.22)
        cv2.putText(art, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)


def _logo(rng: np.random.Generator, art: ImageArray, palette: Palette) -> None:
    height, width = art.shape[:2]
    size = min(width, height) * rng.uniform(0.08, 0.16)
    centre = np.array([width * rng.choice([0.12, 0.5, 0.88]), height * rng.uniform(0.12, 0.3)])
    corners = int(rng.integers(3, 11))
    turn = rng.uniform(0, 2 * np.pi) + np.arange(corners * 2) * np.pi / corners
    reach = size * np.where(np.arange(corners * 2) % 2, rng.uniform(0.4, 1.0), 1.0)
    star = centre + np.stack([np.cos(turn), np.sin(turn)], 1) * reach[:, None]
    cv2.fillPoly(art, [star.astype(np.int32)], palette.accent, cv2.LINE_AA)


def _barcode(rng: np.random.Generator, art: ImageArray) -> None:
    height, width = art.shape[:2]
    box_width, box_height = int(min(width * 0.35, 44)), int(min(height * 0.3, 26))
    left = int(rng.uniform(0, max(width - box_width, 1)))
    top = int(max(height - box_height - 3, 0) * rng.choice([0.05, 1.0]))
    field = art[top : top + box_height, left : left + box_width]
    field[:] = 246
    bars = np.repeat(rng.uniform(size=box_width) < 0.5, int(rng.integers(1, 3)))[:box_width]
    bars[:2] = bars[-2:] = False
    field[2:-4, bars[: field.shape[1]]] = 25


def _point(xy: Any) -> tuple[int, int]:
    return int(xy[0]), int(xy[1])


def _bgr(values: Any) -> Colour:
    return int(values[0]), int(values[1]), int(values[2])
