"""A label on its way, and writing each of its steps. When it takes which step is the spooler's."""

import logging
import time
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass

from beltmark.contract.terms import PrintState
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.records import LabelOrder, Place
from edge_agent.printing.spooler_ports import LabelJournal, ReviewDesk
from edge_agent.printing.states import SETTLED, IllegalTransition
from edge_agent.printing.window import Due

logger = logging.getLogger(__name__)

_RETRY_PERIOD_S = 0.1


@dataclass(eq=False)
class Label:
    """A label on its way.

    While it waits, whoever takes it out of the line under the spooler's lock may change it;
    afterwards only the spooler's thread does, but for `is_reviewed`.

    Attributes:
        item_id: Its item.
        place: Where its item was decided; None where a person waits for it: it must not come out
            while anything else can get it.
        order: What to print; None for one found at start-up, which is never sent.
        due: Until when it is of use, on the steady clock.
        confirm_by: Steady time after which its item goes to a person.
        state: As in the journal.
        baseline: The printer's label counter before it was sent.
        copies: How many come out, one like the other; the counter moves by as many.
        delay: What time it had lost before it came here, in words; empty if that was little.
        is_reviewed: Its item has gone to a person.
        review: Done once that is committed; None where an earlier run did it.
        unprinted_since: Steady time since when all evidence says that it did not come out.
    """

    item_id: str
    place: Place | None
    order: LabelOrder | None
    due: Due
    confirm_by: float
    state: PrintState
    baseline: int | None = None
    copies: int = 1
    delay: str = ""
    is_reviewed: bool = False
    review: "Future[None] | None" = None
    unprinted_since: float | None = None


class LabelSteps:
    """Writes the steps of labels.

    Args:
        journal: Where they are committed.
        desk: Takes the items that get no label.
        clock: Seconds since the epoch.
        ended: Told the item and the last state of each label that the printer has done with.
    """

    def __init__(
        self,
        journal: LabelJournal,
        desk: ReviewDesk,
        clock: Callable[[], float],
        ended: Callable[[str, PrintState], None] = lambda *_: None,
    ) -> None:
        self._journal, self._desk, self._clock, self._ended = journal, desk, clock, ended

    def begin(
        self,
        label: Label,
        after: PrintState,
        *,
        baseline: int | None = None,
        printer: str = "",
        detail: str = "",
    ) -> "Future[None]":
        """Takes a step; it is committed when the future is done."""
        label.state = after
        return self._journal.step_label(
            label.item_id, after, self._clock(), baseline=baseline, printer=printer, detail=detail
        )

    def commit(
        self, label: Label, after: PrintState, detail: str, stops: Callable[[], bool]
    ) -> None:
        """Takes a step and waits until it is committed, however long the journal takes.

        Gives up only when `stops` says so: the journal then knows less than the printer, which
        the next start will ask. A last step waits for the label's review as well: a label that has
        ended is looked at by nobody, and its item would pass.
        """
        if after in SETTLED and not self.await_review(label, stops):
            _tell_unwritten(label, after, detail)
            return
        before = label.state
        while True:
            try:
                self.begin(label, after, detail=detail).result()
            except JournalUnavailable:
                label.state = before
                if stops():
                    _tell_unwritten(label, after, detail)
                    return
                time.sleep(_RETRY_PERIOD_S)
            except IllegalTransition:
                logger.exception("item %s: the journal knows better", label.item_id)
                return
            else:
                if after in SETTLED:
                    logger.info("item %s: label %s", label.item_id, after)
                    self._ended(label.item_id, after)
                return

    def review(
        self, label: Label, rule: str, reason: str, label_state: PrintState | None = None
    ) -> None:
        """Sends its item to a person, with its label's last step, if any."""
        label.is_reviewed = True
        if label_state is not None:
            label.state = label_state
        logger.warning("item %s goes to a person: %s", label.item_id, reason)
        label.review = self._desk.review(label.item_id, label.place, rule, reason, label_state)
        if label_state is not None:
            self._ended(label.item_id, label_state)

    def await_review(self, label: Label, stops: Callable[[], bool]) -> bool:
        """Waits until its review is committed, if there is one; gives up as `commit` does.

        Returns:
            False where it is not: the label then stays open, so that the next start looks at it.
        """
        review = label.review
        while review is not None and not review.done() and not stops():
            futures.wait([review], _RETRY_PERIOD_S)
        return review is None or (review.done() and review.exception() is None)

    def close(self, label: Label, why: str, stops: Callable[[], bool]) -> None:
        """Notes that it stays unknown for ever, and waits as `commit` does."""
        if not self.await_review(label, stops):
            _tell_unwritten(label, "unknown", why)
            return
        logger.warning("item %s: its label stays unknown: %s", label.item_id, why)
        while True:
            try:
                self._journal.close_label(label.item_id, self._clock(), why).result()
            except JournalUnavailable:
                if stops():
                    _tell_unwritten(label, "unknown", why)
                    return
                time.sleep(_RETRY_PERIOD_S)
            else:
                self._ended(label.item_id, "unknown")
                return


def _tell_unwritten(label: Label, after: PrintState, detail: str) -> None:
    """What the journal will not know is at least said."""
    logger.error(
        "item %s: that its label is %s (%s) could not be written down before the end: the next "
        "start finds it %s, and asks the printer",
        label.item_id,
        after,
        detail,
        label.state,
    )
