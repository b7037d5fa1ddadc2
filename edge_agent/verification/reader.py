"""Reads the symbols in a picture of labelled items, and says whether anything looks like a label.

Decoding only: whether a symbol is printed well (ISO/IEC 15415, 15416) is left to a verifier that
is made for it. What a symbol means for an item is left to `judge`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from cv2.typing import MatLike
from numpy.typing import NDArray

from edge_agent.verification.marking import Marking, marking_of

_MAX_SYMBOLS = 64
# Paper as a camera sees it: bright, without colour, a filled rectangle with print on it.
_PAPER_SATURATION = 60
_PAPER_LEVELS = (140, 170, 200, 225)
_LEAST_PAPER_SHARE, _MOST_PAPER_SHARE = 0.005, 0.5
_LEAST_FILLED_SHARE, _LONGEST_SHEET, _LEAST_PRINT_DEVIATION = 0.85, 3.0, 15.0
_PAPER_WIDTH_PX = 160
_MAX_DOUBLED_PX = 640 * 480


@dataclass(frozen=True)
class Sight:
    """What one picture shows.

    Attributes:
        markings: What the symbols say that carry GTIN and serial, one for each symbol.
        is_label_like: Whether something like a label is there: a symbol that could not be decoded,
            or printed paper. A white carton can look like one.
    """

    markings: tuple[Marking, ...]
    is_label_like: bool


def read_labels(image_bgr: NDArray[np.uint8]) -> Sight:
    """Looks at a picture, uint8 [height, width, 3], BGR."""
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    markings, has_undecoded = _decoded(grey)
    if markings:
        return Sight(markings, True)
    is_label_like = has_undecoded or _shows_paper(image_bgr)
    if is_label_like and grey.size <= _MAX_DOUBLED_PX:
        # Small or blurred modules are found in a picture of twice the size, for four times the
        # work: only where there is something to find.
        doubled = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        markings, _ = _decoded(doubled)
    return Sight(markings, is_label_like)


def _decoded(grey: MatLike) -> tuple[tuple[Marking, ...], bool]:
    """The markings in a picture, uint8 [height, width], and whether it has other symbols that
    could not be decoded.
    """
    kinds = zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.QRCode
    formats = zxingcpp.BarcodeFormats([*kinds, zxingcpp.BarcodeFormat.Code128])
    symbols = zxingcpp.read_barcodes(grey, formats=formats, return_errors=True)[:_MAX_SYMBOLS]
    decoded = [symbol for symbol in symbols if symbol.valid]
    return _apart(decoded), len(decoded) < len(symbols)


def _apart(symbols: Sequence[zxingcpp.Barcode]) -> tuple[Marking, ...]:
    """The markings of symbols; one that was found twice at one place counts once."""
    found: list[tuple[Marking, float, float]] = []
    for symbol in symbols:
        if symbol.content_type != zxingcpp.ContentType.GS1:
            continue
        marking = marking_of(symbol.bytes.decode("ascii", "replace"))
        x_px, y_px, side_px = _place(symbol)
        if marking is None or any(
            marking == other and abs(x_px - x) < side_px and abs(y_px - y) < side_px
            for other, x, y in found
        ):
            continue
        found.append((marking, x_px, y_px))
    return tuple(marking for marking, _, _ in found)


def _place(symbol: zxingcpp.Barcode) -> tuple[float, float, float]:
    """Its centre, and the longer side of the upright box around it."""
    place = symbol.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    xs, ys = [point.x for point in corners], [point.y for point in corners]
    side = max(max(xs) - min(xs), max(ys) - min(ys), 1)
    return (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2, float(side)


def _shows_paper(image_bgr: NDArray[np.uint8]) -> bool:
    height, width = image_bgr.shape[:2]
    scale = min(1.0, _PAPER_WIDTH_PX / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA)
    _, saturation, level = cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2HSV))
    # The goods below may be pale as well: at one of these levels, the paper stands out from them.
    return any(
        _is_printed_sheet(contour, level)
        for least in _PAPER_LEVELS
        for contour in cv2.findContours(
            ((saturation < _PAPER_SATURATION) & (level > least)).astype(np.uint8),
            cv2.RETR_EXTERNAL,
            cv2.CHAIN_APPROX_SIMPLE,
        )[0]
    )


def _is_printed_sheet(contour: MatLike, level: MatLike) -> bool:
    """Whether an outline in a picture of grey levels, uint8 [height, width], is that of a label."""
    area = cv2.contourArea(contour)
    (_, sides, _) = cv2.minAreaRect(contour)
    is_sheet = (
        _LEAST_PAPER_SHARE * level.size < area < _MOST_PAPER_SHARE * level.size
        and area > _LEAST_FILLED_SHARE * sides[0] * sides[1]
        and max(sides) < _LONGEST_SHEET * min(sides)
    )
    if not is_sheet:
        return False
    inside = np.zeros(level.shape[:2], np.uint8)
    cv2.drawContours(inside, [contour], -1, 1, cv2.FILLED)
    _, deviation = cv2.meanStdDev(level, mask=cv2.erode(inside, np.ones((3, 3), np.uint8)))
    return bool(deviation[0, 0] > _LEAST_PRINT_DEVIATION)
