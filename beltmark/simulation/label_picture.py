"""Draws what a printed label looks like to a camera near enough to read its symbol.

Its symbol carries the marking that the printer was sent; where text and lines stand is invented.
Where a label sticks is left to `close_up`.
"""

from functools import lru_cache

import numpy as np

from beltmark.simulation.solid import ImageArray
from beltmark.simulation.verdict import Marking

PX_PER_MM = 16
SIZE_MM = (38.0, 25.0)
MODULE_MM = 0.5
_PAPER, _INK = 247, 25
_TEXT_MM = (3.0, 16.0)


@lru_cache(maxsize=64)
def draw_label(marking: Marking | None) -> ImageArray:
    """Returns [height, width, 3] uint8 BGR at PX_PER_MM; None is a label without a symbol.

    The symbol is in the middle, so that it lies on a narrow item as well.
    """
    width, height = (round(side * PX_PER_MM) for side in SIZE_MM)
    label = np.full((height, width, 3), _PAPER, np.uint8)
    for row in range(_px(3), height - _px(2), _px(3)):
        label[row : row + _px(0.8), _px(_TEXT_MM[0] - 1) : _px(_TEXT_MM[1] - 6)] = 60
    if marking is not None:
        symbol = _symbol(marking)
        top, left = (height - symbol.shape[0]) // 2, (width - symbol.shape[1]) // 2
        label[top : top + symbol.shape[0], left : left + symbol.shape[1]] = symbol[..., None]
    label.flags.writeable = False
    return label


def _symbol(marking: Marking) -> ImageArray:
    """A GS1 DataMatrix with its quiet zone, [side, side] uint8."""
    import zxingcpp  # noqa: PLC0415 - only a station with a scan camera needs it

    content = f"(01){marking.gtin}(21){marking.serial}"
    barcode = zxingcpp.create_barcode(
        content, zxingcpp.BarcodeFormat.DataMatrix, gs1=True, force_square=True
    )
    modules = np.array(barcode.to_image(scale=1, add_quiet_zones=True))
    drawn = np.kron(modules, np.ones((_px(MODULE_MM), _px(MODULE_MM)), np.uint8))
    return np.where(drawn > 127, _PAPER, _INK).astype(np.uint8)


def _px(mm: float) -> int:
    return round(mm * PX_PER_MM)
