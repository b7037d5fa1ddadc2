"""What a running station says on a terminal or into a service's log, and how items are listed."""

import contextlib
import logging
import sys
import time

from beltmark.contract.records import ItemMessage
from edge_agent.step_report import StepReport


def set_up_logging(*, quiet: bool) -> None:
    """Sends transitions to standard error; with `quiet` only what is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[handler])
    # Decisions are shown by `show_decisions`, with their product.
    logging.getLogger("edge_agent.station_loop").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # the panel says itself when it is up


class _Lines(logging.Formatter):
    """Time and message; the level where it is more than information."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno <= logging.INFO else f"{record.levelname} "
        told = super().format(record)
        return f"{clock_time(record.created)} {level}{told}"


def clock_time(at: float) -> str:
    """A time of day with milliseconds, in the local zone."""
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at * 1_000) % 1_000:03d}"


def show_decisions(report: StepReport) -> None:
    """Prints a line for each item that was decided by a frame."""
    for item_id, decision in report.decided:
        product = f"{decision.product.sku} ({decision.product.name})" if decision.product else "-"
        probability = "-" if decision.probability is None else f"{decision.probability:.2f}"
        line = (
            f"{clock_time(time.time())} item {item_id}: {decision.outcome} {product} "
            f"{probability}: {decision.reason}"
        )
        # A terminal that went away must not stop the belt.
        with contextlib.suppress(OSError):
            print(line, flush=True)


def pass_over(_: StepReport) -> None:
    """Prints nothing."""


def item_line(item: ItemMessage) -> str:
    """One item of the journal as a line of text."""
    label = item.label_state or item.print_state or "-"
    day = time.strftime("%Y-%m-%d", time.localtime(item.decided_at))
    return (
        f"{day} {clock_time(item.decided_at)} {item.item_id} {item.outcome:<6} "
        f"{item.sku or '-':<12} {item.serial or '-':<14} {label:<8} "
        f"{item.reason}"
    )
