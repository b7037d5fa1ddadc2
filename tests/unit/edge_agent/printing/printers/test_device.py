"""The device adapter on a pseudo-terminal, which has two ends like a printer's cable."""

import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.printing.printers.base import PrinterBroken, PrinterUnreachable
from edge_agent.printing.printers.device import DeviceLine
from edge_agent.printing.printers.zebra import Deadlines, ZebraPrinter

GREETING = b"~JX^XA^JZN^XZ"


@pytest.fixture
def cable() -> Iterator[tuple[int, str]]:
    """The printer's end, and the path of the host's end."""
    printers, hosts = os.openpty()
    tty.setraw(hosts)
    yield printers, os.ttyname(hosts)
    for handle in (printers, hosts):
        try:
            os.close(handle)
        except OSError:
            continue


def answer_once(printers: int, query: bytes, answer: bytes) -> threading.Thread:
    def serve() -> None:
        received = b""
        while query not in received:
            received += os.read(printers, 1024)
        os.write(printers, answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_sends_and_reads_answers(cable: tuple[int, str]):
    printers, path = cable
    printer = ZebraPrinter(DeviceLine(path), Deadlines(answer_s=5.0))
    assert printer.address == path
    printer.connect()
    assert os.read(printers, 100) == GREETING
    thread = answer_once(printers, b"total_label_count", b'"17"')
    assert printer.label_count() == 17
    thread.join(5)
    printer.send(b"^XA^XZ")
    assert os.read(printers, 100) == b"^XA^XZ"
    printer.close()


def test_silence_is_none(cable: tuple[int, str]):
    printer = ZebraPrinter(DeviceLine(cable[1]), Deadlines(answer_s=0.1))
    printer.connect()
    assert printer.query_status() is None
    printer.close()


def test_a_stalled_device_breaks_at_the_deadline(cable: tuple[int, str]):
    printer = ZebraPrinter(DeviceLine(cable[1]), Deadlines(write_s=0.2))
    printer.connect()
    with pytest.raises(PrinterBroken, match="deadline") as broken:
        printer.send(b"x" * 1_000_000)
    assert 0 < broken.value.handed_over < 1_000_000


def test_unplugged(cable: tuple[int, str]):
    printers, path = cable
    printer = ZebraPrinter(DeviceLine(path), Deadlines(write_s=0.2))
    printer.connect()
    os.close(printers)
    with pytest.raises((PrinterBroken, PrinterUnreachable)):
        printer.send(b"^XA^XZ")


def test_missing_and_wrong_devices(tmp_path: Path):
    printer = ZebraPrinter(DeviceLine("/dev/no-such-printer"), Deadlines())
    with pytest.raises(PrinterUnreachable, match="no such file"):
        printer.connect()
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    with pytest.raises(PrinterUnreachable, match="not a printer device"):
        ZebraPrinter(DeviceLine(str(plain)), Deadlines()).connect()
