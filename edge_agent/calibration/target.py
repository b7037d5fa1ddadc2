"""The calibration target on paper: a chessboard at true scale, with a ruler to check the print by.

Draws it as PDF (vectors) or PNG (with its resolution inside). Finding it is left to `finding`.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np

Paper = Literal["a4", "a3", "letter"]

SQUARES: Final = (7, 10)
"""Columns and rows; one even and one odd, so that the target has one way up."""

INNER_CORNERS: Final = (SQUARES[0] - 1, SQUARES[1] - 1)

RULER_MM: Final = 200
_BOARD_LEFT_MM = 10.0
_RULER_GAP_MM = 8.0
_TICK_MM = 10
_LINE_MM = 0.3
_PT_PER_MM = 72 / 25.4
_PNG_PX_PER_MM = 12
_PNG_HEAD_BYTES = 33


@dataclass(frozen=True)
class Sheet:
    """One size of paper.

    Attributes:
        width_mm: Its width, upright.
        height_mm: Its height.
        square_mm: Side of the squares on it.
    """

    width_mm: float
    height_mm: float
    square_mm: float

    @property
    def board_top_mm(self) -> float:
        """Distance of the board from the upper edge."""
        return (self.height_mm - SQUARES[1] * self.square_mm) / 2

    @property
    def ruler_left_mm(self) -> float:
        """Distance of the ruler from the left edge."""
        return _BOARD_LEFT_MM + SQUARES[0] * self.square_mm + _RULER_GAP_MM

    @property
    def told(self) -> str:
        """What stands on it for the person who prints it."""
        return (
            f"Beltmark target, squares of {self.square_mm:g} mm. Print at 100 %, not fitted to the "
            f"page. The ruler is {RULER_MM} mm long."
        )


SHEETS: Final[dict[Paper, Sheet]] = {
    "a4": Sheet(210.0, 297.0, 25.0),
    "a3": Sheet(297.0, 420.0, 35.0),
    "letter": Sheet(215.9, 279.4, 25.0),
}

Rectangle = tuple[float, float, float, float]


def black_rectangles(sheet: Sheet) -> list[Rectangle]:
    """Returns what is black, as left, top, width, height in mm from the sheet's upper left."""
    side, top = sheet.square_mm, sheet.board_top_mm
    board = [
        (_BOARD_LEFT_MM + column * side, top + row * side, side, side)
        for row in range(SQUARES[1])
        for column in range(SQUARES[0])
        if (row + column) % 2 == 0
    ]
    left = sheet.ruler_left_mm
    ruler: list[Rectangle] = [(left, top, _LINE_MM, RULER_MM)]
    for at_mm in range(0, RULER_MM + 1, _TICK_MM):
        length_mm = 8.0 if at_mm % RULER_MM == 0 else 6.0 if at_mm % 50 == 0 else 4.0
        # The outer edges of the first and last tick are the ruler's ends.
        shift_mm = 0.0 if at_mm == 0 else _LINE_MM if at_mm == RULER_MM else _LINE_MM / 2
        ruler.append((left, top + at_mm - shift_mm, length_mm, _LINE_MM))
    return board + ruler


def target_pdf(sheet: Sheet) -> bytes:
    """Draws the target as a PDF of one page."""
    drawn = [f"{_PT_PER_MM:.6f} 0 0 {_PT_PER_MM:.6f} 0 0 cm 0 g"]
    for left, top, width, height in black_rectangles(sheet):
        bottom = sheet.height_mm - top - height
        drawn.append(f"{left:.3f} {bottom:.3f} {width:.3f} {height:.3f} re")
    drawn.append("f")
    baseline_mm = sheet.board_top_mm / 2
    drawn.append(f"BT /F1 3.2 Tf {_BOARD_LEFT_MM:.3f} {baseline_mm:.3f} Td ({sheet.told}) Tj ET")
    content = "\n".join(drawn).encode("ascii")
    size = f"{sheet.width_mm * _PT_PER_MM:.3f} {sheet.height_mm * _PT_PER_MM:.3f}"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size}] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>".encode("ascii"),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    pdf, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(pdf)
    pdf += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    pdf += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    pdf += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(pdf)


def target_png(sheet: Sheet) -> bytes:
    """Draws the target as a PNG that says how many of its pixels make a metre."""
    scale = _PNG_PX_PER_MM
    shape = (round(sheet.height_mm * scale), round(sheet.width_mm * scale))
    image = np.full(shape, 255, np.uint8)
    for left, top, width, height in black_rectangles(sheet):
        columns = slice(round(left * scale), round((left + width) * scale))
        image[round(top * scale) : round((top + height) * scale), columns] = 0
    baseline_px = round((sheet.height_mm - sheet.board_top_mm / 2) * scale)
    place = (round(_BOARD_LEFT_MM * scale), baseline_px)
    cv2.putText(image, sheet.told, place, cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 2, cv2.LINE_AA)
    _, encoded = cv2.imencode(".png", image)
    plain = encoded.tobytes()
    per_metre = scale * 1_000
    body = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    # Right after the signature and the header, which are of fixed size.
    head = _PNG_HEAD_BYTES
    return plain[:head] + chunk + plain[head:]
