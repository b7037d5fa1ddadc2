"""Acts on what the scan found: commits it, sends items to a person, stops the line by policy.

What is found is `judge`'s; the line is released by a person, see `release`.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from beltmark.contract.terms import LabelState
from edge_agent.outputs.fates import STATION
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.records import Place
from edge_agent.printing.states import UNSETTLED, Confirmed
from edge_agent.verification.judge import Finding, Result
from edge_agent.verification.ledger import LabelStanding
from edge_agent.verification.section import OnResult

logger = logging.getLogger(__name__)

_RETRY_PERIOD_S = 0.5
_MAX_WAITING = 256
_MAX_REASONS = 16
# A label in such a state never came to its item: that none is seen on it is no news.
_NOT_ON_ITEM = frozenset({"decided", "queued", "failed", "late", "voided", "diverted"})


class ScanJournal(Protocol):
    """Where results are committed."""

    def confirm(
        self, item_id: str, after: Confirmed, at: float, detail: str = ""
    ) -> "Future[LabelState | None]":
        """See `Journal.confirm`."""
        ...

    def void(self, item_id: str, at: float, reason: str, who: str) -> "Future[LabelState | None]":
        """See `Journal.void`."""
        ...


class Notes(Protocol):
    """Takes lines for the histories of items."""

    def note(self, item_id: str, what: str, detail: str) -> None:
        """See `Fates.note`."""
        ...


class ScanDesk(Protocol):
    """Sends items to a person."""

    def review(self, item_id: str, place: Place, rule: str, reason: str) -> "Future[None]":
        """See `OutcomeDesk.review`."""
        ...


class Standings(Protocol):
    """How items and labels stand."""

    def standing(self, item_id: str) -> LabelStanding | None:
        """See `LabelLedger.standing`."""
        ...


@dataclass
class _Write:
    """A commit to be tried again while the printer has still to do with the label."""

    begin: Callable[[], "Future[LabelState | None]"]
    future: "Future[LabelState | None] | None" = None
    due_at: float = 0.0

    def is_done(self, now: float) -> bool:
        """Begins it, or looks what came of it."""
        if self.future is None:
            if now >= self.due_at:
                self.future = self.begin()
            return False
        if not self.future.done():
            return False
        error = self.future.exception()
        if error is not None and not isinstance(error, JournalUnavailable):
            logger.error("scan: a result cannot be written: %s", error)
            return True
        if error is None and self.future.result() not in UNSETTLED:
            return True
        self.future, self.due_at = None, now + _RETRY_PERIOD_S
        return False


class Consequences:
    """What follows a finding.

    Args:
        journal: Where results are committed.
        notes: Takes lines for the histories of items.
        desk: Sends items to a person.
        standings: How items and labels stand.
        policy: What follows each result but `verified`.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        *,
        journal: ScanJournal,
        notes: Notes,
        desk: ScanDesk,
        standings: Standings,
        policy: Mapping[Result, OnResult],
        clock: Callable[[], float],
    ) -> None:
        self._journal, self._notes = journal, notes
        self._desk, self._standings = desk, standings
        self._policy, self._clock = policy, clock
        self._lock = threading.Lock()
        self._reasons: list[str] = []
        self._counts: Counter[str] = Counter()
        self._writes: deque[_Write] = deque(maxlen=_MAX_WAITING)
        self._latest: tuple[str, str] | None = None
        self.since = clock()

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when the scan does not ask for it."""
        with self._lock:
            if not self._reasons:
                return None
            more = f" (and {len(self._reasons) - 1} more)" if len(self._reasons) > 1 else ""
            return f"{self._reasons[0]}{more}: look, then `beltmark-edge release STATION.toml scan`"

    @property
    def counts(self) -> dict[str, int]:
        """How often each result was found."""
        with self._lock:
            return dict(self._counts)

    @property
    def latest(self) -> tuple[str, str] | None:
        """The latest result that was not `verified`, and why."""
        with self._lock:
            return self._latest

    def release(self) -> int:
        """A person has looked: the belt may run. Returns how many reasons there were."""
        with self._lock:
            count = len(self._reasons)
            self._reasons.clear()
            self.since = self._clock()
        if count:
            logger.warning("scan: released by a person")
        return count

    def act(self, finding: Finding, place: Place | None) -> None:
        """Does what follows a finding; `place` is where its item was decided."""
        item_id, at = finding.item_id, self._clock()
        if finding.result == "verified" and item_id is not None:
            self._count("verified")
            self._write(lambda: self._journal.confirm(item_id, "verified", at))
            return
        if finding.result in ("missing", "unreadable") and not self._was_labelled(finding):
            self._count("not_labelled")
            return
        self._count(finding.result)
        with self._lock:
            self._latest = finding.result, finding.told
        named = "no item" if item_id is None else f"item {item_id}"
        logger.warning("scan: %s: %s: %s", named, finding.result, finding.told)
        policy = self._policy[finding.result] if finding.result != "verified" else "tell"
        if policy == "stop":
            with self._lock:
                self.since = at if not self._reasons else self.since
                if len(self._reasons) < _MAX_REASONS:
                    self._reasons.append(f"{finding.result}: {finding.told}")
        if item_id is not None:
            self._tell_of(item_id, finding, place, policy)
        if (owner := finding.misplaced) is not None:
            reason = f"its serial is on another item: {finding.told}"
            self._write(lambda: self._journal.void(owner, at, reason, STATION))

    def _tell_of(
        self, item_id: str, finding: Finding, place: Place | None, policy: OnResult
    ) -> None:
        self._notes.note(item_id, f"scan {finding.result}", finding.told)
        if policy != "tell" and place is not None:
            self._desk.review(item_id, place, f"scan_{finding.result}", f"scan: {finding.told}")

    def advance(self) -> None:
        """Goes on with what is to be committed. On the thread that calls `act`."""
        now = self._clock()
        for _ in range(len(self._writes)):
            write = self._writes.popleft()
            if not write.is_done(now):
                self._writes.append(write)

    @property
    def is_settled(self) -> bool:
        """Whether all that was found is committed."""
        return not self._writes

    def _was_labelled(self, finding: Finding) -> bool:
        standing = None
        if finding.item_id is not None:
            standing = self._standings.standing(finding.item_id)
        if standing is None:
            return True  # what is not known is looked at
        return standing.outcome == "PRINT" and standing.label_state not in _NOT_ON_ITEM

    def _write(self, begin: "Callable[[], Future[LabelState | None]]") -> None:
        write = _Write(begin)
        if not write.is_done(self._clock()):
            self._writes.append(write)

    def _count(self, result: str) -> None:
        with self._lock:
            self._counts[result] += 1
