"""Stands between the station's parts at their ports, and kills the process at the point named.

A point is a place between two effects that outlive the process: a commit, bytes that left, a divert
that was asked for. Some twins do wrong on purpose, to prove that the campaign notices.
"""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Literal, TypeVar

from beltmark.contract.terms import LabelState, PrintState
from bench.crash.plan import Kill
from edge_agent.outputs.outputs import Outputs
from edge_agent.printing.committing import JournalHealth
from edge_agent.printing.hand_writes import HandOrder
from edge_agent.printing.journal import Journal
from edge_agent.printing.printers.zebra import ByteLine
from edge_agent.printing.records import ItemDecision, LabelItem, LabelOrder, LastSeen
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.states import Confirmed

Sabotage = Literal["none", "sends again", "forgets diverts", "forgets syncs"]
"""What is broken on purpose. The last is the disk's, see `disks`."""

# A commit takes a few milliseconds.
_COMMIT_S = 0.006

Result = TypeVar("Result")


def die() -> None:
    """Ends this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Points:
    """Counts the times at which a point is come to, and kills at the one that is planned."""

    def __init__(self, kill: Kill) -> None:
        self._point, self._left, self._fraction = kill.point, kill.nth, kill.fraction
        self._lock = threading.Lock()

    @property
    def checkpoints(self) -> bool:
        """Whether the kill is to be at a checkpoint of the journal."""
        return self._point.startswith("checkpoint")

    def come_to(self, point: str) -> None:
        """The process is at this point; it may be its end."""
        if self._is_due(point):
            die()

    def soon_after(self, point: str) -> None:
        """What begins now takes a while; its end may come in the midst of it."""
        if self._is_due(point):
            threading.Timer(self._fraction * _COMMIT_S, die).start()

    def part_of(self, point: str, size: int) -> int | None:
        """How many bytes of so many are still to leave before the end; None: it does not come."""
        return 1 + int(self._fraction * max(0, size - 2)) if self._is_due(point) else None

    def _is_due(self, point: str) -> bool:
        if point != self._point:
            return False
        with self._lock:
            self._left -= 1
            return self._left == 0


class JournalTwin:
    """The journal as loop, desk and spooler know it."""

    def __init__(self, journal: Journal, points: Points) -> None:
        self._journal, self._points = journal, points

    @property
    def health(self) -> JournalHealth:
        """See `Journal.health`."""
        return self._journal.health

    def record(self, decision: ItemDecision) -> "Future[LabelItem | None]":
        """See `Journal.record`."""
        return self._commit("decision", lambda: self._journal.record(decision))

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
        """See `Journal.step_label`."""
        return self._commit(
            f"label {after}",
            lambda: self._journal.step_label(
                item_id, after, at, baseline=baseline, printer=printer, detail=detail
            ),
        )

    def review(
        self,
        item_id: str,
        at: float,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> "Future[None]":
        """See `Journal.review`."""
        what = "review" if label_state is None else f"label {label_state}"
        return self._commit(
            what, lambda: self._journal.review(item_id, at, rule, reason, label_state)
        )

    def close_label(self, item_id: str, at: float, detail: str) -> "Future[None]":
        """See `Journal.close_label`."""
        return self._commit("review", lambda: self._journal.close_label(item_id, at, detail))

    def order_by_hand(self, order: HandOrder) -> "Future[LabelItem]":
        """See `Journal.order_by_hand`."""
        return self._commit("hand order", lambda: self._journal.order_by_hand(order))

    def write(self, apply: Callable[[sqlite3.Connection], Result]) -> "Future[Result]":
        """See `Journal.write`."""
        return self._commit("hand word", lambda: self._journal.write(apply))

    def confirm(
        self, item_id: str, after: Confirmed, at: float, detail: str = ""
    ) -> "Future[LabelState | None]":
        """See `Journal.confirm`."""
        return self._commit("fate", lambda: self._journal.confirm(item_id, after, at, detail))

    def void(self, item_id: str, at: float, reason: str, who: str) -> "Future[LabelState | None]":
        """See `Journal.void`."""
        return self._commit("fate", lambda: self._journal.void(item_id, at, reason, who))

    def note(self, item_id: str, at: float, what: str, detail: str = "") -> "Future[None]":
        """See `Journal.note`."""
        return self._commit("fate", lambda: self._journal.note(item_id, at, what, detail))

    def note_positions(self, items: Sequence[LastSeen], speed_px_s: float | None) -> None:
        """See `Journal.note_positions`."""
        self._points.come_to("positions: before")
        self._points.soon_after("positions: in commit")
        self._journal.note_positions(items, speed_px_s)

    def _commit(self, what: str, begin: "Callable[[], Future[Result]]") -> "Future[Result]":
        self._points.come_to(f"{what}: before")
        self._points.soon_after(f"{what}: in commit")
        future = begin()
        # The first to be told: it is committed, and nobody else knows yet.
        future.add_done_callback(lambda _: self._points.come_to(f"{what}: committed"))
        return future


class LabelsTwin:
    """The spooler as the desk knows it."""

    def __init__(self, spooler: Spooler, points: Points) -> None:
        self._spooler, self._points = spooler, points

    def submit(self, order: LabelOrder) -> None:
        """See `Spooler.submit`."""
        self._points.come_to("submit: before")
        self._spooler.submit(order)
        self._points.come_to("submit: after")


class DivertTwin:
    """The divert as the desk knows it."""

    def __init__(self, outputs: Outputs, points: Points, sabotage: Sabotage) -> None:
        self._outputs, self._points, self._sabotage = outputs, points, sabotage

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        """See `Outputs.divert`."""
        self._points.come_to("divert: before")
        if self._sabotage != "forgets diverts":
            self._outputs.divert(item_id, x_px, y_px, captured_at)
        self._points.come_to("divert: after")


class LineTwin:
    """The bytes to and from the printer.

    Args:
        line: The true line.
        points: Where to die.
        kept: With sabotage, where the latest label is kept, so that it can be sent again.
    """

    def __init__(self, line: ByteLine, points: Points, kept: Path | None = None) -> None:
        self._line, self._points, self._kept = line, points, kept

    @property
    def address(self) -> str:
        """Where it leads."""
        return self._line.address

    def open(self, timeout_s: float) -> None:
        """See `ByteLine.open`."""
        self._points.come_to("connection: before")
        self._line.open(timeout_s)
        self._points.come_to("connection: after")
        if self._kept is not None and self._kept.exists():
            # As a careless agent does: what may not have come out is sent once more.
            label = self._kept.read_bytes()
            self._kept.unlink()
            self._line.write(label, timeout_s)

    def write(self, data: bytes, timeout_s: float) -> None:
        """See `ByteLine.write`."""
        what = "label bytes" if b"^FD" in data else "words"
        self._points.come_to(f"{what}: before")
        if what == "label bytes" and self._kept is not None:
            self._kept.write_bytes(data)
        if (part := self._points.part_of(f"{what}: between", len(data))) is not None:
            self._line.write(data[:part], timeout_s)
            die()
        self._line.write(data, timeout_s)
        self._points.come_to(f"{what}: after")

    def read(self, timeout_s: float) -> bytes:
        """See `ByteLine.read`."""
        self._points.come_to("answer: before")
        received = self._line.read(timeout_s)
        self._points.come_to("answer: after")
        return received

    def close(self) -> None:
        """See `ByteLine.close`."""
        self._line.close()


def checkpoint(journal: Path, points: Points) -> None:
    """Moves the journal's log into its database, as SQLite does by itself now and then."""
    points.come_to("checkpoint: before")
    connection = sqlite3.connect(journal)
    points.soon_after("checkpoint: during")
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    time.sleep(_COMMIT_S)
    points.come_to("checkpoint: after")
    connection.close()
