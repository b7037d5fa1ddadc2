"""The TCP adapter against the simulated printer and its faults."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from beltmark.simulation.printer import AT_ONCE, PrinterFaults, SimulatedPrinter
from edge_agent.printing.printers.base import (
    Printer,
    PrinterBroken,
    PrinterError,
    PrinterUnreachable,
)
from edge_agent.printing.printers.opening import open_printer
from edge_agent.printing.printers.zebra import Deadlines

DEADLINE_S = 5.0
LABEL = b"^XA^FO1,1^FDa^FS^XZ"


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "deadline passed"
        time.sleep(0.005)


def works(action: Callable[[], None]) -> bool:
    try:
        action()
    except PrinterError:
        return False
    return True


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), DEADLINE_S).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture
def simulated() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as running:
        yield running


@pytest.fixture
def printer(simulated: SimulatedPrinter) -> Iterator[Printer]:
    opened = open_printer(simulated.address, Deadlines(answer_s=DEADLINE_S))
    opened.connect()
    yield opened
    opened.close()


@pytest.fixture
def hasty(simulated: SimulatedPrinter) -> Iterator[Printer]:
    """Gives up soon: for printers that say nothing."""
    opened = open_printer(simulated.address, Deadlines(write_s=0.5, answer_s=0.2))
    opened.connect()
    yield opened
    opened.close()


def test_prints_counts_and_tells_its_status(simulated: SimulatedPrinter, printer: Printer):
    assert printer.label_count() == 0
    printer.send(LABEL)
    until(lambda: printer.label_count() == 1)
    status = printer.query_status()
    assert status is not None
    assert status.is_idle
    assert status.faults == ()
    assert [p.raw for p in simulated.record] == [LABEL]


def test_media_out_is_told_and_nothing_is_reprinted(simulated: SimulatedPrinter, printer: Printer):
    simulated.faults = PrinterFaults(media_out_after=1)
    printer.send(LABEL)
    until(lambda: len(simulated.record) == 1)
    status = printer.query_status()
    assert status is not None
    assert status.faults == ("media out", "paused")
    simulated.load_media()
    until(lambda: (found := printer.query_status()) is not None and not found.faults)
    assert printer.label_count() == 1


def test_silence_is_none_and_ends_when_the_printer_speaks_again(
    simulated: SimulatedPrinter, hasty: Printer
):
    simulated.faults = PrinterFaults(silent=True)
    assert hasty.query_status() is None
    assert hasty.label_count() is None
    simulated.faults = PrinterFaults()
    until(lambda: hasty.label_count() == 0)


def test_half_open_is_silence(simulated: SimulatedPrinter, hasty: Printer):
    simulated.faults = PrinterFaults(half_open=True)
    hasty.send(LABEL)
    assert hasty.label_count() is None


def test_half_open_and_full_breaks_at_the_deadline(simulated: SimulatedPrinter, hasty: Printer):
    simulated.faults = PrinterFaults(half_open=True)
    with pytest.raises(PrinterBroken, match="deadline") as broken:
        hasty.send(LABEL * 1_000_000)
    assert 0 < broken.value.handed_over < 19_000_000


def test_a_partial_label_of_a_dead_connection_does_not_merge_with_the_next(
    simulated: SimulatedPrinter, printer: Printer
):
    assert printer.label_count() == 0  # all that connecting sent has been read
    simulated.faults = PrinterFaults(dies_after_bytes=10)
    printer.send(LABEL)
    until(lambda: not works(lambda: printer.send(LABEL)))
    until(lambda: refuses(simulated.port))  # it breaks the connection first, and then closes
    simulated.revive()
    until(lambda: works(printer.connect))
    status = printer.query_status()
    assert status is not None
    assert not status.partial_format
    assert printer.label_count() == 0
    printer.send(LABEL)
    until(lambda: printer.label_count() == 1)
    assert simulated.record[0].raw == LABEL


def test_cancel_partial(simulated: SimulatedPrinter, printer: Printer):
    printer.send(b"^XA^FDhalf")
    status = printer.query_status()
    assert status is not None
    assert status.partial_format
    printer.cancel_partial()
    status = printer.query_status()
    assert status is not None
    assert not status.partial_format


def test_refused(simulated: SimulatedPrinter, printer: Printer):
    printer.close()
    simulated.faults = replace(simulated.faults, refuse=True)

    def refuses() -> bool:
        try:
            printer.connect()
        except PrinterUnreachable as error:
            return "refused" in str(error)
        printer.close()
        return False

    until(refuses)
