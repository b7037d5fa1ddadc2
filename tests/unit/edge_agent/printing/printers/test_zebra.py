"""The Zebra conversation over a scripted line: whole answers, silence, answers that come late."""

import pytest

from edge_agent.printing.printers.base import PrinterBroken, PrinterStatus, PrinterUnreachable
from edge_agent.printing.printers.profile import Profile
from edge_agent.printing.printers.zebra import (
    Deadlines,
    ZebraPrinter,
    parse_error_status,
    parse_host_status,
    parse_quoted,
)

FINE = b"\x02030,0,0,0320,000,0,0,0,000,0,0,0\x03\r\n\x02000,0,0,0,1,2,6,0,00000000,1,000\x03\r\n"
BAD = b"\x02030,1,1,0320,007,1,0,1,000,0,0,0\x03\r\n\x02000,0,1,1,1,2,6,0,00000012,1,000\x03\r\n"
END = b"\x021234,0\x03\r\n"
GREETING = b"~JX^XA^JZN^XZ"


class ScriptedLine:
    """Answers each written query with the next script entry; time passes only in `read`."""

    address = "scripted"

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.arriving: list[bytes] = []
        self.written: list[bytes] = []
        self.opened = 0
        self.now = 0.0
        self.breaks = False

    def open(self, timeout_s: float) -> None:
        self.opened += 1
        self.arriving.clear()

    def write(self, data: bytes, timeout_s: float) -> None:
        if self.breaks:
            raise PrinterBroken(self.address, "broke", 3)
        self.written.append(data)
        if data.startswith((b"~H", b"! U1")) and self.answers:
            answer = self.answers.pop(0)
            if answer is not None:
                self.arriving += [answer[i : i + 5] for i in range(0, len(answer), 5)]

    def read(self, timeout_s: float) -> bytes:
        if self.arriving:
            return self.arriving.pop(0)
        self.now += timeout_s
        return b""

    def close(self) -> None:
        pass


def printer_on(line: ScriptedLine, profile: Profile | None = None) -> ZebraPrinter:
    printer = ZebraPrinter(line, Deadlines(), clock=lambda: line.now, profile=profile or Profile())
    printer.connect()
    return printer


def test_status_is_read_from_pieces():
    printer = printer_on(ScriptedLine(FINE + END, BAD + END))
    status = printer.query_status()
    assert status == PrinterStatus()
    assert status.is_idle
    assert status.faults == ()
    status = printer.query_status()
    assert status == PrinterStatus(
        paper_out=True,
        paused=True,
        buffer_full=True,
        partial_format=True,
        head_up=True,
        ribbon_out=True,
        formats_in_buffer=7,
        labels_remaining=12,
    )
    assert not status.is_idle
    assert status.faults == ("media out", "ribbon out", "head open", "paused", "buffer full")


@pytest.mark.parametrize(
    "received",
    [b"", FINE, FINE + END[:-4], END * 3, (FINE + END).replace(b"000,0,0,0,1", b"000,0,x,0,1")],
)
def test_what_is_no_whole_status_is_none(received: bytes):
    assert parse_host_status(received) is None


def error_status(flags: str) -> bytes:
    return (
        "\x02\r\n  PRINTER STATUS\r\n"
        f"   ERRORS:         {int(flags != '00000000')} 00000000 {flags} \r\n"
        "   WARNINGS:       0 00000000 00000000 \r\n\x03"
    ).encode("ascii")


@pytest.mark.parametrize(
    ("flags", "faults"),
    [
        ("00000001", ("media out",)),
        ("00000002", ("ribbon out",)),
        ("00010004", ("head open", "paused")),
        ("00000010", ("head too hot",)),
        ("00000028", ("cutter fault", "motor too hot")),
        ("00400000", ("error 00400000",)),
    ],
)
def test_where_the_status_has_no_answer_the_errors_name_the_cause(
    flags: str, faults: tuple[str, ...]
):
    status = printer_on(ScriptedLine(None, error_status(flags))).query_status()
    assert status is not None
    assert status.faults == faults
    # What it holds it did not say: that must never pass for an empty buffer.
    assert not status.is_idle


@pytest.mark.parametrize("answer", [None, error_status("00000000"), error_status("00000001")[:60]])
def test_without_a_named_cause_it_is_silent(answer: bytes | None):
    line = ScriptedLine(None, answer)
    assert printer_on(line).query_status() is None
    assert [written for written in line.written if written != GREETING] == [b"~HS", b"~HQES"]


def test_an_error_status_is_read_only_whole():
    whole = error_status("00000001")
    assert parse_error_status(whole) is not None
    assert parse_error_status(whole[: whole.index(b"WARNINGS")]) is None


@pytest.mark.parametrize(
    ("answer", "faults"),
    [
        (b'"203"', ()),
        (b'"300"', ("its head has 12 dots per mm, printer.dpmm says 8",)),
        (b'"?"', ()),
        (None, ()),
    ],
)
def test_a_head_of_another_resolution_is_a_fault_and_one_that_is_not_told_is_none(
    answer: bytes | None, faults: tuple[str, ...]
):
    asked_again = [answer] if faults else []  # it may be mended meanwhile
    line = ScriptedLine(FINE + END, answer, FINE + END, *asked_again, FINE + END, b'"203"')
    printer = printer_on(line, Profile(dpmm=8))
    for _ in range(2):
        status = printer.query_status()
        assert status is not None
        assert status.faults == faults
        assert status.untold == (() if answer in (b'"203"', b'"300"') else ("resolution",))
    printer.close()
    printer.connect()
    status = printer.query_status()
    assert status is not None
    assert status.faults == status.untold == ()
    assert sum(b"head.resolution" in written for written in line.written) == 2 + bool(faults)


def test_what_can_be_set_is_set_at_each_connection_and_asked_back():
    told = (b'"203"', b'"4.0"', b'"800"', b'"V84.20.18Z"', b'"TEAR OFF"', b'"?"')
    line = ScriptedLine(FINE + END, *told)
    printer = printer_on(line, Profile(8, 100, 6, "V84", "peel", "gap"))
    assert line.written == [b"~JX^XA^JZN^PR6^PW800^XZ"]
    status = printer.query_status()
    assert status is not None
    assert status.faults == (
        "it prints at 102 mm/s, printer.profile.print_speed_mm_s says 152; "
        "its mode is TEAR OFF, printer.profile.mode says peel",
    )
    assert status.untold == ("stock",)


def test_quoted_values():
    assert parse_quoted(b'"12"') == "12"
    assert parse_quoted(b'"12') is None


@pytest.mark.parametrize(
    ("answer", "count"), [(b'"41"', 41), (b'"?"', None), (b'"-1"', None), (b'"9', None)]
)
def test_label_count(answer: bytes, count: int | None):
    assert printer_on(ScriptedLine(answer)).label_count() == count


def test_a_late_answer_is_never_taken_for_the_next_one():
    line = ScriptedLine(None, b'"42"')
    printer = printer_on(line)
    assert printer.label_count() is None
    line.arriving.append(b'"41"')
    assert printer.label_count() == 42
    assert line.opened == 2


def test_what_nobody_asked_for_is_thrown_away():
    line = ScriptedLine(b'"7"')
    printer = printer_on(line)
    line.arriving.append(b'"6"')
    assert printer.label_count() == 7
    assert line.opened == 1


def test_every_connection_cancels_what_is_unfinished_and_forbids_reprints():
    line = ScriptedLine()
    printer = printer_on(line)
    printer.connect()
    assert line.written == [GREETING]
    printer.close()
    printer.connect()
    assert line.written == [GREETING, GREETING]


def test_a_broken_line_says_how_much_left_and_must_be_connected_anew():
    line = ScriptedLine()
    printer = printer_on(line)
    line.breaks = True
    with pytest.raises(PrinterBroken) as broken:
        printer.send(b"^XA^XZ")
    assert broken.value.handed_over == 3
    with pytest.raises(PrinterUnreachable, match="not connected"):
        printer.send(b"^XA^XZ")
    with pytest.raises(PrinterUnreachable):
        printer.connect()
