"""Draws the picture of a label from the very operations that its ZPL is worded from.

Symbols are exact in content, place and size. Text is in OpenCV's stroke font, stretched to the
printer's advances: place and size are right, the shapes of the letters and their accents are not.
"""

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from beltmark.contract.layout import Layout
from edge_agent.labels import fonts, gs1, symbols
from edge_agent.labels.errors import LabelError
from edge_agent.labels.expressions import Context
from edge_agent.labels.layout import (
    DrawBox,
    DrawDataMatrix,
    DrawGs1128,
    Drawing,
    DrawText,
    resolve,
)

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GLYPH_SCALE = 4.0
_PAPER, _INK = 255, 0


def draw_preview(layout: Layout, context: Context, dpmm: int) -> NDArray[np.uint8]:
    """Draws the label as the printer would.

    Args:
        layout: A layout of elements.
        context: The fields of `item` and `product`.
        dpmm: The printer's dots per millimetre: 6, 8, 12 or 24.

    Returns:
        Shape (height, width), uint8, one pixel per dot: 0 is ink, 255 is paper.

    Raises:
        LabelError: The label cannot be drawn with these values, or its layout is raw ZPL.
    """
    if layout.zpl is not None:
        raise LabelError(
            "a layout of raw ZPL has no preview", "print it once to see it", file=layout.name
        )
    return picture(resolve(layout, context, dpmm))


def picture(drawing: Drawing) -> NDArray[np.uint8]:
    """Draws the operations; see `draw_preview` for the picture."""
    paper = np.full((drawing.height, drawing.width), _PAPER, np.uint8)
    for operation in drawing.operations:
        match operation:
            case DrawText():
                _text(paper, operation)
            case DrawDataMatrix():
                _data_matrix(paper, operation)
            case DrawGs1128():
                _gs1_128(paper, operation)
            case DrawBox():
                for area in operation.areas:
                    paper[area.top : area.bottom, area.left : area.right] = _INK
    return paper


def png(image: NDArray[np.uint8]) -> bytes:
    """Encodes a picture of shape (height, width), uint8, as PNG."""
    done, encoded = cv2.imencode(".png", image)
    if not done:
        raise ValueError(f"no PNG from an image of shape {image.shape}")
    return bytes(encoded)


def _data_matrix(paper: NDArray[np.uint8], operation: DrawDataMatrix) -> None:
    sizes = [modules for modules, _ in symbols.DATA_MATRIX_SIZES]
    symbol = zxingcpp.create_barcode(
        _bracketed(operation.pairs),
        zxingcpp.BarcodeFormat.DataMatrix,
        gs1=True,
        version=sizes.index(operation.modules) + 1,
    )
    module = (operation.module, operation.module)
    _stamp(paper, _modules(symbol), (operation.x, operation.y), module)


def _gs1_128(paper: NDArray[np.uint8], operation: DrawGs1128) -> None:
    data = _bracketed(gs1.logistic_unit(operation.sscc))
    symbol = zxingcpp.create_barcode(data, zxingcpp.BarcodeFormat.Code128, gs1=True)
    bar = (operation.module, operation.height)
    _stamp(paper, _modules(symbol)[:1], (operation.x, operation.y), bar)


def _bracketed(pairs: tuple[tuple[str, str], ...]) -> str:
    """The pairs as the writer takes them; square brackets are in no GS1 value."""
    return "".join(f"[{identifier}]{value}" for identifier, value in pairs)


def _modules(symbol: zxingcpp.Barcode) -> NDArray[np.uint8]:
    """The symbol at one pixel per module: shape (rows, columns), uint8, 0 is ink."""
    image = zxingcpp.write_barcode_to_image(symbol, scale=1, add_quiet_zones=False)
    return np.array(image, dtype=np.uint8)


def _stamp(
    paper: NDArray[np.uint8],
    modules: NDArray[np.uint8],
    at: tuple[int, int],
    module_size: tuple[int, int],
) -> None:
    """Puts modules (rows, columns), uint8, on the paper at (x, y), each (width, height) dots."""
    (x, y), (width, height) = at, module_size
    dots = modules.repeat(height, axis=0).repeat(width, axis=1)
    paper[y : y + dots.shape[0], x : x + dots.shape[1]] = dots


def _text(paper: NDArray[np.uint8], operation: DrawText) -> None:
    pen = operation.x
    for character in operation.text:
        space = (fonts.advance_dots(character, operation.height), operation.height)
        if character != " ":
            _letter(paper, fonts.base_letter(character), (pen, operation.y), space)
        pen += space[0]


def _letter(
    paper: NDArray[np.uint8], letter: str, at: tuple[int, int], space: tuple[int, int]
) -> None:
    """Draws one letter at (x, y), stretched to the printer's advance and height of capitals.

    Paper: shape (height, width), uint8, changed in place. Space: advance and height of the font.
    """
    (x, y), (advance, height) = at, space
    thickness = round(5 * _GLYPH_SCALE)
    (drawn_width, cap_height), below = cv2.getTextSize(letter, _FONT, _GLYPH_SCALE, thickness)
    glyph = np.zeros((cap_height + below, drawn_width), np.uint8)
    cv2.putText(glyph, letter, (0, cap_height), _FONT, _GLYPH_SCALE, (255,), thickness)
    size_scale = fonts.CAP_HEIGHT * height / cap_height
    rows = max(1, round(glyph.shape[0] * size_scale))
    small = cv2.resize(glyph, (advance, rows), interpolation=cv2.INTER_AREA)
    target = paper[y : y + min(rows, height), x : x + advance]
    target[small[: target.shape[0], : target.shape[1]] > 100] = _INK
