import pytest

from edge_agent.printing.printers.base import PrinterStatus
from edge_agent.printing.verification import Evidence, weigh

IDLE = PrinterStatus()


@pytest.mark.parametrize(
    ("baseline", "count", "status", "evidence"),
    [
        (7, 8, IDLE, "printed"),
        (7, 8, None, "printed"),
        (7, 8, PrinterStatus(paper_out=True), "printed"),
        (7, 7, IDLE, "not_printed"),
        (7, 7, PrinterStatus(formats_in_buffer=1), "pending"),
        (7, 7, PrinterStatus(labels_remaining=1), "pending"),
        (7, 7, PrinterStatus(partial_format=True), "pending"),
        (7, 7, None, "none"),
        (7, 7, PrinterStatus(paper_out=True, tells_buffer=False), "pending"),
        (7, 8, PrinterStatus(paper_out=True, tells_buffer=False), "printed"),
        (7, 9, IDLE, "contradictory"),
        (7, 6, IDLE, "contradictory"),
        (7, 0, None, "contradictory"),
        (7, None, IDLE, "none"),
        (None, 8, IDLE, "none"),
        (None, None, None, "none"),
    ],
)
def test_what_counter_and_status_prove(
    baseline: int | None, count: int | None, status: PrinterStatus | None, evidence: Evidence
) -> None:
    assert weigh(baseline, count, status) == evidence


@pytest.mark.parametrize(
    ("count", "status", "evidence"),
    [
        (10, IDLE, "printed"),
        (10, None, "printed"),
        (9, PrinterStatus(labels_remaining=1), "pending"),
        (9, None, "none"),
        (9, IDLE, "contradictory"),
        (7, IDLE, "not_printed"),
        (7, PrinterStatus(formats_in_buffer=1), "pending"),
        (11, IDLE, "contradictory"),
        (6, IDLE, "contradictory"),
    ],
)
def test_of_several_copies_all_must_have_come_out(
    count: int, status: PrinterStatus | None, evidence: Evidence
) -> None:
    assert weigh(7, count, status, copies=3) == evidence
