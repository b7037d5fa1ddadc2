"""Journal and spooler against a printer on a real socket, which has accidents and its own record.

Whatever happens: no item has two labels, and what the journal says is what the printer's record
says, or it says that it does not know.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from beltmark.contract.catalogue import Product
from beltmark.contract.records import ItemMessage
from beltmark.simulation.printer import AT_ONCE, PrinterFaults, SimulatedPrinter
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.journal import Journal
from edge_agent.printing.printers.base import Printer
from edge_agent.printing.printers.opening import open_printer
from edge_agent.printing.printers.zebra import Deadlines
from edge_agent.printing.reading import read_items
from edge_agent.printing.records import ItemDecision, LabelOrder, Place
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.station.decision import Decision

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
PRINT = Decision("PRINT", "sure", "", "carton", 0.99, CARTON)
LABEL_BYTES = 200


class Renderer:
    def render(self, order: LabelOrder) -> bytes:
        label = f"^XA^FO10,10^A0N,30^FD{order.item.item_id} {order.item.serial}^FS".encode()
        label += f"^PQ{order.product.copies}".encode() if order.product.copies > 1 else b""
        return label + b"^FX".ljust(LABEL_BYTES - len(label) - 3, b".") + b"^XZ"


class Diverted:
    def __init__(self) -> None:
        self.items: list[str] = []

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        self.items.append(item_id)


@dataclass
class Station:
    path: Path
    desk: OutcomeDesk
    spooler: Spooler
    divert: Diverted

    def decide(self, item_id: str, copies: int = 1) -> None:
        place = Place(300, 160, time.time())
        product = CARTON.model_copy(update={"copies": copies})
        decision = replace(PRINT, product=product)
        self.desk.settle(ItemDecision(item_id, time.time(), place, decision, "r", "a" * 64))

    def items(self) -> dict[str, ItemMessage]:
        return {item.item_id: item for item in read_items(self.path)}

    def wait_until(self, is_so: Callable[[dict[str, ItemMessage]], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_so(self.items()):
            assert time.monotonic() < deadline, self.items()
            self.spooler.watch()
            time.sleep(0.02)


class RunsOutAtSend:
    """The way to a printer whose media ends after it has said that it is ready."""

    def __init__(self, simulated: SimulatedPrinter, printer: Printer) -> None:
        self._simulated, self._printer = simulated, printer
        self.runs_out = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._printer, name)

    def send(self, data: bytes) -> None:
        if self.runs_out:
            self._simulated.faults = PrinterFaults(media_out_after=0)
        self._printer.send(data)


def opened(printer: SimulatedPrinter) -> Printer:
    deadlines = Deadlines(connect_s=0.3, write_s=0.3, answer_s=0.2)
    return open_printer(printer.address, deadlines)


@contextmanager
def station(
    folder: Path,
    printer: SimulatedPrinter,
    spare: SimulatedPrinter | None = None,
    line: Printer | None = None,
) -> Iterator[Station]:
    path = folder / "journal.sqlite3"
    journal, divert = Journal(path, "belt-1"), Diverted()
    desk = OutcomeDesk(journal, divert, time.time)
    spooler = Spooler(
        line or opened(printer),
        journal,
        Renderer(),
        desk,
        SpoolerSettings(
            label_deadline_s=1.5,
            confirm_timeout_s=1.5,
            idle_period_s=0.2,
            stable_s=0.1,
            spare_after_s=0.5,
        ),
        spare=None if spare is None else opened(spare),
    )
    desk.print_through(spooler)
    spooler.recover(journal.recollection.open_labels)
    spooler.start()
    try:
        yield Station(path, desk, spooler, divert)
    finally:
        spooler.stop()
        journal.flush()
        journal.close()


def printed(printer: SimulatedPrinter) -> list[str]:
    found = (re.search(rb"\^FD(\S+) ", label.raw) for label in printer.record)
    return [match[1].decode() for match in found if match]


def is_settled(items: dict[str, ItemMessage]) -> bool:
    return all(
        item.print_state in ("printed", "failed", "late", "unknown") for item in items.values()
    )


def check_against_record(s: Station, printer: SimulatedPrinter) -> None:
    came_out = printed(printer)
    assert len(set(came_out)) == len(came_out)
    for name, item in s.items().items():
        if item.print_state == "printed":
            assert name in came_out
        elif item.print_state in ("failed", "late"):
            assert name not in came_out
        if item.print_state != "printed":
            assert item.outcome == "REVIEW"
            assert name in s.divert.items


def test_labels_come_out_in_order(tmp_path: Path) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer) as s:
        names = [f"i{i}" for i in range(8)]
        for name in names:
            s.decide(name)
        s.wait_until(lambda items: len(items) == 8 and is_settled(items))
    assert printed(printer) == names
    assert {item.print_state for item in s.items().values()} == {"printed"}


def test_the_counter_must_move_by_as_many_as_the_catalogue_says(tmp_path: Path) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer) as s:
        s.decide("three", copies=3)
        s.decide("one")
        s.wait_until(lambda items: len(items) == 2 and is_settled(items))
    assert printed(printer) == ["three", "three", "three", "one"]
    assert [item.print_state for item in s.items().values()] == ["printed", "printed"]


def test_copies_that_stop_half_way_are_never_made_up_for(tmp_path: Path) -> None:
    faults = PrinterFaults(media_out_after=2)
    with (
        SimulatedPrinter(speed_mm_s=AT_ONCE, faults=faults) as printer,
        station(tmp_path, printer) as s,
    ):
        s.decide("three", copies=3)
        s.wait_until(lambda items: bool(items) and items["three"].outcome == "REVIEW")
    assert printed(printer) == ["three", "three"]
    assert s.items()["three"].print_state == "unknown"
    assert s.divert.items == ["three"]


@pytest.mark.parametrize("after_bytes", [1, 5, 60, 150, 199, 200, 230, 300, 420])
@pytest.mark.parametrize("loses_power", [False, True])
def test_a_printer_that_dies_after_some_bytes(
    tmp_path: Path, after_bytes: int, loses_power: bool
) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer) as s:
        s.decide("first")
        s.wait_until(lambda items: len(items) == 1 and is_settled(items))
        printer.faults = PrinterFaults(dies_after_bytes=after_bytes)
        s.decide("second")
        time.sleep(0.3)
        printer.revive(after_power_loss=loses_power)
        printer.faults = PrinterFaults()
        s.wait_until(lambda items: len(items) == 2 and is_settled(items))
        s.wait_until(lambda _: s.spooler.hold_reason is None)
        s.decide("third")
        s.wait_until(lambda items: len(items) == 3 and is_settled(items))
        s.wait_until(lambda _: s.spooler.health.state == "ready")
        check_against_record(s, printer)
    assert s.items()["third"].print_state == "printed"


@pytest.mark.parametrize(
    ("faults", "health"),
    [
        (PrinterFaults(silent=True), "silent"),
        (PrinterFaults(half_open=True), "silent"),
        (PrinterFaults(refuse=True), "down"),
        (PrinterFaults(media_out_after=0), "fault"),
        (PrinterFaults(media_out_after=0, answers_when_media_out=False), "silent"),
        (PrinterFaults(head_open=True, tells_only_errors=True), "fault"),
    ],
)
def test_a_printer_that_cannot_print_sends_items_to_a_person_until_it_is_mended(
    tmp_path: Path, faults: PrinterFaults, health: str
) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer) as s:
        s.decide("before")
        s.wait_until(lambda items: len(items) == 1 and is_settled(items))
        printer.faults = faults
        s.decide("during")
        s.wait_until(lambda items: len(items) == 2 and is_settled(items))
        s.wait_until(lambda _: s.spooler.health.state == health)
        printer.faults = PrinterFaults()
        printer.load_media()
        s.wait_until(lambda _: s.spooler.health.state == "ready")
        s.decide("after")
        s.wait_until(lambda items: len(items) == 3 and is_settled(items))
        check_against_record(s, printer)
    assert [item.print_state for item in s.items().values()] == ["printed", "late", "printed"]


def test_the_media_ends_with_one_label_and_the_next_item_goes_to_a_person(tmp_path: Path) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer) as s:
        printer.faults = PrinterFaults(media_out_after=2)
        for i in range(4):
            s.decide(f"i{i}")
        s.wait_until(lambda items: len(items) == 4 and is_settled(items))
        check_against_record(s, printer)
    assert printed(printer) == ["i0", "i1"]


def test_a_slow_label_is_known_to_have_come_out_late(tmp_path: Path) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE, faults=PrinterFaults(slow_s=2.5)) as printer:
        with station(tmp_path, printer) as s:
            s.decide("slow")
            s.wait_until(lambda items: bool(items) and is_settled(items))
            assert s.items()["slow"].outcome == "REVIEW"
            assert s.spooler.hold_reason is not None
            s.wait_until(lambda items: items["slow"].print_state == "printed")
            s.wait_until(lambda _: s.spooler.hold_reason is None)
        assert printed(printer) == ["slow"]


def test_a_label_that_is_late_in_the_printer_does_not_come_out_when_media_is_loaded(
    tmp_path: Path,
) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        line = RunsOutAtSend(printer, opened(printer))
        with station(tmp_path, printer, line=cast(Printer, line)) as s:
            s.decide("late")
            s.wait_until(lambda items: bool(items) and items["late"].print_state == "failed")
            assert s.items()["late"].outcome == "REVIEW"
            line.runs_out = False
            printer.faults = PrinterFaults()
            printer.load_media()
            s.wait_until(lambda _: s.spooler.health.state == "ready")
            s.decide("next")
            s.wait_until(lambda items: len(items) == 2 and is_settled(items))
        assert printed(printer) == ["next"]


def test_the_spare_printer_takes_over_from_a_dead_one(tmp_path: Path) -> None:
    with (
        SimulatedPrinter(speed_mm_s=AT_ONCE) as first,
        SimulatedPrinter(speed_mm_s=AT_ONCE) as spare,
        station(tmp_path, first, spare) as s,
    ):
        s.decide("a")
        s.wait_until(lambda items: bool(items) and is_settled(items))
        first.faults = PrinterFaults(refuse=True)
        s.wait_until(lambda _: s.spooler.printers[0][1].state == "down")
        s.wait_until(lambda _: s.spooler.health.state == "ready")
        s.decide("b")
        s.wait_until(lambda items: len(items) == 2 and is_settled(items))
        first.faults = PrinterFaults()
        s.wait_until(lambda _: s.spooler.printers[0][1].state == "ready")
        spare.faults = PrinterFaults(refuse=True)
        s.wait_until(lambda _: s.spooler.printers[1][1].state == "down")
        s.wait_until(lambda _: s.spooler.health.state == "ready")
        s.decide("c")
        s.wait_until(lambda items: len(items) == 3 and is_settled(items))
    assert (printed(first), printed(spare)) == (["a", "c"], ["b"])


@pytest.mark.parametrize("seed", range(4))
def test_no_item_ever_has_two_labels_whatever_the_printer_does(tmp_path: Path, seed: int) -> None:
    """Accidents and restarts of the agent at random, judged by the printer's own record."""
    random = np.random.default_rng(seed)
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        for run in range(3):
            with station(tmp_path, printer) as s:
                for i in range(6):
                    printer.revive(after_power_loss=bool(random.random() < 0.5))
                    printer.faults = PrinterFaults(
                        slow_s=float(random.choice([0.0, 0.05, 0.3])),
                        silent=bool(random.random() < 0.15),
                        dies_after_bytes=(
                            int(random.integers(1, 500)) if random.random() < 0.5 else None
                        ),
                    )
                    s.decide(f"r{run}-{i}")
                    time.sleep(float(random.uniform(0, 0.3)))
                if random.random() < 0.5:
                    continue  # it ends in the middle of it
                printer.revive()
                printer.faults = PrinterFaults()
                s.wait_until(is_settled)
        printer.revive()
        printer.faults = PrinterFaults()
        with station(tmp_path, printer) as s:
            s.wait_until(lambda _: s.spooler.hold_reason is None)
            s.decide("last")
            s.wait_until(lambda items: "last" in items and is_settled(items))
        came_out = printed(printer)
        assert len(set(came_out)) == len(came_out)
        items = s.items()
    assert len(items) == 19
    for name, item in items.items():
        if item.print_state == "printed":
            assert name in came_out
        elif item.print_state != "unknown":
            assert name not in came_out
        assert (item.outcome == "PRINT") <= (item.print_state == "printed")
    assert items["last"].print_state == "printed"
