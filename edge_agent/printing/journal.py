"""The station's memory: every decision and label step, committed before anything acts on it.

Says what can be written; each write gives a future that is done after its commit, see `committing`.
The SQL is in `writes.py` and `schema.py`; reading in `reading.py`; acting is left to others.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from beltmark.contract.serials import NumberKind, NumberRange
from beltmark.contract.terms import LabelState, PrintState
from edge_agent.printing import label_writes, numbers, writes
from edge_agent.printing.committing import Committer, JournalHealth, JournalUnavailable, Result
from edge_agent.printing.hand_writes import HandOrder, write_hand_order
from edge_agent.printing.journal_lock import take
from edge_agent.printing.reading import Recollection, recollect, this_boot
from edge_agent.printing.records import ItemDecision, LabelItem, LastSeen
from edge_agent.printing.reserve import Reserve
from edge_agent.printing.schema import open_for_writing, unusable
from edge_agent.printing.states import Confirmed
from edge_agent.station.items import EyePass


class Journal:
    """The journal of one station; one agent at a time has it.

    Args:
        path: The database file; beside it lie its lock and SQLite's own files.
        station: Name of the station, noted with each item.
        clock: Seconds since the epoch.
        boot: Which start of the computer this is; None asks the system.
        is_leased: Whether labels are numbered in ranges that were given to it, see `add_range`.
        reserve: Space that is kept for it; None keeps none.

    Attributes:
        recollection: What an earlier run left.

    Raises:
        InputError: Another agent has it, or the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        station: str,
        clock: Callable[[], float] = time.time,
        boot: str | None = None,
        *,
        is_leased: bool = False,
        reserve: Reserve | None = None,
    ) -> None:
        self._station, self._clock, self._is_leased = station, clock, is_leased
        self._boot = this_boot() if boot is None else boot
        self._lock_handle = take(path)
        try:
            connection, self.recollection = _open(path, self._boot)
        except BaseException:
            os.close(self._lock_handle)
            raise
        self._positions_waiting = threading.Event()
        self._committer = Committer(connection, reserve, clock)

    @property
    def health(self) -> JournalHealth:
        """Whether it takes writes."""
        return self._committer.health

    def record(self, decision: ItemDecision) -> "Future[LabelItem | None]":
        """Commits an item's decision; with PRINT the future gives its label with a new serial.

        The future fails with `JournalUnavailable` (not committed) or `AlreadyDecided`.
        """
        return self._committer.put(
            lambda connection: writes.write_decision(
                connection, self._station, decision, is_leased=self._is_leased
            )
        )

    def step_label(
        self,
        item_id: str,
        after: PrintState,
        at: float,
        *,
        baseline: int | None = None,
        printer: str = "",
        detail: str = "",
    ) -> "Future[None]":
        """Commits a label's step along the table of states; with the printer that gets it and that
        printer's counter, where it is about to be sent.

        The future fails with `JournalUnavailable` (not committed) or `IllegalTransition`.
        """
        return self._committer.put(
            lambda connection: label_writes.write_label_step(
                connection, item_id, after, at, baseline=baseline, printer=printer, detail=detail
            )
        )

    def review(
        self,
        item_id: str,
        at: float,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> "Future[None]":
        """Commits that a decided item goes to a person, in one with its label's step, if any."""

        def apply(connection: sqlite3.Connection) -> None:
            if label_state is not None:
                label_writes.write_label_step(connection, item_id, label_state, at, detail=reason)
            writes.write_review(connection, item_id, at, rule, reason)

        return self._committer.put(apply)

    def close_label(self, item_id: str, at: float, detail: str) -> "Future[None]":
        """Commits that a label stays unknown for ever."""
        return self._committer.put(
            lambda connection: label_writes.write_closed(connection, item_id, at, detail)
        )

    def confirm(
        self, item_id: str, after: Confirmed, at: float, detail: str = ""
    ) -> "Future[LabelState | None]":
        """Commits what came after printing: applied, verified or diverted. May be told twice.

        The future gives the label's state from then on: what the table does not allow changes
        nothing, so `sent` for an `applied` means that the counter has still to confirm it. For an
        item without a label it gives None, and a divert is kept all the same. Fails with
        `JournalUnavailable` (not committed).
        """
        return self._committer.put(
            lambda connection: label_writes.write_confirmed(connection, item_id, after, at, detail)
        )

    def void(self, item_id: str, at: float, reason: str, who: str) -> "Future[LabelState | None]":
        """Commits that an item's label is void, by whose word and why. May be told twice.

        The future gives the label's state from then on; it is not `voided` while the printer has
        still to do with the label. None for an item without one. Fails with `JournalUnavailable`.
        """
        return self._committer.put(
            lambda connection: label_writes.write_void(connection, item_id, at, reason, who)
        )

    def note(self, item_id: str, at: float, what: str, detail: str = "") -> "Future[None]":
        """Commits a line of an item's history that changes no state."""
        return self._committer.put(
            lambda connection: writes.write_note(connection, item_id, at, what, detail)
        )

    def begin_request(self, kind: NumberKind, new: str) -> "Future[str]":
        """Commits under which identity a range is asked for; the future gives it, see `numbers`."""
        return self._committer.put(lambda connection: numbers.begin_request(connection, kind, new))

    def add_range(self, given: NumberRange, request: str) -> "Future[bool]":
        """Commits a range of numbers; the future gives False for one that may have been used."""
        return self._committer.put(
            lambda connection: numbers.write_range(connection, given, request, self._clock())
        )

    def note_at_eye(self, passes: Sequence[EyePass]) -> "Future[None]":
        """Commits what the photo-eye told of items, decided already or not."""
        return self._committer.put(lambda connection: writes.write_at_eye(connection, passes))

    def write(self, apply: Callable[[sqlite3.Connection], Result]) -> "Future[Result]":
        """Commits a write of somebody else's: see `hand_writes`.

        The future fails with `JournalUnavailable` (not committed) or what the write raises of
        `IllegalTransition` and `WriteRefused`.
        """
        return self._committer.put(apply)

    def order_by_hand(self, order: HandOrder) -> "Future[LabelItem]":
        """Commits that a person labels an item; the future fails as `write`'s does."""
        return self._committer.put(
            lambda connection: write_hand_order(connection, order, is_leased=self._is_leased)
        )

    def note_positions(self, items: Sequence[LastSeen], speed_px_s: float | None) -> None:
        """Notes where the items in the zone are, without waiting for the disk.

        One note at a time waits to be written; further ones are passed over until it is.
        """
        if self._positions_waiting.is_set():
            return
        self._positions_waiting.set()

        def apply(connection: sqlite3.Connection) -> None:
            self._positions_waiting.clear()
            writes.write_positions(connection, items, speed_px_s, self._boot)

        future = self._committer.put(apply, is_durable=False)
        future.add_done_callback(lambda _: self._positions_waiting.clear())

    def flush(self, timeout_s: float = 5.0) -> None:
        """Waits until what was put in so far is committed and all who wait for it are told."""
        with contextlib.suppress(JournalUnavailable, TimeoutError):
            self._committer.put(lambda _: None).result(timeout_s)

    def close(self) -> None:
        """Commits what waits, and lets go of the file."""
        if self._committer.close():
            os.close(self._lock_handle)


def _open(path: Path, boot: str) -> tuple[sqlite3.Connection, Recollection]:
    connection = open_for_writing(path)
    try:
        return connection, recollect(connection, boot)
    except sqlite3.Error as error:
        connection.close()
        raise unusable(path, error) from None
