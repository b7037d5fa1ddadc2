"""Gets each committed label printed once and in time, or says why not. Owns the printer's thread.

At most one label is unconfirmed at a time: without that, the printer's counter would prove nothing.
What the counter proves is in `verification`, the states in `states`.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from beltmark.contract.errors import InputError
from beltmark.contract.messages import PrintState
from edge_agent.printing.journal import JournalUnavailable
from edge_agent.printing.label_steps import Label, LabelSteps
from edge_agent.printing.printer_watch import PrinterHealth, PrinterWatch
from edge_agent.printing.printers.base import (
    Printer,
    PrinterBroken,
    PrinterError,
    PrinterUnreachable,
)
from edge_agent.printing.records import LabelOrder, OpenLabel
from edge_agent.printing.spooler_ports import (
    LabelJournal,
    LabelRenderer,
    ReviewDesk,
    SpoolerSettings,
)
from edge_agent.printing.states import IN_PRINTER

logger = logging.getLogger(__name__)

_MAX_WAITING = 256
# So long after an item must not move on, at most, the belt was told to stand if that was in time.
_STOP_TIME_S = 0.25


class Spooler:
    """The labels of one printer.

    Args:
        printer: The printer; nobody else uses it.
        journal: Where steps are committed.
        renderer: Draws the labels.
        desk: Takes the items that get none.
        settings: How long things may take.
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
        held_since: Callable[[], float | None] = lambda: None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings or SpoolerSettings()
        self._renderer, self._steps = renderer, LabelSteps(journal, desk, clock)
        self._held_since, self._clock, self._steady = held_since, clock, steady
        self._watch = PrinterWatch(printer, self._settings.confirmation, clock)
        self._lock = threading.Lock()
        self._waiting: deque[Label] = deque()
        self._found: deque[Label] = deque()
        self._in_printer: Label | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="spooler", daemon=True)

    @property
    def health(self) -> PrinterHealth:
        """How the printer is."""
        return self._watch.health

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when labels do not ask for it."""
        with self._lock:
            label = self._in_printer
            unsettled = [*self._found, *([label] if label and label.order is None else [])]
        if not all(found.is_reviewed for found in unsettled):
            return "a label from before the start is being looked for"
        if label is not None and label.is_reviewed and self.health.state != "down":
            # It may still come out, and would land on another item.
            return "a label may still come out too late"
        return "a label is slow to come out" if self._is_slow() else None

    def recover(self, labels: Sequence[OpenLabel]) -> None:
        """Takes over what an earlier run left; before `start`. None of it is ever sent."""
        now = self._steady()
        for found in labels:
            label = Label(
                found.item_id,
                found.place,
                None,
                send_by=now,
                confirm_by=now + self._settings.confirm_timeout_s,
                state=found.state,
                baseline=found.baseline,
                is_reviewed=found.outcome == "REVIEW",
            )
            if label.state not in IN_PRINTER:
                reason = "the agent stopped before its label was sent"
                self._steps.review(label, "label_not_sent", reason, "failed")
                continue
            if label.state != "unknown":
                self._steps.begin(label, "unknown", detail="found at start-up")
            self._found.append(label)

    def start(self) -> None:
        """Begins to print."""
        self._thread.start()

    def submit(self, order: LabelOrder) -> None:
        """Takes a committed label; returns at once."""
        item, settings = order.item, self._settings
        # Not the time of this call: looking and committing may have taken long.
        begun_at = order.place.captured_at if settings.is_live else item.decided_at
        begun = self._steady() - max(0.0, self._clock() - begun_at)
        send_by = begun + settings.label_deadline_s
        label = Label(item.item_id, order.place, order, send_by, send_by, "decided")
        if settings.hold_after_s is not None:
            label.hold_from = begun + settings.hold_after_s
        with self._lock:
            if len(self._waiting) < _MAX_WAITING:
                self._steps.begin(label, "queued")
                self._waiting.append(label)
            else:
                self._steps.review(label, "label_late", "too many labels wait", "late")
        self._wake.set()

    def watch(self) -> None:
        """Sends the items of late and unconfirmed labels to a person. For use from any thread: it
        must happen in time even while the printer keeps the spooler's own thread waiting.
        """
        now = self._steady()
        with self._lock:
            late = [label for label in self._waiting if self._is_late(label, now)]
            for label in late:
                self._waiting.remove(label)
                self._steps.review(label, "label_late", self._late_reason(), "late")
            overdue = [
                label
                for label in (*self._found, self._in_printer)
                if label and not label.is_reviewed and now >= label.confirm_by
            ]
            for label in overdue:
                reason = f"its label may or may not have come out ({self.health.told})"
                self._steps.review(label, "label_unknown", reason)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Waits until what was taken is printed, late or unknown; then lets go of the printer."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def advance(self) -> float:
        """Does the next thing for the printer; returns seconds until there may be more to do."""
        self.watch()
        with self._lock:
            if self._in_printer is None and self._found:
                self._in_printer = self._found.popleft()
            in_printer = self._in_printer
            next_label = self._waiting[0] if self._waiting else None
        if in_printer is not None:
            return self._confirm(in_printer)
        if next_label is not None:
            return self._attempt(next_label)
        self._watch.make_ready()
        return self._settings.idle_period_s

    def _is_slow(self) -> bool:
        """Whether an item must wait for its label."""
        now = self._steady()
        will_print = self._settings.waits_for_printer or self.health.state == "ready"
        with self._lock:
            label = self._in_printer
            labels = [*([label] if label else []), *(self._waiting if will_print else [])]
            return any(label.order and now >= label.hold_from for label in labels)

    def _is_late(self, label: Label, now: float) -> bool:
        """Whether it would come out for an item that waited for too long, or has moved on."""
        stands_by = label.hold_from + _STOP_TIME_S
        held_since = self._held_since()
        was_held = held_since is not None and held_since <= stands_by
        return now >= label.send_by or (now >= stands_by and not was_held)

    def _run(self) -> None:
        while not self._is_done():
            try:
                pause_s = self.advance()
            except Exception:
                # The last resort of a thread that must not die: say it and go on.
                logger.exception("spooler: unexpected problem")
                self._watch.report("fault", "unexpected problem, see the log")
                pause_s = self._settings.idle_period_s
            if self._stopping.is_set():
                pause_s = min(pause_s, self._settings.ask_period_s)
            self._wake.wait(pause_s)
            self._wake.clear()
        self._watch.close()

    def _is_done(self) -> bool:
        with self._lock:
            unresolved = [label for label in (*self._found, self._in_printer) if label]
            rests = all(label.is_reviewed and label.state == "unknown" for label in unresolved)
            return self._stopping.is_set() and not self._waiting and rests

    def _attempt(self, label: Label) -> float:
        """Sends a label if the printer takes one."""
        assert label.order is not None
        try:
            data = self._renderer.render(label.order)
        except InputError as error:
            with self._lock:
                if label in self._waiting:
                    self._waiting.remove(label)
                    self._steps.review(label, "label_refused", str(error), "failed")
            return 0.0
        ready = self._watch.make_ready()
        if ready is None:
            return self._settings.ask_period_s
        with self._lock:
            if label not in self._waiting:
                return 0.0
            self._waiting.remove(label)
            self._in_printer = label
            label.baseline = ready.baseline
            label.confirm_by = label.send_by + self._settings.confirm_timeout_s
            step = self._steps.begin(label, "sending", baseline=ready.baseline)
        try:
            step.result()
        except JournalUnavailable:
            with self._lock:
                label.state = "queued"
            self._line_up_again(label)
            return self._settings.ask_period_s
        with self._lock:
            is_reviewed = label.is_reviewed
            if is_late := self._is_late(label, self._steady()) and not is_reviewed:
                self._steps.review(label, "label_late", self._late_reason(), "late")
        if not (is_late or is_reviewed):
            self._send(label, data)
            return 0.0
        if is_reviewed:
            self._commit(label, "late", "its item had gone to a person before it was sent")
        # Before the next label moves the counter: it would pass for this one's.
        self._steps.await_review(label, self._stopping.is_set)
        with self._lock:
            self._in_printer = None
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
            label.confirm_by = self._steady() + self._settings.confirm_timeout_s
            self._commit(label, "sent", f"{len(data)} bytes")

    def _put_back(self, label: Label, why: str) -> None:
        """Nothing of it has left: it waits again."""
        self._watch.report("down", why)
        self._commit(label, "queued", f"nothing was sent: {why}")
        self._line_up_again(label)

    def _line_up_again(self, label: Label) -> None:
        """Lets a label of which nothing came out wait again, unless a person has its item."""
        with self._lock:
            is_wanted = not label.is_reviewed
            if is_wanted:
                self._in_printer, label.unprinted_since = None, None
                self._waiting.appendleft(label)
        if not is_wanted:
            self._end(label, "failed", "it was not printed, and its item had gone to a person")

    def _confirm(self, label: Label) -> float:
        """Asks what became of the label in the printer."""
        if not self._watch.confirms:
            return self._take_on_trust(label)
        if label.state == "sending":
            self._commit(label, "unknown", "sending it ended in an unexpected problem")
        try:
            evidence = self._watch.evidence(label.baseline)
        except PrinterError as error:
            self._watch.report("down", str(error))
            label.unprinted_since = None
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
                self._end(label, "printed", "the label counter moved by one")
            case "not_printed":
                self._not_printed(label)
            case "contradictory":
                self._give_up(label, "the label counter does not fit this label")
            case "none" if label.baseline is None:
                self._give_up(label, "the label counter before it was sent is not known")
        return self._settings.ask_period_s

    def _take_on_trust(self, label: Label) -> float:
        """A printer that cannot be asked: all bytes taken is all that will ever be known."""
        if label.state == "sent":
            self._end(label, "printed", "all bytes taken; this printer cannot confirm")
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
        if label.order is not None and not label.is_reviewed and not self._is_late(label, now):
            self._commit(label, "queued", "surely not printed: may be sent once more")
            self._line_up_again(label)
            return
        self._end(label, "failed", "the label counter did not move, nothing is left in the printer")

    def _give_up(self, label: Label, why: str) -> None:
        """No evidence will come: the label stays unknown, its item is with a person."""
        if label.state == "sent":
            self._commit(label, "unknown", why)
        with self._lock:
            if not label.is_reviewed:
                reason = f"its label may or may not have come out: {why}"
                self._steps.review(label, "label_unknown", reason)
        self._steps.close(label, why, self._stopping.is_set)
        with self._lock:
            self._in_printer = None

    def _end(self, label: Label, state: PrintState, detail: str) -> None:
        with self._lock:
            if goes_to_person := state == "failed" and not label.is_reviewed:
                # In one commit: killed between two, it would be a failed label that nobody knows.
                reason = f"its label did not come out: {detail}"
                self._steps.review(label, "label_failed", reason, "failed")
        if goes_to_person:
            self._steps.await_review(label, self._stopping.is_set)
        else:
            self._commit(label, state, detail)
        with self._lock:
            self._in_printer = None

    def _commit(self, label: Label, after: PrintState, detail: str) -> None:
        self._steps.commit(label, after, detail, self._stopping.is_set)

    def _late_reason(self) -> str:
        health = self.health
        why = "" if health.state == "ready" else f" (printer {health.state}: {health.told})"
        return f"its label could not be sent in time{why}"
