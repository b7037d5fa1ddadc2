"""Boxes between COCO's pixels and Label Studio's percent of the image, exact both ways.

What is exact, and why. A box is four numbers, each converted on its own: percent = 100 · pixels /
size. No formula on floats can give every float back: where 100 / size stretches a stretch of the
number line over one that is less finely divided, two pixels share one percent. So:

* **Every number of up to 15 significant digits comes back as it was**, from either side, for every
  size; this holds pixels (whole, or with decimals) and percents as people and programs write them.
  A conversion is exact in rational numbers and then takes the 15-digit number nearest to the
  result, if that is within `_REACH` of it; else the float nearest to it. As both directions judge
  by the same relative distance, the number that one started from is always within the other's
  reach; and within that reach there is only one number of 15 digits.
* **Any other float comes back through `known`**: whoever stores a converted box stores what it was
  converted from beside it. As long as the box is still the same, the original is the answer.
* Without `known`, such a float comes back within 5 parts in 10^16.

Numbers nearer to zero than 1e-290 are outside this. What a region means is left to the callers.
"""

from fractions import Fraction
from math import isclose
from typing import Final

Box = tuple[float, float, float, float]
"""Left, top, width, height."""

MAX_COORDINATE: Final = 1e9
"""Nothing that was drawn is larger, in pixels or in percent."""

Size = tuple[int, int]
"""Width and height of an image, in pixels."""

_REACH = Fraction(1, 2**52)
_SAME_PERCENT = 1e-9
"""Closer than this nobody can draw: a fifth of a millionth of a pixel in 20,000."""


def to_percent(box_xywh_px: Box, size_px: Size, *, known: Box | None = None) -> Box:
    """Converts a box of pixels.

    Args:
        box_xywh_px: Left, top, width, height; at most `MAX_COORDINATE`.
        size_px: The image's.
        known: The percents that this box was once converted from, if any.
    """
    if known is not None and _pixels(known, size_px) == tuple(box_xywh_px):
        return known
    return _percent(box_xywh_px, size_px)


def to_pixels(box_xywh_percent: Box, size_px: Size, *, known: Box | None = None) -> Box:
    """Converts a box of percents.

    Args:
        box_xywh_percent: Left, top, width, height, in percent of the image's width and height.
        size_px: The image's.
        known: The pixels that this box was once converted from, if any; returned as they are (whole
            numbers stay whole) unless somebody has moved the box since.
    """
    if known is not None and is_same(known, box_xywh_percent, size_px):
        return known
    return _pixels(box_xywh_percent, size_px)


def is_same(box_xywh_px: Box, box_xywh_percent: Box, size_px: Size) -> bool:
    """Whether these are one box, as near as a hand can tell."""
    expected = _percent(box_xywh_px, size_px)
    return all(
        isclose(a, b, rel_tol=0, abs_tol=_SAME_PERCENT)
        for a, b in zip(expected, box_xywh_percent, strict=True)
    )


def _percent(box_px: Box, size_px: Size) -> Box:
    x, y, width, height = box_px
    return (
        _times(x, 100, size_px[0]),
        _times(y, 100, size_px[1]),
        _times(width, 100, size_px[0]),
        _times(height, 100, size_px[1]),
    )


def _pixels(box_percent: Box, size_px: Size) -> Box:
    x, y, width, height = box_percent
    return (
        _times(x, size_px[0], 100),
        _times(y, size_px[1], 100),
        _times(width, size_px[0], 100),
        _times(height, size_px[1], 100),
    )


def _times(value: float, factor: int, divisor: int) -> float:
    """Returns value · factor / divisor, as the docstring of this module says."""
    exact = Fraction(value) * factor / divisor
    nearest = exact.numerator / exact.denominator  # correctly rounded, as both are integers
    short = float(f"{nearest:.15g}")
    distance = abs(Fraction(short) - exact)
    return short if distance <= max(abs(Fraction(short)), abs(exact)) * _REACH else nearest
