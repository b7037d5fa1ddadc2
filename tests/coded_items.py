"""Items for blob stations that bear a barcode: made by zxing-cpp, drawn onto the blob."""

import cv2
import numpy as np
import zxingcpp
from blob_station import picture
from numpy.typing import NDArray

_WIDTH_PX, _HEIGHT_PX = 136, 80


def ean13(gtin: str) -> NDArray[np.uint8]:
    """An EAN-13 with its quiet zones, uint8 [height, width], one pixel a module."""
    return _drawn(zxingcpp.create_barcode(gtin, zxingcpp.BarcodeFormat.EAN13), 1)[:50]


def gs1_datamatrix(elements: str) -> NDArray[np.uint8]:
    """A GS1 DataMatrix of elements such as (01)…(10)…, two pixels a module."""
    kind = zxingcpp.BarcodeFormat.DataMatrix
    return _drawn(zxingcpp.create_barcode(elements, kind, gs1=True), 2)


def code_of(text: str, kind: zxingcpp.BarcodeFormat) -> NDArray[np.uint8]:
    """Any other barcode, two pixels a module."""
    return _drawn(zxingcpp.create_barcode(text, kind), 2)


def pass_coded(
    items: list[tuple[tuple[int, int, int], NDArray[np.uint8] | None]],
) -> list[NDArray[np.uint8]]:
    """The frames of items that pass one after the other: each a colour and its barcode."""
    frames = [picture(None, (0, 0, 0), seed) for seed in range(15)]
    for colour, code in items:
        for x_px in range(-_WIDTH_PX // 2, 240 + _WIDTH_PX // 2, 5):
            frames.append(_coded(x_px, colour, code, len(frames)))
        frames += [picture(None, colour, len(frames) + seed) for seed in range(15)]
    return frames


def _coded(
    x_px: int, colour: tuple[int, int, int], code: NDArray[np.uint8] | None, seed: int
) -> NDArray[np.uint8]:
    item = np.full((_HEIGHT_PX, _WIDTH_PX, 3), colour, np.uint8)
    if code is not None:
        height, width = code.shape
        top, left = (_HEIGHT_PX - height) // 2, (_WIDTH_PX - width) // 2
        item[top : top + height, left : left + width] = code[:, :, None]
    frame = picture(None, colour, seed)
    left = x_px - _WIDTH_PX // 2
    shown = slice(max(0, left), max(0, min(frame.shape[1], left + _WIDTH_PX)))
    frame[40 : 40 + _HEIGHT_PX, shown] = item[:, shown.start - left : shown.stop - left]
    return frame


def _drawn(barcode: zxingcpp.Barcode, scale: int) -> NDArray[np.uint8]:
    drawn = np.array(zxingcpp.write_barcode_to_image(barcode, scale=scale), np.uint8)
    return cv2.copyMakeBorder(drawn, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=[255]).astype(np.uint8)
