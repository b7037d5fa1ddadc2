"""A label through a scripted queue: taken, given up, stuck, and what is left over."""

from collections.abc import Callable

import pytest

from edge_agent.printing.printers.base import PrinterBroken, PrinterUnreachable
from edge_agent.printing.printers.cups import CupsPrinter
from edge_agent.printing.printers.ipp import Attributes, IppError, Operation, Reply

LABEL = b"^XA^FDlabel^FS^XZ"
PRINTER: Attributes = {"printer-state": (3,), "printer-is-accepting-jobs": (True,)}


class ScriptedQueue:
    """Takes jobs, and lets them go to where it was told."""

    uri = "ipp://here/printers/Q"

    def __init__(self) -> None:
        self.printer: Attributes = PRINTER
        self.status = 0
        self.ends_as = 9
        self.polls = 0
        self.waiting: list[int] = []
        self.cancelled: list[int] = []
        self.documents: list[bytes] = []
        self.breaks: dict[Operation, Callable[[], Exception]] = {}

    def ask(self, operation: Operation, attributes: Attributes, data: bytes = b"") -> Reply:
        if operation in self.breaks:
            raise self.breaks[operation]()
        match operation:
            case Operation.GET_PRINTER_ATTRIBUTES:
                return Reply(self.status, self.printer)
            case Operation.GET_JOBS:
                return Reply(0, {"job-id": tuple(self.waiting)})
            case Operation.CANCEL_JOB:
                (job,) = attributes["job-id"]
                assert isinstance(job, int)
                self.waiting.remove(job)
                self.cancelled.append(job)
            case Operation.PRINT_JOB:
                self.documents.append(data)
                self.waiting.append(40 + len(self.documents))
                return Reply(self.status, {"job-id": (self.waiting[-1],)})
            case Operation.GET_JOB_ATTRIBUTES:
                self.polls -= 1
                state = self.ends_as if self.polls < 0 else 5
                return Reply(0, {"job-state": (state,), "job-printer-state-message": ("burnt",)})
        return Reply(0, {})


class Bench:
    def __init__(self) -> None:
        self.now = 0.0
        self.queue = ScriptedQueue()
        self.printer = CupsPrinter("cups:Q", self.queue, 2.0, lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_label_is_sent_when_its_job_is_completed(bench: Bench) -> None:
    bench.queue.polls = 3
    bench.printer.connect()
    bench.printer.send(LABEL)
    assert bench.queue.documents == [LABEL]
    assert bench.queue.polls == -1
    assert bench.printer.label_count() is None


def test_what_an_earlier_run_left_is_cancelled_once(bench: Bench) -> None:
    bench.queue.waiting = [7, 8]
    bench.printer.connect()
    assert bench.queue.cancelled == [7, 8]
    bench.queue.waiting = [9]
    bench.printer.connect()
    assert bench.queue.cancelled == [7, 8]


def test_a_job_that_does_not_leave_in_time_is_cancelled(bench: Bench) -> None:
    bench.queue.polls = 1_000
    bench.printer.connect()
    with pytest.raises(PrinterBroken, match="not leave the queue in time") as broken:
        bench.printer.send(LABEL)
    assert (broken.value.handed_over, bench.queue.cancelled) == (len(LABEL), [41])


@pytest.mark.parametrize("state", [7, 8])
def test_a_job_that_cups_gave_up_may_have_printed(bench: Bench, state: int) -> None:
    bench.queue.ends_as = state
    bench.printer.connect()
    with pytest.raises(PrinterBroken, match="burnt") as broken:
        bench.printer.send(LABEL)
    assert broken.value.handed_over == len(LABEL)


def test_a_job_that_was_refused_left_nothing(bench: Bench) -> None:
    bench.printer.connect()
    bench.queue.status = 0x0400
    with pytest.raises(PrinterBroken, match="refused") as broken:
        bench.printer.send(LABEL)
    assert broken.value.handed_over == 0


@pytest.mark.parametrize(
    ("operation", "problem", "is_unreachable"),
    [
        (Operation.PRINT_JOB, ConnectionRefusedError(), True),
        (Operation.PRINT_JOB, TimeoutError(), False),
        (Operation.PRINT_JOB, IppError("cut off"), False),
        (Operation.GET_JOB_ATTRIBUTES, ConnectionRefusedError(), False),
    ],
)
def test_a_connection_that_breaks_leaves_it_open_unless_there_was_none(
    bench: Bench, operation: Operation, problem: Exception, *, is_unreachable: bool
) -> None:
    bench.printer.connect()
    bench.queue.breaks[operation] = lambda: problem
    if is_unreachable:
        with pytest.raises(PrinterUnreachable):
            bench.printer.send(LABEL)
        return
    with pytest.raises(PrinterBroken) as broken:
        bench.printer.send(LABEL)
    assert broken.value.handed_over == len(LABEL)
    assert bench.queue.waiting == []


@pytest.mark.parametrize(
    "told",
    [
        {"printer-state": (5,), "printer-state-message": ("out of order",)},
        {"printer-is-accepting-jobs": (False,), "printer-state-message": ("out of order",)},
    ],
)
def test_a_queue_that_takes_no_jobs_is_down_with_its_reason(
    bench: Bench, told: dict[str, tuple[str | int | bool, ...]]
) -> None:
    bench.queue.printer = {**PRINTER, **told}
    with pytest.raises(PrinterUnreachable, match="out of order"):
        bench.printer.connect()


def test_reasons_that_are_faults_are_told(bench: Bench) -> None:
    reasons = ("media-empty-error", "marker-supply-low-warning", "none")
    bench.queue.printer = {**PRINTER, "printer-state-reasons": reasons, "queued-job-count": (2,)}
    bench.printer.connect()
    status = bench.printer.query_status()
    assert status is not None
    assert (status.faults, status.formats_in_buffer) == (("media-empty-error",), 2)


def test_advice_is_given_for_what_would_send_a_label_later(bench: Bench) -> None:
    device = "socket://10.0.0.9:9100"
    bench.queue.printer = {
        **PRINTER,
        "printer-error-policy": ("retry-job",),
        "device-uri": (device,),
    }
    bench.printer.connect()
    policy, waits = bench.printer.advice()
    assert policy.endswith("lpadmin -p Q -o printer-error-policy=abort-job")
    assert waits.endswith(f"lpadmin -p Q -v '{device}/?waiteof=false'")
