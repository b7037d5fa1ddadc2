"""Bundled layouts drawn as ZPL, rendered by a third party, read back, and compared.

The renderer is not ours and knows nothing of our operations: where it, our preview and the data
agree, the label says what it should.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from label_reading import rendered
from numpy.typing import NDArray

from beltmark.contract.layout import Layout, read_layout
from edge_agent.labels import fonts
from edge_agent.labels.escaping import field
from edge_agent.labels.expressions import Context
from edge_agent.labels.layout import DrawText, resolve
from edge_agent.labels.preview import draw_preview
from edge_agent.labels.zpl import draw_zpl

SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
ITEM = {
    "id": "i-1",
    "serial": "ST1-00000042",
    "sscc": "106141412345678908",
    "decided_at": 1_790_000_000.0,
}
PRODUCT = {"sku": "TEA-4711 (x)", "gtin": "9506000134352", "name": "Tea ^XA~JA_1>8 gjpq"}
CONTEXT: Context = {"item": ITEM, "product": PRODUCT}
CONTENT = {
    "item": ("]d2", b"0109506000134352" + b"21ST1-00000042"),
    "logistic_unit": ("]C1", b"00106141412345678908"),
}
ASCII = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "\\")


def bundled(name: str) -> Layout:
    return read_layout(Path(str(files("beltmark").joinpath(f"bundled/layouts/{name}.toml"))))


def print_of(zpl: bytes, layout: Layout, dpmm: int, profile: str = "zd621") -> NDArray[np.uint8]:
    """The third party's picture of a label of this layout."""
    return rendered(zpl, layout.width_mm, layout.height_mm, dpmm, profile)


def corners(symbol: zxingcpp.Barcode) -> NDArray[np.float64]:
    """The symbol's corners: shape (4, 2), float64, x and y in dots."""
    p = symbol.position
    ordered = (p.top_left, p.top_right, p.bottom_right, p.bottom_left)
    return np.array([(point.x, point.y) for point in ordered], dtype=np.float64)


@pytest.mark.parametrize("dpmm", [8, 12])
@pytest.mark.parametrize("name", ["item", "logistic_unit"])
def test_symbols_of_zpl_and_preview_agree_with_the_data(name: str, dpmm: int):
    layout = bundled(name)
    preview = draw_preview(layout, CONTEXT, dpmm)
    print_out = print_of(draw_zpl(layout, CONTEXT, dpmm), layout, dpmm)
    assert print_out.shape == preview.shape
    (printed,) = zxingcpp.read_barcodes(print_out)
    (seen,) = zxingcpp.read_barcodes(preview)
    for symbol in (printed, seen):
        assert (symbol.symbology_identifier, symbol.bytes) == CONTENT[name]
    assert np.abs(corners(printed) - corners(seen)).max() <= 0.25 * dpmm


@pytest.mark.parametrize("profile", ["zd621", "specification"])
@pytest.mark.parametrize("dpmm", [8, 12])
@pytest.mark.parametrize("name", ["item", "logistic_unit"])
def test_text_stands_where_the_preview_shows_it(name: str, dpmm: int, profile: str):
    layout = bundled(name)
    preview = draw_preview(layout, CONTEXT, dpmm)
    print_out = print_of(draw_zpl(layout, CONTEXT, dpmm), layout, dpmm, profile)
    texts = [o for o in resolve(layout, CONTEXT, dpmm).operations if isinstance(o, DrawText)]
    assert len(texts) >= 4
    for text in texts:
        (area,) = text.areas
        # Wider than its area: no ink of the print-out may leave the width that was measured.
        window = np.s_[area.top - dpmm // 2 : area.bottom, area.left - 1 : area.right + 3 * dpmm]
        found = [np.where(image[window] == 0) for image in (print_out, preview)]
        boxes = np.array([(x.min(), y.min(), x.max(), y.max()) for y, x in found])
        left, top, right, bottom = np.abs(boxes[0] - boxes[1])
        assert max(left, top, bottom) <= dpmm, text
        # Firmwares round the advance of small letters differently.
        assert right <= 0.06 * text.width, text
        assert boxes[0][2] - 1 <= text.width, text


@settings(max_examples=60, deadline=None)
@given(st.text(ASCII, min_size=1, max_size=12), st.integers(10, 100))
def test_no_text_is_wider_than_it_was_measured(text: str, height_dots: int):
    zpl = f"^XA^CI28^LH0,0^FO0,0^A0N,{height_dots},{height_dots}".encode()
    layout = Layout(name="wide", width_mm=250, height_mm=20, zpl="^XA^XZ")
    image = print_of(zpl + field(text + "|", "wide") + b"^XZ", layout, 8)
    columns = np.where((image == 0).any(axis=0))[0]
    # The bar at the end shows the width with all spaces; its own ink starts after a gap.
    assert columns.max() < fonts.width_dots(text + "|", height_dots)


def test_lot_and_expiry_are_read_back_too():
    layout = Layout.model_validate(
        {
            "name": "batch",
            "width_mm": 40,
            "height_mm": 40,
            "elements": [
                {
                    "kind": "gs1_datamatrix",
                    "x_mm": 5,
                    "y_mm": 5,
                    "module_mm": 0.5,
                    "lot": "L>8_/7",
                    "expiry": "2027-02-28",
                }
            ],
        }
    )
    image = print_of(draw_zpl(layout, CONTEXT, 8), layout, 8)
    (symbol,) = zxingcpp.read_barcodes(image)
    assert symbol.text == "(01)09506000134352(17)270228(10)L>8_/7(21)ST1-00000042"


@settings(max_examples=40, deadline=None)
@given(st.text(SET_82, min_size=1, max_size=20))
def test_every_serial_is_read_back_from_the_rendered_label(serial: str):
    layout = Layout.model_validate(
        {
            "name": "serial",
            "width_mm": 40,
            "height_mm": 40,
            "elements": [{"kind": "gs1_datamatrix", "x_mm": 5, "y_mm": 5, "module_mm": 0.5}],
        }
    )
    context: Context = {"item": {"serial": serial}, "product": PRODUCT}
    (symbol,) = zxingcpp.read_barcodes(print_of(draw_zpl(layout, context, 8), layout, 8))
    assert symbol.symbology_identifier == "]d2"
    assert symbol.bytes == b"010950600013435221" + serial.encode("ascii")


def test_a_customers_template_is_read_back():
    layout = Layout(
        name="theirs",
        width_mm=60,
        height_mm=40,
        zpl=(
            "^XA^PW480^LL320^FO40,40^BXN,5,200,,,6,#"
            "^FD#101{{ product.gtin | gtin14 }}21{{ item.serial }}^FS"
            "^FO40,200^BY2^BCN,80,N,N,N,N^FD{{ product.sku }}^FS^XZ"
        ),
    )
    image = print_of(draw_zpl(layout, CONTEXT, 8), layout, 8)
    contents = {found.symbology_identifier: found.bytes for found in zxingcpp.read_barcodes(image)}
    assert contents == {"]d2": b"010950600013435221ST1-00000042", "]C0": b"TEA-4711 (x)"}
