"""Reads the barcodes on an item, in its part of a frame. What they mean is left to `station`.

A look at 300 x 300 px costs about 1.5 ms, one at 640 x 640 px, the most that is looked at, about
10 ms (see docs/evidence.md): little enough for the thread that looks at frames, once a frame.
"""

from collections.abc import Callable

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from edge_agent.labels.gs1 import Gs1Error, normal_gtin
from edge_agent.labels.gs1_reading import read_date, read_element_string
from edge_agent.station.codes import ItemCode
from edge_agent.station.geometry import BoxXyxyPx

# Around the item, so that a code at its very edge keeps its quiet zone.
_MARGIN_PX = 6
_LONGEST_SIDE_PX = 640
_MOST_CODES = 8
_LONGEST_TEXT = 200
_KIND = zxingcpp.BarcodeFormat
_RETAIL = (_KIND.EAN13, _KIND.EAN8, _KIND.UPCA)
_FORMATS = zxingcpp.BarcodeFormats(
    [
        *_RETAIL,
        _KIND.ITF,
        _KIND.Code128,
        _KIND.Code39,
        _KIND.Code93,
        _KIND.DataMatrix,
        _KIND.QRCode,
        _KIND.DataBar,
    ]
)
# Check character or check digit of a long number: ITF ends anywhere, Code 39 proves nothing.
_PROVEN = frozenset(
    {"EAN13", "EAN8", "UPCA", "Code128", "Code93", "DataMatrix", "QRCode", "DataBar"}
)


class BarcodeReader:
    """Reads barcodes.

    Args:
        is_ours: Whether GTIN (in 14 digits) and serial are of a label that was printed here.
    """

    def __init__(self, is_ours: Callable[[str, str], bool]) -> None:
        self._is_ours = is_ours

    def read(self, image_bgr: NDArray[np.uint8], box_xyxy_px: BoxXyxyPx) -> tuple[ItemCode, ...]:
        """Returns what is found in a box of an image (uint8 [height, width, 3], BGR)."""
        crop = _cut(image_bgr, box_xyxy_px)
        if crop.size == 0:
            return ()
        found = zxingcpp.read_barcodes(
            crop,
            formats=_FORMATS,
            try_invert=False,
            try_downscale=False,
            text_mode=zxingcpp.TextMode.Plain,
        )
        return tuple(self._code(barcode) for barcode in found[:_MOST_CODES] if barcode.text)

    def _code(self, barcode: zxingcpp.Barcode) -> ItemCode:
        text = barcode.text[:_LONGEST_TEXT]
        kind, symbology = barcode.format.name, str(barcode.format)
        is_proven = kind.startswith(tuple(_PROVEN))
        shown = "".join(c if c.isprintable() else " " for c in text)
        if barcode.content_type != zxingcpp.ContentType.GS1:
            is_trade_item = barcode.format in _RETAIL or kind.startswith(("EAN", "UPC", "ITF"))
            gtin14 = _gtin(text) if is_trade_item else None
            return ItemCode(symbology, shown, is_proven, gtin14)
        values = read_element_string(text)
        gtin14, serial = _gtin(values.get("01", "")), values.get("21")
        return ItemCode(
            symbology,
            shown,
            is_proven,
            gtin14,
            serial,
            values.get("10"),
            read_date(values.get("17", "")),
            is_ours=gtin14 is not None and serial is not None and self._is_ours(gtin14, serial),
        )


def _cut(image_bgr: NDArray[np.uint8], box_xyxy_px: BoxXyxyPx) -> NDArray[np.uint8]:
    """Cuts out a box with a margin; what is large is made smaller, so that a look stays short."""
    height, width = image_bgr.shape[:2]
    left, top, right, bottom = box_xyxy_px
    cut = image_bgr[
        max(0, int(top) - _MARGIN_PX) : min(height, round(bottom) + _MARGIN_PX),
        max(0, int(left) - _MARGIN_PX) : min(width, round(right) + _MARGIN_PX),
    ]
    longest = max(cut.shape[:2])
    if cut.size == 0 or longest <= _LONGEST_SIDE_PX:
        return np.ascontiguousarray(cut)
    scale = _LONGEST_SIDE_PX / longest
    smaller = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return smaller.astype(np.uint8)


def _gtin(digits: str) -> str | None:
    try:
        return normal_gtin(digits)
    except Gs1Error:
        return None
