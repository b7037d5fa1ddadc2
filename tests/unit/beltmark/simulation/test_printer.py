"""The simulated printer over its real socket: what comes out, what it answers, its faults."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from beltmark.simulation.printer import AT_ONCE, PrinterFaults, SimulatedPrinter, read_record

DEADLINE_S = 5.0
COUNT_QUERY = b'! U1 getvar "odometer.total_label_count"\r\n'


def label(text: str) -> bytes:
    return f"^XA^FO1,1^FD{text}^FS^XZ".encode("ascii")


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "deadline passed"
        time.sleep(0.005)


def connect(printer: SimulatedPrinter) -> socket.socket:
    return socket.create_connection(("127.0.0.1", printer.port), timeout=DEADLINE_S)


def ask(client: socket.socket, query: bytes, end: bytes) -> bytes:
    client.sendall(query)
    answer = b""
    while not answer.endswith(end):
        more = client.recv(4096)
        assert more, "connection closed"
        answer += more
    return answer


def status(client: socket.socket) -> list[bytes]:
    """The fields of the first two lines of `~HS`."""
    lines = ask(client, b"~HS", b"1234,0\x03\r\n").split(b"\r\n")
    return b",".join(line[1:-1] for line in lines[:2]).split(b",")


def stays_silent(client: socket.socket, query: bytes) -> bool:
    client.sendall(query)
    client.settimeout(0.3)
    try:
        return not client.recv(1)
    except TimeoutError:
        return True


@pytest.fixture
def printer() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as running:
        yield running


def test_labels_come_out_in_order_and_are_counted(printer: SimulatedPrinter):
    with connect(printer) as client:
        client.sendall(label("a") + b"^XA^FDb^FS^PQ2^XZ")
        until(lambda: len(printer.record) == 3)
        assert ask(client, COUNT_QUERY, b'3"') == b'"3"'
    assert [(p.index, p.raw) for p in printer.record] == [
        (1, label("a")),
        (2, b"^XA^FDb^FS^PQ2^XZ"),
        (3, b"^XA^FDb^FS^PQ2^XZ"),
    ]


def test_record_and_counter_outlive_the_process_and_a_torn_line(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    seen: list[tuple[bytes, float]] = []
    with (
        SimulatedPrinter(
            record_path=path,
            clock=lambda: 12.5,
            on_label=lambda raw, at: seen.append((raw, at)),
            speed_mm_s=AT_ONCE,
        ) as first,
        connect(first) as client,
    ):
        client.sendall(label("a"))
        until(lambda: seen)
    assert seen == [(label("a"), 12.5)]
    with path.open("a") as file:
        file.write('{"index": 2, "a')
    with (
        SimulatedPrinter(speed_mm_s=AT_ONCE, record_path=path) as second,
        connect(second) as client,
    ):
        client.sendall(label("b"))
        until(lambda: len(second.record) == 2)
    assert [(p.index, p.raw) for p in read_record(path)] == [(1, label("a")), (2, label("b"))]


def test_partial_format_outlives_its_connection_until_cancelled(printer: SimulatedPrinter):
    with connect(printer) as client:
        client.sendall(b"^XA^FDold^FS")
    with connect(printer) as client:
        assert status(client)[7] == b"1"
        client.sendall(b"~JX")
        assert status(client)[7] == b"0"
        client.sendall(label("new"))
        until(lambda: printer.record)
    assert printer.record[0].raw == label("new")


def test_pause_holds_labels_and_cancel_all_forgets_them(printer: SimulatedPrinter):
    with connect(printer) as client:
        client.sendall(b"~PP" + label("a") + label("b"))
        fields = status(client)
        assert (fields[2], fields[4]) == (b"1", b"002")
        client.sendall(b"~JA" + label("c") + b"~PS")
        until(lambda: printer.record)
    assert [p.raw for p in printer.record] == [label("c")]


def test_one_client_at_a_time(printer: SimulatedPrinter):
    with connect(printer) as first:
        status(first)
        with connect(printer) as second:
            assert stays_silent(second, b"~HS")
            first.close()
            second.settimeout(DEADLINE_S)
            assert second.recv(1) == b"\x02"


def test_media_out_stops_and_reprints_unless_told_otherwise(printer: SimulatedPrinter):
    printer.faults = PrinterFaults(media_out_after=1)
    with connect(printer) as client:
        client.sendall(label("a") + label("b"))
        until(lambda: len(printer.record) == 1)
        until(lambda: status(client)[1] == b"1")
        printer.load_media()
        until(lambda: len(printer.record) == 3)
        client.sendall(b"^XA^JZN^XZ")
        status(client)
        printer.faults = PrinterFaults(media_out_after=1, answers_when_media_out=False)
        client.sendall(label("c"))
        until(lambda: len(printer.record) == 4)
        assert stays_silent(client, b"~HS~HQES")
        printer.load_media()
        client.settimeout(DEADLINE_S)
        client.sendall(label("d"))
        until(lambda: len(printer.record) == 5)
    raws = [p.raw for p in printer.record]
    assert raws == [label(name) for name in ("a", "a", "b", "c", "d")]


@pytest.mark.parametrize(
    ("faults", "flags"),
    [
        (PrinterFaults(ribbon_out=True), b"00010002"),
        (PrinterFaults(head_open=True), b"00010004"),
        (PrinterFaults(head_too_hot=True), b"00010010"),
        (PrinterFaults(media_out_after=0), b"00010001"),
    ],
)
def test_what_stops_it_is_told_by_its_errors_and_the_label_waits(
    printer: SimulatedPrinter, faults: PrinterFaults, flags: bytes
):
    printer.faults = replace(faults, tells_only_errors=True)
    with connect(printer) as client:
        client.sendall(label("a"))
        assert b"00000000 " + flags in ask(client, b"~HQES", b"\x03")
        assert stays_silent(client, b"~HS")
        assert printer.record == []
        printer.faults = PrinterFaults()
        until(lambda: printer.record)


def test_silent_prints_without_answering(printer: SimulatedPrinter):
    printer.faults = PrinterFaults(silent=True)
    with connect(printer) as client:
        assert stays_silent(client, COUNT_QUERY + label("a"))
        until(lambda: printer.record)


def test_half_open_takes_the_bytes_late(printer: SimulatedPrinter):
    printer.faults = PrinterFaults(half_open=True)
    with connect(printer) as client:
        assert stays_silent(client, label("late") + b"~HS")
        assert printer.record == []
        printer.faults = PrinterFaults()
        until(lambda: printer.record)


def test_dies_after_bytes_and_comes_back_on_its_port(printer: SimulatedPrinter):
    printer.faults = PrinterFaults(dies_after_bytes=len(label("a")) + 5)
    with connect(printer) as client:
        client.sendall(label("a") + label("b"))
        try:
            gone = client.recv(1) == b""
        except ConnectionResetError:
            gone = True
        assert gone
    until(lambda: not accepts(printer))
    until(lambda: printer.record)  # what it took in before it died still comes out
    assert [p.raw for p in printer.record] == [label("a")]
    printer.revive()
    until(lambda: accepts(printer))
    with connect(printer) as client:
        assert status(client)[7] == b"1"
    printer.revive(after_power_loss=True)
    with connect(printer) as client:
        assert status(client)[7] == b"0"


def test_refuses_while_told_to(printer: SimulatedPrinter):
    printer.faults = PrinterFaults(refuse=True)
    until(lambda: not accepts(printer))
    printer.faults = PrinterFaults()
    until(lambda: accepts(printer))


def test_slow_takes_its_time_per_label():
    slept: list[float] = []
    faults = PrinterFaults(slow_s=0.3)
    with SimulatedPrinter(speed_mm_s=AT_ONCE, faults=faults, sleep=slept.append) as printer:
        with connect(printer) as client:
            client.sendall(label("a") + label("b"))
            until(lambda: len(printer.record) == 2)
        assert sum(slept) == pytest.approx(0.6)
        printer.faults = replace(faults, slow_s=0.0)
        with connect(printer) as client:
            client.sendall(label("c"))
            until(lambda: len(printer.record) == 3)
    assert sum(slept) == pytest.approx(0.6)


def test_served_from_the_command_line_until_terminated(tmp_path: Path):
    record = tmp_path / "labels.jsonl"
    program = f"""
from pathlib import Path
from beltmark.simulation.printer_serving import serve
raise SystemExit(serve(port=0, record_path=Path({str(record)!r}), duration_s=60))
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as client:
            client.sendall(label("a"))
            assert "label, 19 bytes" in process.stdout.readline()
        process.terminate()
        assert process.stdout.readline() == "labels=1\n"
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert [p.raw for p in read_record(record)] == [label("a")]


def accepts(printer: SimulatedPrinter) -> bool:
    try:
        connect(printer).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("labels", "seconds"),
    [
        (b"^XA^LL1200^FDa^FS^XZ", [150 / 152.4]),  # 150 mm at 6 inches a second
        (b"^XA^LL1200^PR4^FDa^FS^XZ", [150 / 101.6]),
        # Length and speed stay.
        (b"^XA^PR2,2,2^LL400^FDa^FS^XZ^XA^FDb^FS^XZ", [50 / 50.8, 50 / 50.8]),
    ],
)
def test_a_label_takes_its_length_at_the_print_speed(labels: bytes, seconds: list[float]):
    slept: list[float] = []
    came_out: list[float] = []
    with (
        SimulatedPrinter(
            sleep=slept.append, on_label=lambda *_: came_out.append(sum(slept))
        ) as printer,
        connect(printer) as client,
    ):
        client.sendall(labels)
        until(lambda: len(came_out) == len(seconds))
    assert came_out == pytest.approx([sum(seconds[: i + 1]) for i in range(len(seconds))])
