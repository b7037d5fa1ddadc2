"""The spooler step by step: a scripted printer, its own clock, a journal in memory."""

from concurrent.futures import Future

import pytest
from spooler_bench import CARTON, PLACE, Bench, Desk, MemoryJournal

from beltmark.contract.terms import PrintState
from edge_agent.printing.label_steps import Label, LabelSteps
from edge_agent.printing.printers.base import (
    PrinterBroken,
    PrinterStatus,
)
from edge_agent.printing.records import LabelItem, LabelOrder, OpenLabel
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.printing.window import Due, Window


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_label_is_sent_once_and_confirmed_by_the_counter(bench: Bench) -> None:
    bench.order("a")
    bench.run(0.1)
    assert (bench.state("a"), bench.journal.baselines["a"]) == ("sent", 100)
    bench.printer.print_label()
    bench.run(1)
    assert bench.printer.sent == [b"^XA^FDS-a^FS^XZ"]
    assert bench.journal.steps == [
        ("a", "queued"),
        ("a", "sending"),
        ("a", "sent"),
        ("a", "printed"),
    ]
    assert bench.desk.reviews == []


def test_nothing_is_sent_before_its_step_is_committed(bench: Bench) -> None:
    def must_be_committed(data: bytes) -> None:
        assert bench.state("a") == "sending"

    bench.printer.on_send = must_be_committed
    bench.order("a")
    bench.run()
    assert len(bench.printer.sent) == 1


def test_the_next_label_waits_until_the_one_before_is_confirmed(bench: Bench) -> None:
    bench.order("a")
    bench.order("b")
    bench.run(0.3)
    assert len(bench.printer.sent) == 1
    bench.printer.print_label()
    bench.run(0.3)
    assert len(bench.printer.sent) == 2


@pytest.mark.parametrize(
    ("status", "health"),
    [
        (None, "silent"),
        (PrinterStatus(paper_out=True), "fault"),
        (PrinterStatus(head_up=True), "fault"),
        (PrinterStatus(paused=True), "fault"),
        (PrinterStatus(formats_in_buffer=1), "fault"),
    ],
)
def test_a_printer_that_takes_no_label_gets_none_and_the_item_goes_to_a_person(
    bench: Bench, status: PrinterStatus | None, health: str
) -> None:
    bench.printer.status = status
    bench.order("a")
    bench.run(2)
    assert bench.printer.sent == []
    assert (bench.state("a"), bench.desk.reviews) == ("late", [("a", "label_late")])
    assert bench.spooler.health.state == health
    assert health in bench.desk.reasons[0]
    assert bench.spooler.hold_reason is None


def test_a_printer_that_does_not_tell_its_counter_gets_no_label(bench: Bench) -> None:
    bench.printer.count = None
    bench.order("a")
    bench.run(2)
    assert (bench.printer.sent, bench.state("a")) == ([], "late")
    assert bench.spooler.health.state == "silent"


def test_a_printer_that_comes_back_in_time_prints(bench: Bench) -> None:
    bench.printer.is_reachable = False
    bench.order("a")
    bench.run(0.5)
    health = bench.spooler.health
    assert (health.state, health.since < bench.time.now) == ("down", True)
    bench.printer.is_reachable = True
    bench.run(0.2)
    bench.printer.print_label()
    bench.run(0.2)
    assert bench.state("a") == "printed"
    assert bench.spooler.health.state == "ready"


def test_a_part_of_a_label_is_cancelled_before_the_next(bench: Bench) -> None:
    bench.printer.status = PrinterStatus(partial_format=True)
    bench.order("a")
    bench.run(0.2)
    assert bench.printer.cancelled == 1
    assert bench.state("a") == "sent"


def test_lateness_is_noticed_while_the_printer_keeps_the_spooler_waiting(bench: Bench) -> None:
    bench.order("a")
    bench.time.now += 1.1
    bench.spooler.watch()
    assert bench.desk.reviews == [("a", "label_late")]
    bench.run()
    assert bench.printer.sent == []


def test_time_lost_before_the_spooler_counts(bench: Bench) -> None:
    item = LabelItem("a", "S", "belt-1", bench.time.now - 5, "carton")
    bench.spooler.submit(LabelOrder(item, CARTON, PLACE))
    bench.run()
    assert (bench.printer.sent, bench.state("a")) == ([], "late")


def test_a_label_that_became_late_while_its_step_was_written_is_not_sent(bench: Bench) -> None:
    class SlowDisk(MemoryJournal):
        def step_label(self, item_id: str, after: PrintState, *args, **kwargs):  # type: ignore[no-untyped-def]
            if after == "sending":
                bench.time.now += 2.0
            return super().step_label(item_id, after, *args, **kwargs)

    bench.journal = SlowDisk()
    bench.desk = Desk(bench.journal)
    bench.spooler = bench.make()
    bench.order("a")
    bench.run()
    assert (bench.printer.sent, bench.state("a")) == ([], "late")


def test_a_label_that_cannot_be_drawn_is_refused_with_the_reason(bench: Bench) -> None:
    bench.order("a", CARTON.model_copy(update={"name": "unprintable"}))
    bench.order("b")
    bench.run()
    assert (bench.state("a"), bench.desk.reviews) == ("failed", [("a", "label_refused")])
    assert "text too long" in bench.desk.reasons[0]
    assert bench.state("b") == "sent"


def test_when_nothing_left_the_label_is_sent_again(bench: Bench) -> None:
    def fail_once(data: bytes) -> None:
        bench.printer.on_send = None
        raise PrinterBroken("scripted", "reset", handed_over=0)

    bench.printer.on_send = fail_once
    bench.order("a")
    bench.run()
    assert bench.journal.steps[:5] == [
        ("a", "queued"),
        ("a", "sending"),
        ("a", "queued"),
        ("a", "sending"),
        ("a", "sent"),
    ]
    assert len(bench.printer.sent) == 1


def break_half_way(bench: Bench, *, comes_out: bool) -> None:
    def accident(data: bytes) -> None:
        bench.printer.on_send = None
        bench.printer.is_connected = False
        if comes_out:
            bench.printer.print_label()
        raise PrinterBroken("scripted", "reset", handed_over=7)

    bench.printer.on_send = accident


def test_broken_half_way_but_printed_is_printed(bench: Bench) -> None:
    break_half_way(bench, comes_out=True)
    bench.order("a")
    bench.run(2)
    assert bench.journal.steps[2:] == [("a", "unknown"), ("a", "printed")]
    assert (bench.printer.sent, bench.desk.reviews) == ([], [])


def test_broken_half_way_and_surely_not_printed_is_sent_again_in_time(bench: Bench) -> None:
    break_half_way(bench, comes_out=False)
    bench.order("a")
    bench.run(0.6)
    assert bench.journal.steps[2:] == [
        ("a", "unknown"),
        ("a", "queued"),
        ("a", "sending"),
        ("a", "sent"),
    ]


def test_broken_half_way_and_not_printed_too_late_fails(bench: Bench) -> None:
    break_half_way(bench, comes_out=False)
    bench.order("a")
    bench.run(0.1)
    bench.printer.is_reachable = False
    bench.run(1.5)
    bench.printer.is_reachable = True
    bench.run(0.6)
    assert bench.journal.steps[2:] == [("a", "unknown"), ("a", "failed")]
    assert (bench.printer.sent, bench.desk.reviews) == ([], [("a", "label_failed")])
    # In one commit: of a failed label that nobody else knows of, its item would just pass.
    assert bench.desk.last_steps == ["failed"]


def test_a_label_ends_only_when_it_is_committed_that_a_person_has_its_item(bench: Bench) -> None:
    bench.desk.committed = Future()
    steps = LabelSteps(bench.journal, bench.desk, bench.time)
    label = Label("a", PLACE, None, Due(0.0), 0.0, "unknown")
    bench.journal.states["a"] = "unknown"
    steps.review(label, "label_unknown", "who knows")
    looked: list[PrintState] = []

    def stops() -> bool:
        looked.append(bench.state("a"))
        assert bench.desk.committed is not None
        if len(looked) == 2:
            bench.desk.committed.set_result(None)
        return False

    steps.commit(label, "failed", "did not come out", stops)
    assert looked == ["unknown", "unknown"]
    assert bench.state("a") == "failed"


def test_a_label_that_stays_unknown_is_closed_however_long_the_disk_is_full(bench: Bench) -> None:
    steps = LabelSteps(bench.journal, bench.desk, bench.time)
    bench.journal.is_full = True

    def stops() -> bool:
        assert bench.journal.closed == []
        bench.journal.is_full = False
        return False

    steps.close(Label("a", PLACE, None, Due(0.0), 0.0, "unknown"), "no evidence", stops)
    assert bench.journal.closed == ["a"]


def test_a_label_still_in_the_printer_is_not_taken_for_lost(bench: Bench) -> None:
    break_half_way(bench, comes_out=False)
    bench.printer.status = PrinterStatus()
    bench.order("a")
    bench.spooler.advance()
    bench.printer.status = PrinterStatus(formats_in_buffer=1)
    bench.run(2)
    assert bench.state("a") == "unknown"
    bench.printer.status = PrinterStatus()
    bench.printer.print_label()
    bench.run()
    assert bench.state("a") == "printed"


def test_a_label_that_is_slow_to_come_out_makes_the_belt_wait_for_it(bench: Bench) -> None:
    bench.order("a")
    bench.run(0.1)
    assert bench.spooler.hold_reason is None
    bench.run(0.5)
    assert bench.spooler.hold_reason == "a label is slow to come out"
    bench.printer.print_label()
    bench.run()
    assert (bench.state("a"), bench.desk.reviews) == ("printed", [])
    assert bench.spooler.hold_reason is None


def run_held(bench: Bench, seconds: float) -> list[str | None]:
    """Runs it while the outputs ask whether the belt must stand, and tell it so."""
    told = []
    for _ in range(round(seconds / 0.04)):
        bench.run(0.04)
        told.append(bench.spooler.hold_reason)
        if told[-1] is None:
            bench.held_since = None
        elif bench.held_since is None:
            bench.held_since = bench.time.now
    return told


def test_a_label_that_waits_holds_the_belt_and_still_lands_on_its_item(bench: Bench) -> None:
    bench.printer.status = PrinterStatus(paused=True)
    bench.order("a")
    told = run_held(bench, 0.8)
    assert (told[0], told[-1]) == (None, "a label is slow to come out")
    bench.printer.status = PrinterStatus()
    run_held(bench, 0.1)
    bench.printer.print_label()
    assert run_held(bench, 0.2)[-1] is None
    assert (bench.state("a"), bench.desk.reviews) == ("printed", [])


def test_a_label_whose_item_could_not_be_held_in_time_is_late(bench: Bench) -> None:
    """The machine stood still meanwhile: nobody could say that the belt must stand."""
    bench.printer.status = PrinterStatus(paused=True)
    bench.order("a")
    bench.run(0.1)
    bench.time.now += 0.7
    bench.printer.status = PrinterStatus()
    assert bench.spooler.hold_reason is not None
    bench.held_since = bench.time.now
    bench.run(0.1)
    assert bench.printer.sent == []
    assert (bench.state("a"), bench.desk.reviews) == ("late", [("a", "label_late")])


def test_that_somebody_asked_does_not_mean_that_the_belt_was_held(bench: Bench) -> None:
    bench.printer.status = PrinterStatus(paused=True)
    bench.order("a")
    for _ in range(20):
        bench.run(0.04)
        assert bench.spooler.hold_reason in (None, "a label is slow to come out")
    assert (bench.state("a"), bench.desk.reviews) == ("late", [("a", "label_late")])


def test_a_belt_that_was_held_and_runs_again_has_carried_the_item_on() -> None:
    bench = Bench(SpoolerSettings(waits_for_printer=False, label_deadline_s=5.0))
    bench.printer.is_reachable = False
    bench.order("a")
    bench.held_since = bench.time.now  # for another reason
    bench.run(1.0)
    assert bench.state("a") == "queued"
    bench.held_since = None
    bench.printer.is_reachable = True
    bench.run(0.1)
    assert (bench.state("a"), bench.printer.sent) == ("late", [])


@pytest.mark.parametrize(("is_live", "state"), [(True, "late"), (False, "sent")])
def test_a_labels_time_begins_with_the_frame_that_decided_its_item(
    is_live: bool, state: str
) -> None:
    bench = Bench(SpoolerSettings(is_live=is_live))
    bench.order("a", seen_before_s=0.8)
    bench.run(0.1)
    assert bench.state("a") == state


def test_where_items_go_to_a_person_meanwhile_a_bad_printer_holds_no_belt() -> None:
    bench = Bench(SpoolerSettings(waits_for_printer=False))
    bench.printer.status = PrinterStatus(paused=True)
    bench.order("a")
    assert set(run_held(bench, 1.0)) == {None}
    assert bench.desk.reviews == [("a", "label_late")]


def test_where_nothing_can_be_held_a_label_may_wait_until_its_deadline() -> None:
    bench = Bench(SpoolerSettings(hold_after_s=None))
    bench.printer.status = PrinterStatus(paused=True)
    bench.order("a")
    assert set(run_held(bench, 0.9)) == {None}
    bench.printer.status = PrinterStatus()
    bench.run(0.1)
    assert bench.state("a") == "sent"


def test_not_confirmed_in_time_goes_to_a_person_and_holds_the_belt(bench: Bench) -> None:
    bench.order("a")
    bench.run(0.1)
    bench.printer.status = PrinterStatus(paper_out=True, formats_in_buffer=1)
    bench.printer.has_begun = True
    bench.run(3.5)
    assert bench.desk.reviews == [("a", "label_unknown")]
    assert bench.state("a") == "unknown"
    assert bench.spooler.hold_reason is not None
    bench.order("b")
    bench.run(1.5)
    assert bench.desk.reviews[1:] == [("b", "label_late")]
    bench.printer.status = PrinterStatus()
    bench.printer.print_label()
    bench.run()
    assert bench.state("a") == "printed"
    assert bench.spooler.hold_reason is None
    assert len(bench.printer.sent) == 1


def test_a_label_that_is_late_in_the_printer_is_dropped_there_and_the_belt_goes_on(
    bench: Bench,
) -> None:
    bench.order("a")
    bench.run(0.1)
    bench.printer.status = PrinterStatus(paper_out=True, formats_in_buffer=1)
    bench.run(2.5)
    assert (bench.printer.dropped, bench.desk.reviews) == (0, [])
    bench.run(1.2)
    assert bench.printer.dropped == 1
    assert bench.journal.steps[2:] == [("a", "sent"), ("a", "unknown"), ("a", "failed")]
    assert bench.desk.reviews == [("a", "label_unknown")]
    assert bench.spooler.hold_reason is None


def test_after_a_lost_connection_the_printer_is_told_once_more_to_drop_the_label(
    bench: Bench,
) -> None:
    bench.order("a")
    bench.run(0.1)
    bench.printer.status = PrinterStatus(paper_out=True, formats_in_buffer=1)
    bench.printer.has_begun = True
    bench.run(3.5)
    bench.printer.is_reachable = False
    bench.run(0.2)
    bench.printer.is_reachable = True
    bench.run(0.2)
    assert bench.printer.dropped == 2


@pytest.mark.parametrize(("held_after_s", "is_given_up"), [(None, True), (0.5, False), (1.5, True)])
def test_a_label_that_is_in_the_printer_when_its_item_has_passed_is_dropped(
    held_after_s: float | None, is_given_up: bool
) -> None:
    bench = Bench()
    bench.window = Window(send_within_s=0.5, past_after_s=1.0)
    bench.spooler = bench.make()
    bench.order("a")
    bench.run(0.4)
    bench.printer.status = PrinterStatus(formats_in_buffer=1)
    if held_after_s is not None:
        bench.held_since = bench.time.now + held_after_s - 0.4
    bench.run(1.2)
    assert bench.printer.dropped == is_given_up
    assert bench.desk.reviews == [("a", "label_unknown")] * is_given_up
    assert bench.state("a") == ("failed" if is_given_up else "sent")


def test_time_that_the_device_lost_is_named_as_the_cause(bench: Bench) -> None:
    bench.settings = SpoolerSettings(is_live=True)
    bench.spooler = bench.make()
    bench.order("a", seen_before_s=0.8)
    bench.run(0.1)
    assert bench.desk.reviews == [("a", "label_late")]
    assert "0.8 s of 0.5 s had gone by" in bench.desk.reasons[0]


def test_an_unconfirmed_label_goes_to_a_person_in_time_even_from_another_thread(
    bench: Bench,
) -> None:
    bench.order("a")
    bench.run(0.1)
    bench.time.now += 3.5
    bench.spooler.watch()
    assert bench.desk.reviews == [("a", "label_unknown")]


def test_a_counter_that_moved_otherwise_leaves_it_unknown_but_frees_the_printer(
    bench: Bench,
) -> None:
    bench.order("a")
    bench.run(0.1)
    assert bench.printer.count is not None
    bench.printer.count += 2
    bench.run()
    assert (bench.state("a"), bench.journal.closed) == ("unknown", ["a"])
    assert bench.desk.reviews == [("a", "label_unknown")]
    bench.order("b")
    bench.run()
    assert bench.state("b") == "sent"


def test_while_the_journal_is_full_nothing_is_sent(bench: Bench) -> None:
    bench.order("a")
    bench.journal.is_full = True
    bench.run(0.5)
    assert bench.printer.sent == []
    bench.journal.is_full = False
    bench.run(0.1)
    assert len(bench.printer.sent) == 1


def test_a_printer_that_cannot_be_asked_is_taken_at_its_word() -> None:
    bench = Bench(SpoolerSettings(confirmation="none"))
    bench.printer.count = bench.printer.status = None
    bench.order("a")
    bench.run()
    assert bench.state("a") == "printed"
    break_half_way(bench, comes_out=False)
    bench.order("b")
    bench.run(2)
    assert (bench.state("b"), bench.journal.closed) == ("unknown", ["b"])
    assert bench.desk.reviews == [("b", "label_unknown")]
    assert len(bench.printer.sent) == 1


def recovered(bench: Bench, state: PrintState, baseline: int | None = 100) -> None:
    bench.journal.states["old"] = state
    bench.spooler.recover([OpenLabel("old", state, baseline, PLACE, "PRINT")])


@pytest.mark.parametrize("state", ["decided", "queued"])
def test_after_a_restart_what_was_not_sent_is_not_sent(bench: Bench, state: PrintState) -> None:
    recovered(bench, state, None)
    bench.run(1)
    assert (bench.state("old"), bench.desk.reviews) == ("failed", [("old", "label_not_sent")])
    assert bench.printer.sent == []


@pytest.mark.parametrize("state", ["sending", "sent", "unknown"])
@pytest.mark.parametrize(
    ("count", "status", "ends"),
    [
        (101, PrinterStatus(), "printed"),
        (100, PrinterStatus(), "failed"),
        (100, PrinterStatus(formats_in_buffer=1), "failed"),  # it is dropped in the end
        (102, PrinterStatus(), "unknown"),
        (None, None, "unknown"),
    ],
)
def test_after_a_restart_the_counter_tells_what_came_out_and_nothing_is_sent(
    bench: Bench,
    state: PrintState,
    count: int | None,
    status: PrinterStatus | None,
    ends: PrintState,
) -> None:
    bench.printer.count, bench.printer.status = count, status
    recovered(bench, state)
    assert bench.spooler.hold_reason is not None
    bench.run(5)
    assert bench.state("old") == ends
    assert bool(bench.desk.reviews) == (ends != "printed")
    assert bench.printer.sent == []


def test_what_cannot_be_written_down_before_the_end_is_at_least_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.order("a")
    bench.run(0.1)
    bench.journal.is_full = True
    bench.printer.print_label()
    bench.spooler.stop()
    bench.spooler.advance()
    (said,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "item a: that its label is printed" in said
    assert "the next start finds it sent" in said


def test_an_end_that_waits_in_vain_names_the_labels_that_it_leaves(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.order("a")
    bench.run(0.1)
    bench.spooler.start()
    bench.spooler.stop(timeout_s=0.0)
    assert "item a: its label is sent" in caplog.text
    bench.printer.print_label()


def test_after_a_restart_a_label_without_a_baseline_stays_unknown(bench: Bench) -> None:
    recovered(bench, "unknown", None)
    bench.run(1)
    assert bench.journal.closed == ["old"]
    assert bench.spooler.hold_reason is None


def test_after_a_restart_a_dead_printer_does_not_hold_the_belt_for_ever(bench: Bench) -> None:
    bench.printer.is_reachable = False
    recovered(bench, "sent")
    bench.run(5)
    assert bench.desk.reviews == [("old", "label_unknown")]
    assert bench.spooler.hold_reason is None
    bench.printer.is_reachable = True
    bench.printer.count = 101
    bench.run(1)
    assert bench.state("old") == "printed"


def test_the_number_of_waiting_labels_is_bounded(bench: Bench) -> None:
    bench.printer.is_reachable = False
    for i in range(300):
        bench.order(f"i{i}")
    assert len(bench.desk.reviews) == 300 - 256


def test_an_unexpected_problem_while_sending_is_resolved_by_the_counter(bench: Bench) -> None:
    def surprise(data: bytes) -> None:
        bench.printer.on_send = None
        raise OSError("what is this")

    bench.printer.on_send = surprise
    bench.order("a")
    with pytest.raises(OSError, match="what is this"):
        bench.run()
    bench.run(0.1)
    assert bench.state("a") == "unknown"
    bench.printer.print_label()
    bench.run()
    assert bench.state("a") == "printed"
