"""Finds images that are poor as pictures: dark, overexposed, blurred, tiny. Pure.

Limits are absolute, so that the same image is judged alike in every dataset; only size and colour
are judged by what the others are. Letterbox bars do not count.
"""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from beltmark.datasets.checks.finding import Finding, Place
from beltmark.datasets.checks.scanning import Scanned

DARK_LEVEL: Final = 0.32
BRIGHT_LEVEL: Final = 0.95
"""Both as in cleanvision: the lightest percent is darker, or 95 % is lighter, than this."""

LOW_ENTROPY_BITS: Final = 3.0
ODD_ASPECT: Final = 4.0
BLURRED: Final = 0.7
"""By the measure of Crete et al.: a Gaussian blur of 3 pixels at a picture of 224 x 224 px."""

TINY_SIDE_PX: Final = 32
TINY_SHARE: Final = 0.1
"""Of the median number of pixels."""

GREY_LEVELS: Final = 2.0
MOSTLY_COLOUR: Final = 0.9


def poor_looks(scanned: Sequence[Scanned]) -> Iterator[Finding]:
    """Finds what is poor as a picture."""
    if not scanned:
        return
    sizes = [each.pixels.width_px * each.pixels.height_px for each in scanned]
    usual = median(sizes)
    coloured = sum(each.pixels.colour_levels > GREY_LEVELS for each in scanned) / len(scanned)
    for each, size in zip(scanned, sizes, strict=True):
        pixels = each.pixels
        place = (Place(each.name),)
        sides = (pixels.width_px, pixels.height_px)
        shown = f"{sides[0]}x{sides[1]} pixels"
        if min(sides) < TINY_SIDE_PX or size < TINY_SHARE * usual:
            yield Finding("tiny-image", shown, place, score=usual / size)
        if max(sides) > ODD_ASPECT * min(sides):
            yield Finding("odd-aspect", shown, place, score=max(sides) / min(sides))
        if pixels.dark_level < DARK_LEVEL:
            told = f"its lightest percent is at {pixels.dark_level:.0%} of white"
            yield Finding("dark", told, place, score=1 - pixels.dark_level)
        if pixels.bright_level > BRIGHT_LEVEL:
            told = f"95 % of it is above {pixels.bright_level:.0%} of white"
            yield Finding("bright", told, place, score=pixels.bright_level)
        if pixels.entropy_bits < LOW_ENTROPY_BITS:
            told = f"{pixels.entropy_bits:.1f} bits a pixel"
            yield Finding("low-information", told, place, score=-pixels.entropy_bits)
        elif pixels.blur > BLURRED:
            told = f"blur {pixels.blur:.2f} of 1"
            yield Finding("blurred", told, place, score=pixels.blur)
        if pixels.colour_levels <= GREY_LEVELS and coloured >= MOSTLY_COLOUR:
            told = f"no colour, but {coloured:.0%} of the images have"
            yield Finding("grayscale", told, place)
