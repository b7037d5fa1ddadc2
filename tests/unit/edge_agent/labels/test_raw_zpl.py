"""Customers' ZPL templates: values stay inside their fields, and templates print one label."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zplkit.parse import parse

from edge_agent.labels.errors import LabelError
from edge_agent.labels.raw_zpl import fill_template


def filled(source: str, value: str = "v") -> bytes:
    return fill_template(source, {"item": {"serial": value}, "product": {}}, "theirs")


def in_field(commands: str, value: str) -> bytes:
    return filled(f"^XA^FO1,1{commands}^FD<{{{{ item.serial }}}}>^FS^XZ", value)


def test_the_rest_stays_as_it_was_written():
    source = "^XA\n^FO1,1^A0N,30^FDSerial_No {{ item.serial }}^FS\n^FO5,5^FDa_b^FS\n^XZ\n"
    assert filled(source, "_^~\u00e9") == (
        b"^XA\n^CI28^FO1,1^A0N,30^FH_^FDSerial_5FNo _5F_5E_7E_C3_A9^FS\n^FO5,5^FDa_b^FS\n^XZ"
    )


def test_the_authors_own_hexadecimal_is_kept():
    assert in_field("^FH\\", "\u20ac_") == b"^XA^CI28^FO1,1^FH\\^FD<\\E2\\82\\AC\\5F>^FS^XZ"
    assert in_field("^FHA", "bA") == b"^XA^CI28^FO1,1^FHA^FD<bA41>^FS^XZ"


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_value_changes_the_commands(value: str):
    source = (
        "^XA^PQ1^FO1,1^A0N,30^FD{{ item.serial }}^FS^FO2,2^BXN,4,200,,,6,#^FD{{ item.serial }}^FS"
        "^FO3,3^BCN,100,N,N,N,D^FD{{ item.serial }}^FS^XZ"
    )

    def structure(zpl: bytes) -> list[bytes]:
        return [re.sub(rb"(?s)^\^FD.*", b"^FD", e.data) for e in parse(zpl).elements]

    try:
        zpl = filled(source, value)
    except LabelError:
        return
    assert structure(zpl) == structure(filled(source))


@pytest.mark.parametrize(
    ("commands", "possible", "impossible"),
    [
        ("^A0N,30", ["a>b#_^~<", "\u65e5"], ["\n", "\x1d", "\u202e", "a\\b"]),
        ("^FB200,2", ["a>b"], ["\\&", "a<b"]),
        ("^BCN,100", ["a#b^_"], [">8", "\u00e9", "\x1d"]),
        ("^BCN,100,Y,N,N,D", ["0112"], [">8", "(01)", " "]),
        ("^BCN,100,Y,N,N,U", ["0112"], ["a"]),
        ("^BXN,4,200,,,6,#", ["_1~1>"], ["#1", "\u00e9"]),
        ("^BXN,4,200,,,6,_", ["#1~1>"], ["_1"]),
        ("^BQN,2,4", ["a^b"], ["\u00e9"]),
        ("^B3N,N,100", ["AB-1"], ["$", "*", "+A"]),
    ],
)
def test_each_kind_of_field_has_its_own_characters(
    commands: str, possible: list[str], impossible: list[str]
):
    for value in possible:
        assert in_field(commands, value)
    for value in impossible:
        with pytest.raises(LabelError, match=r"theirs: zpl: .*cannot be put into this field"):
            in_field(commands, value)


@pytest.mark.parametrize("own", ["", "^PQ1", "^PQ1,0,1,Y"])
def test_the_catalogue_says_how_many_come_out(own: str):
    source = f"^XA{own}^FDa^FS^XZ"
    assert fill_template(source, {}, "theirs", 3).endswith(b"^FS^PQ3,0,0,N^XZ")
    assert b"^PQ3" not in fill_template(source, {}, "theirs")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("^FDa^FS", "is not one format"),
        ("text^XA^FDa^FS^XZ", "is not one format"),
        ("^XA^FDa^FS^XZ^XA^FDb^FS^XZ", "several formats"),
        ("^XA^FDa^FS~JA^XZ", "~ command"),
        ("^XA^CC!^FDa^FS^XZ", r"\^CC changes the prefix"),
        ("^XA^DFR:A.ZPL^FDa^FS^XZ", "prints nothing"),
        ("^XA^FDa^FS^PQ2^XZ", "several copies"),
        ("^XA^XZ", "draws nothing"),
        ("^XA^LL200^FO1,1^FS^XZ", "draws nothing"),
        ("^XA^CI0^FDa^FS^XZ", "UTF-8"),
        ("^XA^FO{{ item.serial }},1^FDa^FS^XZ", r"expression in \^FO"),
        ("^XA{{ item.serial }}^FDa^FS^XZ", r"expression in \^XA"),
        ("^XA^BXN,4,200^FD{{ item.serial }}^FS^XZ", "escape character"),
        ("^XA^BXN,4,,,,6,#^FD{{ item.serial }}^FS^XZ", "quality 200"),
        ("^XA{% if 1 %}^FDa^FS{% endif %}^XZ", "more than ZPL"),
        ("^XA\ue000^XZ", "more than ZPL"),
        ("^XA^FD{{ item.serial * 9 }}^FS^XZ", "not possible"),
    ],
)
def test_templates_that_are_refused(source: str, told: str):
    with pytest.raises(LabelError, match=told):
        filled(source)
