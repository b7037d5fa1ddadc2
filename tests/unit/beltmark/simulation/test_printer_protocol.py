"""The simulated printer's reading of the byte stream and its wording."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.simulation.printer_protocol import (
    MAX_FORMAT_BYTES,
    CommandStream,
    Condition,
    Control,
    Format,
    GetVariable,
    error_status_reply,
    host_status_reply,
    variable_reply,
)

LABEL = b"^XA^FO1,1^FDa^FS^XZ"
QUERY = b'! U1 getvar "odometer.total_label_count"\r\n'
FINE = Condition(
    paper_out=False,
    paused=False,
    buffer_full=False,
    partial_format=False,
    head_up=False,
    ribbon_out=False,
    formats_in_buffer=0,
    labels_remaining=0,
)


def test_commands_come_out_whole_and_in_order():
    stream = CommandStream()
    commands = list(stream.feed(b"noise" + LABEL + b"\r\n~HS~HQES" + QUERY + LABEL))
    assert commands == [
        Format(LABEL),
        Control("HS"),
        Control("HQES"),
        GetVariable("odometer.total_label_count"),
        Format(LABEL),
    ]


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), max_size=60))
def test_splitting_of_the_stream_changes_nothing(sizes: list[int]):
    data = LABEL + b"~HQES" + QUERY + b"~HS" + b"^XA^FDb\r\n! U1 ~HSc^XZ"
    stream, commands, at = CommandStream(), [], 0
    for size in sizes:
        commands += stream.feed(data[at : at + size])
        at += size
    commands += stream.feed(data[at:])
    assert commands == list(CommandStream().feed(data))
    assert commands[-1] == Format(b"^XA^FDb\r\n! U1 c^XZ")


def test_unfinished_format_merges_with_the_next_until_cancelled():
    stream = CommandStream()
    assert not list(stream.feed(b"^XA^FDold^FS"))
    assert stream.has_partial_format
    assert list(stream.feed(LABEL)) == [Format(b"^XA^FDold^FS" + LABEL)]
    assert not list(stream.feed(b"^XA^FDold^FS"))
    stream.cancel_partial()
    assert list(stream.feed(LABEL)) == [Format(LABEL)]


def test_a_format_without_end_is_bounded():
    stream = CommandStream()
    assert not list(stream.feed(b"^XA" + b"x" * (MAX_FORMAT_BYTES + 10)))
    assert not stream.has_partial_format
    assert list(stream.feed(LABEL)) == [Format(LABEL)]


@pytest.mark.parametrize(
    ("raw", "copies"),
    [
        (b"^XA^FDa^FS^XZ", 1),
        (b"^XA^FDa^FS^PQ3,0,1,Y^XZ", 3),
        (b"^XA^FDa^FS^PQ99999999^XZ", 1000),
        (b"^XA^JZN^XZ", 0),
    ],
)
def test_copies(raw: bytes, copies: int):
    assert Format(raw).copies == copies


def test_host_status_has_its_flags_where_the_manual_puts_them():
    condition = Condition(
        paper_out=True,
        paused=True,
        buffer_full=True,
        partial_format=True,
        head_up=True,
        ribbon_out=True,
        formats_in_buffer=7,
        labels_remaining=12,
    )
    lines = host_status_reply(condition).split(b"\r\n")
    assert lines.pop() == b""
    assert all(line[:1] == b"\x02" and line[-1:] == b"\x03" for line in lines)
    first, second, third = (line[1:-1].split(b",") for line in lines)
    assert (len(first), len(second), len(third)) == (12, 11, 2)
    assert (first[1], first[2], first[4], first[5], first[7]) == (b"1", b"1", b"007", b"1", b"1")
    assert (second[2], second[3], second[8]) == (b"1", b"1", b"00000012")


def test_error_status_and_variables():
    assert b"ERRORS:         0 00000000 00000000" in error_status_reply(FINE)
    out = Condition(**{**vars(FINE), "paper_out": True, "paused": True})
    assert b"ERRORS:         1 00000000 00010001" in error_status_reply(out)
    assert variable_reply("odometer.total_label_count", 41, FINE) == b'"41"'
    assert variable_reply("no.such.name", 41, FINE) == b'"?"'
    assert variable_reply("device.host_status", 41, FINE).count(b"\r\n") == 2
