"""What the printer's own words prove about a label that was sent. Pure; asking is the spooler's."""

from typing import Literal

from edge_agent.printing.printers.base import PrinterStatus

Evidence = Literal["printed", "not_printed", "pending", "contradictory", "none"]
"""What is proven.

printed: The counter moved by exactly one since the baseline.
not_printed: It did not move, and the printer is idle and holds no part of a label.
pending: The printer holds something that may still come out.
contradictory: The counter moved otherwise, so it says nothing about this label.
none: No answer, or no baseline to compare with.
"""


def weigh(baseline: int | None, count: int | None, status: PrinterStatus | None) -> Evidence:
    """Weighs the label counter and status against the counter before the label was sent.

    Valid only while at most one label is unconfirmed and the printer is ours alone.
    """
    if baseline is None or count is None:
        return "none"
    if count == baseline + 1:
        return "printed"
    if count != baseline:
        return "contradictory"
    if status is None:
        return "none"
    return "not_printed" if status.is_idle and not status.partial_format else "pending"
