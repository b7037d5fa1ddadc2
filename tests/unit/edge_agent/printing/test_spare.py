"""Two printers: whose turn it is, and that a label is never on both."""

from dataclasses import replace

import pytest
from spooler_bench import PLACE, Bench, ScriptedPrinter

from edge_agent.printing.printers.base import PrinterBroken, PrinterStatus
from edge_agent.printing.records import OpenLabel
from edge_agent.printing.spare import Turn
from edge_agent.printing.spooler_ports import SpoolerSettings

PATIENT = SpoolerSettings(label_deadline_s=60.0, hold_after_s=None, spare_after_s=2.0)


@pytest.fixture
def bench() -> Bench:
    bench = Bench(PATIENT)
    bench.spare = ScriptedPrinter(address="spare", count=7)
    bench.spooler = bench.make()
    bench.run(0.5)
    return bench


def test_the_spare_takes_over_only_when_the_first_has_been_unwell_for_a_while() -> None:
    turn = Turn(after_s=5.0)

    def look(now: float, first: bool, *, quiet: bool = True, spare: bool = True) -> bool:
        turn.look(now, first_is_ready=first, first_is_quiet=quiet, spare_is_ready=spare)
        return turn.uses_spare

    assert not look(0.0, False)
    assert not look(4.0, False)
    assert not look(4.5, True)  # it only fluttered
    assert not look(5.0, False)
    assert not look(10.0, False, spare=False)  # no better there
    assert look(10.1, False)
    assert look(11.0, True)
    assert look(15.0, True, quiet=False)  # a label may still come out of it
    assert look(16.0, True)
    assert look(20.9, True)
    assert not look(21.0, True)


def test_labels_go_to_the_spare_while_the_first_is_unwell_and_back_again(bench: Bench) -> None:
    assert bench.spare is not None
    bench.printer.status = PrinterStatus(paper_out=True)
    bench.run(0.1)
    bench.order("a")
    bench.run(1.5)
    assert (bench.spare.sent, bench.spooler.health.state) == ([], "fault")
    bench.run(1.0)
    assert bench.spooler.health.state == "ready"
    assert (len(bench.spare.sent), bench.printer.sent) == (1, [])
    bench.spare.print_label()
    bench.run(0.2)
    assert (bench.state("a"), bench.journal.baselines["a"]) == ("printed", 7)
    assert bench.journal.printers["a"] == "spare"
    bench.printer.status = PrinterStatus()
    bench.run(5.0)
    bench.order("b")
    bench.run(0.2)
    assert (len(bench.spare.sent), len(bench.printer.sent)) == (1, 1)
    assert [health.state for _, health in bench.spooler.printers] == ["ready", "ready"]


def test_a_label_that_may_be_in_the_first_stays_with_it_and_its_counter(bench: Bench) -> None:
    assert bench.spare is not None

    def break_off(data: bytes) -> None:
        bench.printer.is_reachable = False
        raise PrinterBroken("scripted", "reset", handed_over=7)

    bench.printer.on_send = break_off
    bench.order("a")
    bench.order("b")
    bench.run(3.0)
    assert bench.state("a") == "unknown"
    bench.spare.print_label()
    bench.run(0.2)
    assert bench.state("b") == "printed"
    assert bench.spare.sent == [b"^XA^FDS-b^FS^XZ"]
    bench.printer.on_send = None
    bench.printer.is_reachable = True
    bench.printer.print_label()
    bench.run(1.0)
    assert bench.state("a") == "printed"
    assert bench.printer.sent == []


@pytest.mark.parametrize(
    ("waits", "reason"), [(True, "a label may still come out too late"), (False, None)]
)
def test_a_label_that_is_unknown_at_the_first_is_never_sent_to_the_spare(
    bench: Bench, reason: str | None, *, waits: bool
) -> None:
    bench.settings = replace(PATIENT, waits_for_printer=waits)
    bench.spooler = bench.make()
    bench.run(0.5)
    assert bench.spare is not None
    bench.order("a")
    bench.run(0.1)
    bench.printer.is_reachable = False
    bench.run(10.0)
    assert (bench.state("a"), bench.spare.sent) == ("unknown", [])
    assert bench.desk.reviews == [("a", "label_unknown")]
    # It may come out of the first when that is back: the spare alone does not let the belt go.
    assert bench.spooler.hold_reason == reason
    bench.printer.is_reachable = True
    bench.run(1.0)
    assert bench.state("a") == "failed"
    assert bench.spooler.hold_reason is None


@pytest.mark.parametrize(
    ("printer", "ends", "is_closed"),
    [("scripted", "failed", False), ("spare", "printed", False), (None, "failed", False),
     ("another", "unknown", True)],
)  # fmt: skip
def test_after_a_restart_the_printer_that_got_the_label_is_asked(
    bench: Bench, printer: str | None, ends: str, is_closed: bool
) -> None:
    bench.journal.states["old"] = "sent"
    assert bench.spare is not None
    bench.printer.count, bench.spare.count = 6, 7
    bench.spooler.recover([OpenLabel("old", "sent", 6, PLACE, "PRINT", 1, printer)])
    bench.run(5)
    assert bench.state("old") == ends
    assert bench.journal.closed == ["old"] * is_closed
