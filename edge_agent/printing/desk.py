"""Sends each item on its way, but only after its outcome is committed: to the printer or off the
belt. What cannot be committed waits here, and the belt with it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol

from beltmark.contract.terms import PrintState
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.records import ItemDecision, LabelItem, LabelOrder, Place
from edge_agent.printing.states import IllegalTransition
from edge_agent.station.decision import Decision

logger = logging.getLogger(__name__)

_RETRY_PERIOD_S = 0.5


class OutcomeJournal(Protocol):
    """Where outcomes are committed."""

    def record(self, decision: ItemDecision) -> "Future[LabelItem | None]":
        """See `Journal.record`."""
        ...

    def review(
        self,
        item_id: str,
        at: float,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> "Future[None]":
        """See `Journal.review`."""
        ...


class Divert(Protocol):
    """Takes items off the belt, for a person."""

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        """Diverts the item that was at this place of the image at that time; returns at once."""
        ...


class LabelQueue(Protocol):
    """Where committed labels wait for the printer."""

    def submit(self, order: LabelOrder) -> None:
        """Takes an order; returns at once."""
        ...


@dataclass(frozen=True)
class _Review:
    """A decided item that goes to a person."""

    item_id: str
    place: Place | None
    rule: str
    reason: str
    label_state: PrintState | None
    committed: "Future[None]" = field(default_factory=Future)


class OutcomeDesk:
    """Commits outcomes and acts on them. For use from any thread.

    Args:
        journal: Where they are committed.
        divert: Takes reviewed items off the belt.
        clock: Seconds since the epoch.
    """

    def __init__(self, journal: OutcomeJournal, divert: Divert, clock: Callable[[], float]) -> None:
        self._journal, self._divert, self._clock = journal, divert, clock
        self._lock = threading.Lock()
        self._backlog: deque[ItemDecision | _Review] = deque()
        self._retry_at = 0.0
        self._labels: LabelQueue | None = None

    def print_through(self, labels: LabelQueue) -> None:
        """Says where labels go; before the first decision."""
        self._labels = labels

    @property
    def backlog(self) -> int:
        """Outcomes that could not be committed yet."""
        with self._lock:
            return len(self._backlog)

    def settle(self, decision: ItemDecision) -> None:
        """Commits an item's decision, then prints or diverts."""
        future = self._journal.record(decision)
        future.add_done_callback(lambda done: self._recorded(decision, done))

    def review(
        self,
        item_id: str,
        place: Place | None,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> "Future[None]":
        """Commits that a decided item goes to a person, with its label's step, then diverts it.

        Without a place, a person has it already.
        The future is done once it is committed, however often that has to be tried again.
        """
        review = _Review(item_id, place, rule, reason, label_state)
        self._commit_review(review)
        return review.committed

    def divert_again(self, item_id: str, place: Place) -> None:
        """Diverts an item whose review is committed and that is still on the belt."""
        self._divert.divert(item_id, place.x_px, place.y_px, place.captured_at)

    def retry(self) -> None:
        """Tries again, now and then, what could not be committed."""
        now = self._clock()
        with self._lock:
            if not self._backlog or 0 <= now - self._retry_at < _RETRY_PERIOD_S:
                return
            self._retry_at = now
            waiting = list(self._backlog)
            self._backlog.clear()
        for outcome in waiting:
            if isinstance(outcome, ItemDecision):
                self.settle(outcome)
            else:
                self._commit_review(outcome)

    def _commit_review(self, review: _Review) -> None:
        future = self._journal.review(
            review.item_id, self._clock(), review.rule, review.reason, review.label_state
        )
        future.add_done_callback(lambda done: self._reviewed(review, done))

    def _recorded(self, new: ItemDecision, done: "Future[LabelItem | None]") -> None:
        error = done.exception()
        if isinstance(error, JournalUnavailable):
            # By the time it can be written, the item has moved on: its label would come too late.
            self._keep(replace(new, decision=_not_recorded(new.decision)))
        elif error is not None:
            logger.error("item %s: %s", new.item_id, error)
        elif (item := done.result()) is not None and self._labels and new.decision.product:
            self._labels.submit(
                LabelOrder(item, new.decision.product, new.place, new.layout, new.decision.line)
            )
        else:
            self.divert_again(new.item_id, new.place)

    def _reviewed(self, review: _Review, done: "Future[None]") -> None:
        error = done.exception()
        if isinstance(error, JournalUnavailable):
            self._keep(review)
        elif isinstance(error, IllegalTransition) and review.label_state is not None:
            logger.error("item %s: %s", review.item_id, error)
            self._commit_review(replace(review, label_state=None))
        elif error is not None:
            logger.error("item %s: %s", review.item_id, error)
            review.committed.set_exception(error)
        else:
            if review.place is not None:
                self.divert_again(review.item_id, review.place)
            review.committed.set_result(None)

    def _keep(self, outcome: ItemDecision | _Review) -> None:
        with self._lock:
            self._backlog.append(outcome)


def _not_recorded(decision: Decision) -> Decision:
    if decision.outcome != "PRINT":
        return decision
    return replace(
        decision,
        outcome="REVIEW",
        rule="not_recorded",
        reason="its decision could not be written down in time",
        product=None,
        line=None,
    )
