"""Labels through a CUPS that is not ours, as far as this computer has one that may be started."""

import os
from collections.abc import Iterator

import cups_server
import pytest
from mqtt_brokers import free_port
from waiting import until

from beltmark.contract.errors import InputError
from beltmark.simulation.printer import AT_ONCE, PrinterFaults, SimulatedPrinter
from edge_agent.printer_check import look_at_printer
from edge_agent.printing.printers.base import PrinterBroken, PrinterUnreachable
from edge_agent.printing.printers.opening import open_printer
from edge_agent.printing.printers.zebra import Deadlines
from edge_agent.printing.section import PrinterSection

pytestmark = pytest.mark.skipif(
    cups_server.CUPSD is None or os.geteuid() != 0, reason="needs cupsd, and root to run it"
)

LABEL = b"^XA^FDlabel^FS^XZ"
DEADLINES = Deadlines(connect_s=5.0, write_s=3.0, answer_s=5.0)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with cups_server.cups(tmp_path_factory.mktemp("cups"), port):
        yield port


def device(printer: SimulatedPrinter) -> str:
    return f"socket://127.0.0.1:{printer.port}/?waiteof=false"


def test_a_label_goes_through_as_it_is(port: int) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        opened = open_printer(cups_server.queue(port, "plain", device(printer)), DEADLINES)
        assert not opened.confirms
        for _ in range(2):
            opened.connect()
            opened.send(LABEL)
        until(lambda: len(printer.record) == 2, "both labels come out")
    assert [label.raw for label in printer.record] == [LABEL] * 2


def test_a_label_that_the_queue_cannot_hand_over_is_broken_and_does_not_come_later(
    port: int,
) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        address = cups_server.queue(port, "dead", device(printer))
        opened = open_printer(address, DEADLINES)
        opened.connect()
        printer.faults = PrinterFaults(refuse=True)
        until(lambda: _is_refused(printer), "the printer is away")
        with pytest.raises(PrinterBroken) as broken:
            opened.send(LABEL)
        assert broken.value.handed_over == len(LABEL)
        printer.faults = PrinterFaults()
        opened.connect()
        opened.send(LABEL + b"\n")
        until(lambda: printer.record, "the next label comes out")
        assert cups_server.jobs(port, "dead") == ""
    assert len(printer.record) == 1


def test_a_queue_that_stands_still_takes_none_and_what_an_earlier_run_left_is_cancelled(
    port: int,
) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        address = cups_server.queue(port, "still", device(printer))
        earlier = open_printer(address, Deadlines(write_s=0.0))
        earlier.connect()
        cups_server.stand_still(port, "still")
        with pytest.raises(PrinterBroken, match="did not leave the queue in time"):
            earlier.send(LABEL)
        assert cups_server.jobs(port, "still") == ""
        with pytest.raises(PrinterUnreachable, match="the queue takes no jobs: Paused"):
            open_printer(address, DEADLINES).connect()
        cups_server.queue(port, "still", device(printer))
        opened = open_printer(address, DEADLINES)
        opened.connect()
        opened.send(LABEL + b"\n")
        until(lambda: printer.record, "the next label comes out")
    assert len(printer.record) == 1


def test_check_says_what_is_to_be_changed_at_the_queue(port: int) -> None:
    def told(address: str) -> str:
        return look_at_printer(PrinterSection(address=address), address)

    target = "socket://127.0.0.1:9"
    address = cups_server.queue(port, "asked", target, policy="stop-printer")
    with pytest.raises(InputError, match="printer-error-policy is stop-printer") as policy:
        told(address)
    assert policy.value.mend == "lpadmin -p asked -o printer-error-policy=abort-job"
    cups_server.queue(port, "asked", target)
    with pytest.raises(InputError) as waits:
        told(address)
    assert waits.value.mend == f"lpadmin -p asked -v '{target}/?waiteof=false'"
    cups_server.queue(port, "asked", f"{target}/?waiteof=false")
    assert "completed means that the bytes were accepted" in told(address)
    with pytest.raises(InputError, match="no such queue"):
        told(f"ipp://127.0.0.1:{port}/printers/other")


def _is_refused(printer: SimulatedPrinter) -> bool:
    probe = open_printer(printer.address, Deadlines(connect_s=0.5))
    try:
        probe.connect()
    except PrinterUnreachable:
        return True
    finally:
        probe.close()
    return False
