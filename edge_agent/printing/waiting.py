"""The labels that wait for a printer, oldest first; those that wait too long go to a person.

Which printer takes them is left to `spooler`, what becomes of them then to `lane`.
"""

import threading
from collections import deque
from collections.abc import Callable

from edge_agent.printing.label_steps import Label, LabelSteps
from edge_agent.printing.spooler_ports import Hands

_MAX_WAITING = 256


class WaitingLabels:
    """The line before the printers. A label is in it, or in one lane, and never in both.

    Args:
        steps: Writes the steps of labels.
        held_since: Since when the belt was told to stand, by `steady`; None while it may run.
        steady: Seconds on a clock that is never set.
        why_late: What keeps the printer from taking labels; empty when nothing does.
        hands: The person who may wait at the printer.

    Attributes:
        lock: Held while a label moves, in here and in the lanes; may be taken again.
    """

    def __init__(
        self,
        steps: LabelSteps,
        held_since: Callable[[], float | None],
        steady: Callable[[], float],
        why_late: Callable[[], str],
        hands: Hands,
    ) -> None:
        self.lock = threading.RLock()
        self._steps, self._held_since, self._steady = steps, held_since, steady
        self._why_late, self._hands = why_late, hands
        self._labels: deque[Label] = deque()

    def __len__(self) -> int:
        with self.lock:
            return len(self._labels)

    @property
    def first(self) -> Label | None:
        """The label to be sent next: a person's while one waits at the printer, else the belt's."""
        is_persons = self._hands.is_waiting
        if is_persons and not self._hands.may_print:
            return None
        with self.lock:
            of_kind = (label for label in self._labels if (label.place is None) == is_persons)
            return next(of_kind, None)

    @property
    def is_slow(self) -> bool:
        """Whether the item of one of them must wait for it."""
        now = self._steady()
        with self.lock:
            return any(label.due.is_slow(now) for label in self._labels)

    def add(self, label: Label) -> None:
        """Takes a new label."""
        with self.lock:
            if len(self._labels) < _MAX_WAITING:
                self._steps.begin(label, "queued")
                self._labels.append(label)
            else:
                self._steps.review(label, "label_late", "too many labels wait", "late")

    def take(self, label: Label) -> bool:
        """Takes a label out; False where that has been done already."""
        with self.lock:
            if label not in self._labels:
                return False
            self._labels.remove(label)
            return True

    def put_back(self, label: Label) -> None:
        """Lets a label of which nothing came out wait again, before all others."""
        with self.lock:
            self._labels.appendleft(label)

    def watch(self) -> None:
        """Sends the items of late labels to a person."""
        with self.lock:
            for label in [label for label in self._labels if self.is_late(label)]:
                self._labels.remove(label)
                self.give_up(label)

    def is_late(self, label: Label) -> bool:
        """Whether it is too late to send it."""
        return label.due.is_late(self._steady(), self._held_since())

    def is_past(self, label: Label) -> bool:
        """Whether its item has passed the applicator without it."""
        return label.due.is_past(self._steady(), self._held_since())

    def give_up(self, label: Label) -> None:
        """Sends the item of a label that is too late to a person."""
        why = "; ".join(told for told in (label.delay, self._why_late()) if told)
        reason = "its label could not be sent in time"
        self._steps.review(label, "label_late", f"{reason} ({why})" if why else reason, "late")
