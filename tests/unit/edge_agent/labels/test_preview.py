"""The picture of a label: ink where the operations put it, symbols that can be read."""

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.contract.layout import Layout
from edge_agent.labels import fonts
from edge_agent.labels.errors import LabelError
from edge_agent.labels.gs1 import element_string, trade_item
from edge_agent.labels.layout import DrawBox, DrawDataMatrix, Drawing, DrawText
from edge_agent.labels.preview import draw_preview, picture, png
from edge_agent.labels.symbols import data_matrix_modules

SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
SERIALS = st.text(SET_82, min_size=1, max_size=20)


def test_a_box_is_exact():
    image = picture(Drawing(20, 12, 8, (DrawBox(2, 3, 10, 6, 1),)))
    expected = np.full((12, 20), 255, np.uint8)
    expected[3:9, 2:12] = 0
    expected[4:8, 3:11] = 255
    assert np.array_equal(image, expected)


@pytest.mark.parametrize("text", ["Hgjpq 0123", "WWW", "iiii", "Caf\u00e9 {x}"])
def test_text_stays_in_its_area(text: str):
    operation = DrawText(10, 12, 40, fonts.width_dots(text, 40), text)
    image = picture(Drawing(600, 80, 8, (operation,)))
    rows, columns = np.where(image == 0)
    (area,) = operation.areas
    assert area.left <= columns.min() < area.left + 8
    assert area.right - 14 < columns.max() < area.right
    assert area.top <= rows.min() < area.top + 4
    assert rows.max() < area.bottom


@settings(max_examples=40, deadline=None)
@given(
    st.text(SET_82, min_size=1, max_size=20), st.none() | st.text(SET_82, min_size=1, max_size=9)
)
def test_a_data_matrix_reads_back(serial: str, lot: str | None):
    pairs = trade_item("9506000134352", serial, lot)
    modules = data_matrix_modules(element_string(pairs))
    image = picture(Drawing(320, 320, 8, (DrawDataMatrix(40, 40, 4, modules, pairs),)))
    (symbol,) = zxingcpp.read_barcodes(image)
    assert symbol.symbology_identifier == "]d2"
    assert symbol.bytes == element_string(pairs).encode("ascii")
    rows, columns = np.where(image == 0)
    assert (columns.min(), rows.max()) == (40, 39 + 4 * modules)


def test_png():
    image = picture(Drawing(20, 12, 8, (DrawBox(2, 3, 10, 6, 1),)))
    decoded = cv2.imdecode(np.frombuffer(png(image), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(decoded, image)


def test_raw_zpl_has_no_preview():
    layout = Layout(name="theirs", width_mm=60, height_mm=40, zpl="^XA^FDa^FS^XZ")
    with pytest.raises(LabelError, match="theirs: a layout of raw ZPL has no preview"):
        draw_preview(layout, {}, 8)
