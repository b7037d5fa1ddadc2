"""One printer with its labels: sends, asks what came out, cancels what comes too late.

At most one label is unconfirmed at a time: without that, the printer's counter would prove nothing.
What the counter proves is in `verification`, the states in `states`; which printer is to take a
label is left to `spooler`.
"""

import logging
import threading
from collections.abc import Callable

from beltmark.contract.errors import InputError
from beltmark.contract.terms import PrintState
from edge_agent.printing.at_applicator import ApplicatorGate, Unwanted
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.in_printer import LabelsInPrinter
from edge_agent.printing.label_steps import Label, LabelSteps
from edge_agent.printing.printer_watch import PrinterHealth, PrinterWatch
from edge_agent.printing.printers.base import PrinterBroken, PrinterError, PrinterUnreachable
from edge_agent.printing.spooler_ports import LabelRenderer, SpoolerSettings
from edge_agent.printing.waiting import WaitingLabels

logger = logging.getLogger(__name__)


class PrinterLane:
    """The way of labels through one printer.

    Args:
        watch: The printer; nobody else uses it.
        waiting: The labels that wait.
        steps: Writes the steps of labels.
        renderer: Draws the labels.
        settings: How long things may take.
        applicator: Where the labels go that come out.
        may_take: Whether a lane is the one to take the next label.
        holds_when_lost: See `LabelsInPrinter`.
        steady: Seconds on a clock that is never set.

    Attributes:
        labels: The labels that the printer has, or may have.
    """

    def __init__(
        self,
        watch: PrinterWatch,
        waiting: WaitingLabels,
        steps: LabelSteps,
        renderer: LabelRenderer,
        settings: SpoolerSettings,
        *,
        applicator: ApplicatorGate,
        may_take: Callable[["PrinterLane"], bool],
        holds_when_lost: bool,
        steady: Callable[[], float],
    ) -> None:
        self._watch, self._waiting, self._steps = watch, waiting, steps
        self._renderer, self._settings = renderer, settings
        self._applicator, self._may_take, self._steady = applicator, may_take, steady
        self.labels = LabelsInPrinter(
            waiting, steps, lambda: watch.health, steady, holds_when_lost=holds_when_lost
        )
        self._cancelled_at: float | None = None
        self._stopping = threading.Event()

    @property
    def address(self) -> str:
        """The printer's address."""
        return self._watch.address

    @property
    def health(self) -> PrinterHealth:
        """How the printer is."""
        return self._watch.health

    def stop(self) -> None:
        """Says that what could not be written down need not be waited for."""
        self._stopping.set()

    @property
    def has_ended(self) -> bool:
        """Whether it was stopped, and all that it took is printed, late or unknown."""
        with self._waiting.lock:
            return self._stopping.is_set() and not len(self._waiting) and self.labels.rests

    def report_problem(self, told: str) -> None:
        """Notes that something is wrong with it that nobody expected."""
        self._watch.report("fault", told)

    def close(self) -> None:
        """Lets go of the printer."""
        self._watch.close()

    def advance(self) -> float:
        """Does the next thing for the printer; returns seconds until there may be more to do."""
        with self._waiting.lock:
            if self.labels.next_found():
                self._cancelled_at = None
            in_printer = self.labels.current
            waits = self._waiting.first
            next_label = waits if self._may_take(self) and self._applicator.has_room else None
        if in_printer is not None:
            return self._confirm(in_printer)
        if next_label is not None:
            return self._attempt(next_label)
        self._watch.make_ready()
        return self._settings.idle_period_s if waits is None else self._settings.ask_period_s

    def _attempt(self, label: Label) -> float:
        """Sends a label if the printer takes one."""
        assert label.order is not None
        try:
            data = self._renderer.render(label.order)
        except InputError as error:
            with self._waiting.lock:
                if self._waiting.take(label):
                    self._steps.review(label, "label_refused", str(error), "failed")
            return 0.0
        ready = self._watch.make_ready()
        if ready is None:
            return self._settings.ask_period_s
        with self._waiting.lock:
            may_take = self._may_take(self) and self._applicator.has_room
            if not (may_take and self._waiting.take(label)):
                return 0.0
            self.labels.current, self._cancelled_at = label, None
            self._applicator.expect(label.item_id)
            label.baseline = ready.baseline
            label.confirm_by = label.due.send_by + self._settings.confirm_timeout_s * label.copies
            step = self._steps.begin(
                label, "sending", baseline=ready.baseline, printer=self.address
            )
        try:
            step.result()
        except JournalUnavailable:
            with self._waiting.lock:
                label.state = "queued"
            self._line_up_again(label)
            return self._settings.ask_period_s
        with self._waiting.lock:
            is_reviewed = label.is_reviewed
            if is_late := self._waiting.is_late(label) and not is_reviewed:
                self._waiting.give_up(label)
        if not (is_late or is_reviewed):
            self._send(label, data)
            return 0.0
        if is_reviewed:
            self._commit(label, "late", "its item had gone to a person before it was sent")
        # Before the next label moves the counter: it would pass for this one's.
        self._steps.await_review(label, self._stopping.is_set)
        self._let_go(label)
        return 0.0

    def _send(self, label: Label, data: bytes) -> None:
        try:
            self._watch.send(data)
        except PrinterUnreachable as error:
            self._put_back(label, str(error))
        except PrinterBroken as error:
            if error.handed_over == 0:
                self._put_back(label, str(error))
            else:
                self._watch.report("down", str(error))
                self._commit(label, "unknown", str(error))
        else:
            label.confirm_by = self._steady() + self._settings.confirm_timeout_s * label.copies
            self._commit(label, "sent", f"{len(data)} bytes")

    def _put_back(self, label: Label, why: str) -> None:
        """Nothing of it has left: it waits again."""
        self._watch.report("down", why)
        self._commit(label, "queued", f"nothing was sent: {why}")
        self._line_up_again(label)

    def _line_up_again(self, label: Label) -> None:
        """Lets a label of which nothing came out wait again, unless a person has its item."""
        with self._waiting.lock:
            is_wanted = not label.is_reviewed
            if is_wanted:
                self.labels.current, label.unprinted_since = None, None
                self._applicator.gone(label.item_id)
                self._waiting.put_back(label)
        if not is_wanted:
            self._end(label, "failed", "it was not printed, and its item had gone to a person")

    def _confirm(self, label: Label) -> float:
        """Asks what became of the label in the printer."""
        if not self._watch.confirms:
            return self._take_on_trust(label)
        if label.state == "sending":
            self._commit(label, "unknown", "sending it ended in an unexpected problem")
        try:
            self._cancel_late(label)
            evidence = self._watch.evidence(label.baseline, label.copies)
        except PrinterError as error:
            self._watch.report("down", str(error))
            label.unprinted_since = self._cancelled_at = None
            if label.state == "sent":
                self._commit(label, "unknown", str(error))
            return self._settings.ask_period_s
        if evidence != "printed" and label.state == "sent" and label.is_reviewed:
            self._commit(label, "unknown", "not confirmed in time")
        if evidence != "not_printed":
            label.unprinted_since = None
        match evidence:
            case "printed":
                if label.is_reviewed:
                    logger.warning(
                        "item %s: its label came out after it had gone to a person", label.item_id
                    )
                self._end(label, "printed", f"the label counter moved by {label.copies}")
            case "not_printed":
                self._not_printed(label)
            case "contradictory":
                self._give_up(label, "the label counter does not fit this label")
            case "none" if label.baseline is None:
                self._give_up(label, "the label counter before it was sent is not known")
        return self._settings.ask_period_s

    def _cancel_late(self, label: Label) -> None:
        """Lets the printer drop a label whose item has gone to a person: one that has not begun
        to come out shall not come out when the printer is mended, onto whatever lies there.

        Said again now and then, and after each lost connection: it is not known to have arrived.
        """
        now = self._steady()
        if not label.is_reviewed or (
            self._cancelled_at is not None
            and now - self._cancelled_at < self._settings.idle_period_s
        ):
            return
        self._watch.cancel_all()
        self._cancelled_at = now

    def _take_on_trust(self, label: Label) -> float:
        """A printer that cannot be asked: all bytes taken is all that will ever be known."""
        if label.state == "sent":
            self._end(
                label, "printed", "all bytes taken; whether it came out, this printer cannot say"
            )
        else:
            self._give_up(label, "broke off; this printer cannot say what came out")
        return 0.0

    def _not_printed(self, label: Label) -> None:
        """The printer is idle and did not print it; believed once that lasts."""
        now = self._steady()
        if label.unprinted_since is None:
            label.unprinted_since = now
        if label.state != "unknown" or now - label.unprinted_since < self._settings.stable_s:
            return
        if label.order is not None and not label.is_reviewed and not self._waiting.is_late(label):
            self._commit(label, "queued", "surely not printed: may be sent once more")
            self._line_up_again(label)
            return
        self._end(label, "failed", "the label counter did not move, nothing is left in the printer")

    def _give_up(self, label: Label, why: str) -> None:
        """No evidence will come: the label stays unknown, its item is with a person."""
        if label.state == "sent":
            self._commit(label, "unknown", why)
        with self._waiting.lock:
            if not label.is_reviewed:
                reason = f"its label may or may not have come out: {why}"
                self._steps.review(label, "label_unknown", reason)
        self._steps.close(label, why, self._stopping.is_set)
        self._let_go(label)

    def _end(self, label: Label, state: PrintState, detail: str) -> None:
        with self._waiting.lock:
            if goes_to_person := state == "failed" and not label.is_reviewed:
                # In one commit: killed between two, it would be a failed label that nobody knows.
                reason = f"its label did not come out: {detail}"
                self._steps.review(label, "label_failed", reason, "failed")
        if goes_to_person:
            self._steps.await_review(label, self._stopping.is_set)
        else:
            self._commit(label, state, detail)
        self._let_go(label)

    def _let_go(self, label: Label) -> None:
        """The printer has done with it: the applicator has it, or may have it, or nobody has."""
        with self._waiting.lock:
            self.labels.current = None
            # One that a person asked for is taken by that person, who stands before it.
            if label.state not in ("printed", "unknown") or label.place is None:
                self._applicator.gone(label.item_id)
                return
            unwanted: Unwanted | None = None if label.order is not None else "old"
            if label.is_reviewed:
                unwanted = "with_a_person"
            self._applicator.came_out(label.item_id, label.place, unwanted)

    def _commit(self, label: Label, after: PrintState, detail: str) -> None:
        self._steps.commit(label, after, detail, self._stopping.is_set)
