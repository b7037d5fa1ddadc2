"""From layout and item to draw operations: places, sizes, and what is refused."""

from typing import Any

import pytest

from beltmark.contract.layout import Layout
from edge_agent.labels import fonts, symbols
from edge_agent.labels.errors import LabelError, TextTooLongError
from edge_agent.labels.expressions import Context
from edge_agent.labels.layout import (
    DrawBox,
    DrawDataMatrix,
    DrawGs1128,
    Drawing,
    DrawText,
    resolve,
)

CONTEXT: Context = {
    "item": {"serial": "S1", "sscc": "106141412345678908"},
    "product": {"name": "Tea", "gtin": "9506000134352"},
}
TEXT = {"kind": "text", "x_mm": 5, "y_mm": 6, "size_mm": 3, "max_width_mm": 20, "text": "Tea"}
MATRIX = {"kind": "gs1_datamatrix", "x_mm": 30, "y_mm": 10, "module_mm": 0.5}


def drawn(*elements: dict[str, Any], context: Context = CONTEXT, dpmm: int = 8) -> Drawing:
    layout = {"name": "test", "width_mm": 100, "height_mm": 50, "elements": elements}
    return resolve(Layout.model_validate(layout), context, dpmm)


def test_places_and_sizes_are_in_dots_of_the_printer():
    box = {"kind": "box", "x_mm": 1, "y_mm": 2, "width_mm": 10, "height_mm": 5, "line_mm": 0.01}
    bars = {"kind": "gs1_128_sscc", "x_mm": 6, "y_mm": 30, "module_mm": 0.5, "height_mm": 10}
    assert drawn(TEXT, MATRIX, box, bars, dpmm=12) == Drawing(
        1200,
        600,
        12,
        (
            DrawText(60, 72, 36, fonts.width_dots("Tea", 36), "Tea"),
            DrawDataMatrix(360, 120, 6, 18, (("01", "09506000134352"), ("21", "S1"))),
            DrawBox(12, 24, 120, 60, 1),
            DrawGs1128(72, 360, 6, 120, "106141412345678908"),
        ),
    )


def test_modules_are_rounded_down_to_whole_dots():
    (symbol,) = drawn({**MATRIX, "module_mm": 0.49}).operations
    assert isinstance(symbol, DrawDataMatrix)
    assert symbol.module == 3
    with pytest.raises(LabelError, match=r"elements\.0 .*smaller than the printer's dot"):
        drawn({**MATRIX, "module_mm": 0.12})


def test_alignment():
    def x(align: str) -> int:
        (text,) = drawn({**TEXT, "align": align}).operations
        assert isinstance(text, DrawText)
        return text.x

    width = fonts.width_dots("Tea", 24)
    assert (x("left"), x("right")) == (40, 200 - width)
    assert x("center") == 40 + (160 - width) // 2


def test_too_long_text_is_refused_with_its_measure():
    with pytest.raises(TextTooLongError, match=r"test: elements\.0 \(text\): 'WWWWWWWW") as told:
        drawn({**TEXT, "text": "W" * 9})
    assert told.value.limit_mm == 20
    assert told.value.measured_mm == pytest.approx(9 * 20 * 1.02 / 8, abs=0.2)
    assert drawn({**TEXT, "text": "W" * 7}).operations


def test_an_empty_text_is_no_operation():
    context: Context = {**CONTEXT, "product": {"name": ""}}
    assert drawn({**TEXT, "text": "{{ product.name }}"}, context=context).operations == ()


@pytest.mark.parametrize("name", ["日本", "a\u202eb", "tab\t", "nul\0", "\ud800", "C:\\x", "x\x1d"])
def test_characters_that_the_printer_does_not_have_are_refused(name: str):
    context: Context = {**CONTEXT, "product": {"name": name}}
    with pytest.raises(LabelError, match=r"elements\.0 \(text\): .*U\+"):
        drawn({**TEXT, "text": "{{ product.name }}"}, context=context)


def test_accents_are_put_together():
    (text,) = drawn({**TEXT, "text": "Cafe\u0301"}).operations
    assert isinstance(text, DrawText)
    assert text.text == "Caf\u00e9"


@pytest.mark.parametrize(
    ("element", "context", "told"),
    [
        (MATRIX, {"item": {"serial": "ä"}, "product": CONTEXT["product"]}, "set of 82"),
        (MATRIX, {"item": {"serial": "1"}, "product": {"gtin": "9506000134351"}}, "check digit"),
        (MATRIX, {"item": {}, "product": CONTEXT["product"]}, "serial"),
        ({**MATRIX, "x_mm": 93}, CONTEXT, "beyond the label"),
        ({**MATRIX, "x_mm": 0.2}, CONTEXT, "beyond the label"),
        ({**TEXT, "size_mm": 1.1}, CONTEXT, "at least 1.25"),
    ],
)
def test_refused(element: dict[str, Any], context: Context, told: str):
    with pytest.raises(LabelError, match=told) as error:
        drawn(element, context=context)
    assert error.value.file == "test"
    assert str(error.value.field).startswith("elements.0")


def test_a_symbol_with_something_on_it_is_refused():
    touching = {**TEXT, "x_mm": 22, "y_mm": 12, "text": "Tea and more"}
    with pytest.raises(LabelError, match=r"elements\.0 .*overlaps elements\.1 \(text\)"):
        drawn(MATRIX, touching)
    frame = {"kind": "box", "x_mm": 25, "y_mm": 5, "width_mm": 30, "height_mm": 30, "line_mm": 1}
    assert drawn(MATRIX, frame).operations
    with pytest.raises(LabelError, match=r"overlaps elements\.1 \(box\)"):
        drawn(MATRIX, {**frame, "x_mm": 29})


def test_unknown_resolution():
    with pytest.raises(LabelError, match="6, 8, 12, 24"):
        drawn(TEXT, dpmm=203)


@pytest.mark.parametrize(
    ("data", "modules"), [("", 10), ("12", 12), ("1" * 26, 18), ("a" * 59, 32)]
)
def test_data_matrix_sizes(data: str, modules: int):
    assert symbols.data_matrix_modules(data) == modules
