"""The ZPL of a layout: nothing from outside ever changes its commands, and nothing is lost."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zplkit.parse import parse

from beltmark.contract.layout import Layout
from beltmark.simulation.printer_protocol import CommandStream, Format
from edge_agent.labels import fonts
from edge_agent.labels.errors import LabelError
from edge_agent.labels.expressions import Context
from edge_agent.labels.zpl import draw_zpl

LAYOUT = Layout.model_validate(
    {
        "name": "test",
        "width_mm": 250,
        "height_mm": 60,
        "elements": [
            {
                "kind": "text",
                "x_mm": 1,
                "y_mm": 1,
                "size_mm": 2,
                "max_width_mm": 240,
                "text": "{{ product.name }}",
            },
            {"kind": "gs1_datamatrix", "x_mm": 5, "y_mm": 10, "module_mm": 0.5, "lot": "A"},
            {
                "kind": "gs1_128_sscc",
                "x_mm": 40,
                "y_mm": 10,
                "module_mm": 0.5,
                "height_mm": 20,
            },
            {"kind": "box", "x_mm": 0, "y_mm": 50, "width_mm": 20, "height_mm": 5},
        ],
    }
)
SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
PRINTABLE = "".join(c for c in map(chr, range(0x20, 0x180)) if fonts.advance(c) is not None)
COMMANDS = ("^XA", "^XZ", "~JA", "^FD", "^FS", "^FH", "_5E", "__", ">8", "#1", "_1", "~1", "\\&")
CONTROLS = ("\x1d", "\xe8", "\0", "\n", "\r", "\x1b", "\u202e", "\ud800", "{{ item.serial }}")
NASTY = st.sampled_from(COMMANDS + CONTROLS)
ANY_TEXT = st.one_of(
    st.text(max_size=40),
    st.lists(st.one_of(NASTY, st.text(PRINTABLE, max_size=5)), max_size=6).map("".join),
    st.text(PRINTABLE, max_size=40),
)


def context(name: str = "Tea", serial: str = "1") -> Context:
    return {
        "item": {"serial": serial, "sscc": "106141412345678908"},
        "product": {"name": name, "gtin": "9506000134352"},
    }


def commands(zpl: bytes) -> list[bytes]:
    elements = parse(zpl).elements
    assert {element.kind for element in elements} == {"format_command"}
    return [element.data for element in elements]


def structure(zpl: bytes) -> list[bytes]:
    """All commands without field data and symbol size: nobody changes these from outside."""
    without_size = [re.sub(rb"(\^BXN,4,200),\d\d,\d\d", rb"\1", data) for data in commands(zpl)]
    return [b"^FD" if data.startswith(b"^FD") else data for data in without_size]


def fields(zpl: bytes) -> list[str]:
    """What the printer finds in each field once it has decoded `^FH`."""
    found = [data[3:] for data in commands(zpl) if data.startswith(b"^FD")]
    decoded = [
        re.sub(rb"_([0-9A-F]{2})", lambda match: bytes([int(match.group(1), 16)]), data)
        for data in found
    ]
    return [data.decode("utf-8") for data in decoded]


HARMLESS = structure(draw_zpl(LAYOUT, context(), 8))


def test_a_label_states_what_it_depends_on():
    assert [
        b"^XA",
        b"^CI28",
        b"^PW2000",
        b"^LL480",
        b"^LH0,0",
        b"^FWN",
        b"^PON",
        b"^PMN",
        b"^LRN",
        b"^PQ1,0,0,N",
        *[b"^FO8,8", b"^A0N,16,16", b"^FH_", b"^FD", b"^FS"],
        *[b"^FO40,80", b"^BXN,4,200,6,#", b"^FH_", b"^FD", b"^FS"],
        *[b"^FO320,80", b"^BY4", b"^BCN,160,N,N,N,D", b"^FH_", b"^FD", b"^FS"],
        *[b"^FO0,400", b"^GB160,40,2", b"^FS"],
        b"^XZ",
    ] == HARMLESS


def test_a_label_says_how_many_come_out():
    one, three = draw_zpl(LAYOUT, context(), 8), draw_zpl(LAYOUT, context(), 8, copies=3)
    assert three == one.replace(b"^PQ1,", b"^PQ3,")


@settings(deadline=None)
@given(ANY_TEXT)
def test_no_text_changes_the_commands_and_what_is_printed_is_the_text(name: str):
    try:
        zpl = draw_zpl(LAYOUT, context(name), 8)
    except LabelError:
        return
    expected = fonts.composed(name)
    structured = structure(zpl)
    if expected:
        assert structured == HARMLESS
        assert fields(zpl)[0] == expected
    else:
        assert structured == HARMLESS[:10] + HARMLESS[15:]
    assert list(CommandStream().feed(zpl)) == [Format(zpl)]


@settings(deadline=None)
@given(st.text(PRINTABLE, min_size=1, max_size=60))
def test_what_the_font_has_is_never_refused(name: str):
    assert fields(draw_zpl(LAYOUT, context(name), 8))[0] == fonts.composed(name)


@settings(deadline=None)
@given(ANY_TEXT)
def test_no_serial_brings_a_function_character(serial: str):
    allowed = 1 <= len(serial) <= 20 and set(serial) <= set(SET_82)
    try:
        zpl = draw_zpl(LAYOUT, context(serial=serial), 8)
    except LabelError:
        assert not allowed
        return
    assert allowed
    assert structure(zpl) == HARMLESS
    assert fields(zpl)[1] == "#1" + "0109506000134352" + "10A" + "#1" + "21" + serial


@settings(deadline=None)
@given(st.text(SET_82, min_size=1, max_size=20))
def test_every_serial_of_set_82_comes_through(serial: str):
    assert fields(draw_zpl(LAYOUT, context(serial=serial), 8))[1].endswith("#121" + serial)


def test_a_field_longer_than_the_printer_holds_is_refused():
    layout = Layout(name="test", width_mm=60, height_mm=40, zpl="^XA^FD{{ product.name }}^FS^XZ")
    with pytest.raises(LabelError, match="3072"):
        draw_zpl(layout, context("\u00e9" * 513), 8)


def test_a_print_speed_is_stated_before_all_that_the_layout_says() -> None:
    plain = draw_zpl(LAYOUT, context(), 8)
    assert draw_zpl(LAYOUT, context(), 8, speed_in_s=6) == b"^XA^PR6" + plain[3:]
