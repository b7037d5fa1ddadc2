"""Gets each committed label printed once and in time, or says why not: which printer takes it when.

What happens at a printer is left to `lane`, what waits for one to `waiting`.
"""

import logging
import time
from collections.abc import Callable, Sequence

from edge_agent.printing.label_steps import Label, LabelSteps
from edge_agent.printing.lane import PrinterLane
from edge_agent.printing.lane_thread import LaneThread
from edge_agent.printing.printer_watch import PrinterHealth, PrinterWatch
from edge_agent.printing.printers.base import Printer
from edge_agent.printing.records import LabelOrder, OpenLabel
from edge_agent.printing.spooler_ports import (
    LabelJournal,
    LabelRenderer,
    ReviewDesk,
    SpoolerSettings,
)
from edge_agent.printing.states import IN_PRINTER
from edge_agent.printing.waiting import WaitingLabels
from edge_agent.printing.window import Due, Window

logger = logging.getLogger(__name__)

_WORTH_TELLING_S = 0.1


class Spooler:
    """The labels of one station.

    Args:
        printer: The printer; nobody else uses it.
        journal: Where steps are committed.
        renderer: Draws the labels.
        desk: Takes the items that get none.
        settings: How long things may take.
        window: Says by when a label must be out; None takes the times of the settings.
        held_since: Since when the belt was told to stand, by `steady`; None while it may run.
        clock: Seconds since the epoch.
        steady: Seconds on a clock that is never set.
    """

    def __init__(
        self,
        printer: Printer,
        journal: LabelJournal,
        renderer: LabelRenderer,
        desk: ReviewDesk,
        settings: SpoolerSettings | None = None,
        *,
        window: Callable[[LabelOrder], Window] | None = None,
        held_since: Callable[[], float | None] = lambda: None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings or SpoolerSettings()
        self._window, self._clock, self._steady = window, clock, steady
        self._steps = LabelSteps(journal, desk, clock)
        self._waiting = WaitingLabels(self._steps, held_since, steady, self._why_late)
        self._lane = PrinterLane(
            PrinterWatch(printer, self._settings.confirmation, clock),
            self._waiting,
            self._steps,
            renderer,
            self._settings,
            may_take=lambda _: True,
            steady=steady,
        )
        self._thread = LaneThread(self._lane, self.advance, self._settings)

    @property
    def health(self) -> PrinterHealth:
        """How the printer is."""
        return self._lane.health

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when labels do not ask for it."""
        if (reason := self._lane.hold_reason) is not None:
            return reason
        will_print = self._settings.waits_for_printer or self.health.state == "ready"
        return "a label is slow to come out" if will_print and self._waiting.is_slow else None

    def recover(self, labels: Sequence[OpenLabel]) -> None:
        """Takes over what an earlier run left; before `start`. None of it is ever sent."""
        now = self._steady()
        for found in labels:
            label = Label(
                found.item_id,
                found.place,
                None,
                Due(send_by=now),
                confirm_by=now + self._settings.confirm_timeout_s * found.copies,
                state=found.state,
                baseline=found.baseline,
                copies=found.copies,
                is_reviewed=found.outcome == "REVIEW",
            )
            if label.state in IN_PRINTER:
                self._lane.recover(label)
            else:
                reason = "the agent stopped before its label was sent"
                self._steps.review(label, "label_not_sent", reason, "failed")

    def start(self) -> None:
        """Begins to print."""
        self._thread.start()

    def submit(self, order: LabelOrder) -> None:
        """Takes a committed label; returns at once."""
        item, settings = order.item, self._settings
        # Not the time of this call: looking and committing may have taken long.
        begun_at = order.place.captured_at if settings.is_live else item.decided_at
        lost_s = max(0.0, self._clock() - begun_at)
        window = settings.window if self._window is None else self._window(order)
        due = Due.of(window, self._steady() - lost_s)
        label = Label(item.item_id, order.place, order, due, due.send_by, "decided")
        label.copies = order.product.copies
        there_were_s = window.send_within_s if window.hold_after_s is None else window.hold_after_s
        if lost_s >= max(there_were_s, _WORTH_TELLING_S):
            label.delay = (
                f"{lost_s:.1f} s of {there_were_s:.1f} s had gone by when its decision was "
                "written down: the device is slow"
            )
        self._waiting.add(label)
        self._thread.wake()

    def watch(self) -> None:
        """Sends the items of late and unconfirmed labels to a person. For use from any thread: it
        must happen in time even while the printer keeps its own thread waiting.
        """
        self._waiting.watch()
        self._lane.watch()

    def advance(self) -> float:
        """Does the next thing; returns seconds until there may be more to do."""
        self.watch()
        return self._lane.advance()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Waits until what was taken is printed, late or unknown; then lets go of the printer."""
        self._thread.stop()
        if not self._thread.join(timeout_s):
            self._tell_left()

    def _tell_left(self) -> None:
        """What is not written down is at least said."""
        for label in self._lane.unresolved:
            logger.error(
                "item %s: its label is %s, and what became of it could not be written down in "
                "time: the next start asks the printer",
                label.item_id,
                label.state,
            )

    def _why_late(self) -> str:
        health = self.health
        return "" if health.state == "ready" else f"printer {health.state}: {health.told}"
