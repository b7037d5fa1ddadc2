"""What the printer's own words prove about a label that was sent. Pure; asking is the spooler's."""

from typing import Literal

from edge_agent.printing.printers.base import PrinterStatus

Evidence = Literal["printed", "not_printed", "pending", "contradictory", "none"]
"""What is proven.

printed: The counter moved by exactly as many as were ordered since the baseline.
not_printed: It did not move, and the printer is idle and holds no part of a label.
pending: The printer holds something that may still come out.
contradictory: The counter moved otherwise, or stopped half-way: it says nothing of this label.
none: No answer, or no baseline to compare with.
"""


def weigh(
    baseline: int | None, count: int | None, status: PrinterStatus | None, copies: int = 1
) -> Evidence:
    """Weighs the label counter and status against the counter before the label was sent.

    The status must have been asked before the counter: of several copies, an idle printer has made
    all that it ever will.

    Valid only while at most one label is unconfirmed and the printer is ours alone.
    """
    if baseline is None or count is None:
        return "none"
    moved = count - baseline
    if moved == copies:
        return "printed"
    if not 0 <= moved < copies:
        return "contradictory"
    if status is None:
        return "none"
    if not status.is_idle or status.partial_format:
        return "pending"
    return "contradictory" if moved else "not_printed"
