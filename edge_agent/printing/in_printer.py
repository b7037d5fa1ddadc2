"""The labels that one printer has, or may have: which hold the belt, which go to a person.

What is done with them is left to `lane`.
"""

from collections import deque
from collections.abc import Callable

from edge_agent.printing.label_steps import Label, LabelSteps
from edge_agent.printing.printer_watch import PrinterHealth
from edge_agent.printing.waiting import WaitingLabels


class LabelsInPrinter:
    """The labels of one printer. For use from any thread, under the lock of those that wait.

    Args:
        waiting: The labels that wait.
        steps: Writes the steps of labels.
        health: How the printer is.
        steady: Seconds on a clock that is never set.
        holds_when_lost: Whether a label that a lost printer may still have holds the belt, for
            nothing else holds it then.

    Attributes:
        current: The label that is looked after; None when there is none.
    """

    def __init__(
        self,
        waiting: WaitingLabels,
        steps: LabelSteps,
        health: Callable[[], PrinterHealth],
        steady: Callable[[], float],
        *,
        holds_when_lost: bool,
    ) -> None:
        self._waiting, self._steps, self._health, self._steady = waiting, steps, health, steady
        self._holds_when_lost = holds_when_lost
        self._found: deque[Label] = deque()
        self.current: Label | None = None

    @property
    def all(self) -> tuple[Label, ...]:
        """All of them."""
        with self._waiting.lock:
            return (*([self.current] if self.current else []), *self._found)

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand for one of them; None when none asks for it."""
        labels = self.all
        if not all(label.is_reviewed for label in labels if label.order is None):
            return "a label from before the start is being looked for"
        is_asked = any(label is self.current and label.is_reviewed for label in labels)
        if is_asked and (self._holds_when_lost or self._health().state != "down"):
            # It may still come out, and would land on another item.
            return "a label may still come out too late"
        now = self._steady()
        is_slow = any(label.order and label.due.is_slow(now) for label in labels)
        return "a label is slow to come out" if is_slow else None

    @property
    def rests(self) -> bool:
        """Whether all that can be said of them is said, for now."""
        return all(label.is_reviewed and label.state == "unknown" for label in self.all)

    def recover(self, label: Label) -> None:
        """Takes over a label that an earlier run left in the printer."""
        if label.state != "unknown":
            self._steps.begin(label, "unknown", detail="found at start-up")
        self._found.append(label)

    def next_found(self) -> bool:
        """Turns to a label of an earlier run, if there is one and none is looked after."""
        with self._waiting.lock:
            if self.current is not None or not self._found:
                return False
            self.current = self._found.popleft()
            return True

    def watch(self) -> None:
        """Sends the items of those that are not confirmed in time to a person."""
        now, told = self._steady(), self._health().told
        with self._waiting.lock:
            for label in self.all:
                if label.is_reviewed:
                    continue
                if self._waiting.is_past(label):
                    reason = "its label had not come out when it passed the applicator"
                    self._steps.review(label, "label_unknown", f"{reason} ({told})")
                elif now >= label.confirm_by:
                    reason = f"its label may or may not have come out ({told})"
                    self._steps.review(label, "label_unknown", reason)
