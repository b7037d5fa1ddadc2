"""Keeps the order up to date: asks its source, keeps the last one on disk, counts in the journal.

Owns a thread. What is offline leaves the station with the order that it has, and says how old it
is; what an order means for an item is left to `station`.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from beltmark.contract.documents import Document, read_document, write_document
from beltmark.contract.errors import InputError
from beltmark.contract.records import PartHealth
from beltmark.contract.terms import PartState
from edge_agent.orders.book import OrderBook
from edge_agent.orders.document import Line, OrderDocument, read_order
from edge_agent.orders.sources import OrderSource
from edge_agent.orders.tally import read_tally
from edge_agent.station.expected import OrderLine

logger = logging.getLogger(__name__)

_COUNT_PERIOD_S = 0.5
_MOST_NAMED = 20
_ENDING_TIMEOUT_S = 2.0

OrderState = Literal["unknown", "current", "old"]


class KeptOrder(Document):
    """The last order, as it is kept on disk."""

    format_version: Literal[1] = 1
    source: str
    received_at: float
    order: OrderDocument


@dataclass(frozen=True)
class OrderStanding:
    """How the order is.

    Attributes:
        state: `unknown` before the first; `old` when its source has not answered for long.
        told: What is wrong with its source, if anything.
        confirmed_at: When its source last answered, in seconds since the epoch.
        orders: The orders in it, the first few.
        lines: How many lines it has.
        to_come: How many items are still to come.
    """

    state: OrderState
    told: str
    confirmed_at: float | None
    orders: tuple[str, ...]
    lines: int
    to_come: int


class OrderWatch:
    """Watches over the order of one station.

    Args:
        source: Where it comes from.
        name: The source's name; what is kept of another source is not gone by.
        book: What the station goes by.
        journal: Path of the journal, which is there.
        kept: Where the last order is kept.
        clock: Seconds since the epoch.
        poll_s: How often the source is asked.
        stale_after_s: Time without its answer after which the order is old.
        is_near: Whether the source answers at once, as a file does.
    """

    def __init__(
        self,
        source: OrderSource,
        *,
        name: str,
        book: OrderBook,
        journal: Path,
        kept: Path,
        clock: Callable[[], float],
        poll_s: float,
        stale_after_s: float,
        is_near: bool,
    ) -> None:
        self._source, self._name, self._book = source, name, book
        self._journal, self._kept, self._clock = journal, kept, clock
        self._poll_s, self._stale_after_s = poll_s, stale_after_s
        self._is_near = is_near
        self._lines: tuple[OrderLine, ...] = ()
        self._confirmed_at: float | None = None
        self._problem: str | None = None
        self._count_problem: str | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)

    @property
    def book(self) -> OrderBook:
        """What the station goes by."""
        return self._book

    def line_for(self, sku: str) -> OrderLine | None:
        """The line that a product is wanted by now, if it is. For use from any thread."""
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        found = self._book.expected().line_for(sku, today)
        return found if isinstance(found, OrderLine) else None

    @property
    def standing(self) -> OrderStanding:
        """How the order is. For use from any thread."""
        expected = self._book.expected()
        confirmed_at = self._confirmed_at
        state: OrderState = "unknown"
        if expected.is_known and confirmed_at is not None:
            is_old = abs(self._clock() - confirmed_at) > self._stale_after_s
            state = "old" if is_old else "current"
        lines = [line for some in expected.lines.values() for line in some]
        return OrderStanding(
            state=state,
            told=self._problem or self._count_problem or "",
            confirmed_at=confirmed_at,
            orders=tuple(sorted({line.order_id for line in lines}))[:_MOST_NAMED],
            lines=len(lines),
            to_come=sum(max(0, expected.left(line)) for line in lines),
        )

    @property
    def health(self) -> PartHealth:
        """See `SidePart.health`."""
        standing = self.standing
        is_well = standing.state == "current" and not standing.told
        told = standing.told
        if standing.state == "old" and standing.confirmed_at is not None:
            age_s = max(0.0, self._clock() - standing.confirmed_at)
            told = f"the order is {age_s:.0f} s old; {told}".rstrip("; ")
        state: PartState = "ok" if is_well else "degraded"
        return PartHealth(state=state, told=told[:2_000])

    def tell(self) -> Mapping[str, object]:
        """See `SidePart.tell`."""
        return asdict(self.standing)

    def start(self) -> None:
        """Takes up the order that was kept, reads the file that it is in, counts; then watches."""
        self._take_up()
        if self._is_near:
            self.look()
        self.count()
        self._thread.start()

    def stop(self) -> None:
        """Ends; what was kept stays."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_ENDING_TIMEOUT_S)

    def look(self) -> None:
        """Asks the source once."""
        try:
            content = self._source.fetch()
            if content is not None:
                self._receive(content)
        except InputError as error:
            self._report(str(error))
            self._source.repeat()
            return
        self._confirmed_at = self._clock()
        self._report(None)

    def count(self) -> None:
        """Counts in the journal once."""
        order_ids = {line.order_id for line in self._lines}
        pending = self._book.pending
        try:
            tally = read_tally(self._journal, order_ids, pending)
        except (sqlite3.Error, InputError) as error:
            self._count_problem = f"the journal cannot be read: {error}"
            return
        self._count_problem = None
        self._book.count(tally.counts, tally.recorded)

    def _receive(self, content: bytes) -> None:
        lines = read_order(content, self._name)
        now = self._clock()
        is_news = lines != self._lines  # a server may answer with the same at each poll
        self._go_by(lines)
        if is_news:
            logger.info("order: %d lines of %s", len(lines), self._name)
        order = OrderDocument(lines=tuple(map(_line, lines)))
        try:
            kept = KeptOrder(source=self._name, received_at=now, order=order)
            write_document(self._kept, kept)
        except OSError as error:
            logger.warning("the order cannot be kept: %s", error)

    def _go_by(self, lines: tuple[OrderLine, ...]) -> None:
        """Goes by another order; not without knowing what is taken of it.

        Raises:
            InputError: The journal cannot be read.
        """
        try:
            order_ids = {line.order_id for line in lines}
            tally = read_tally(self._journal, order_ids, self._book.pending)
        except sqlite3.Error as error:
            raise InputError(
                f"the journal cannot be read: {error}", "free disk space", file=self._journal
            ) from None
        self._lines = lines
        self._book.replace(lines, tally.counts, tally.recorded)

    def _take_up(self) -> None:
        if not self._kept.exists():
            return
        try:
            kept = read_document(self._kept, KeptOrder)
        except InputError as error:
            logger.warning("the order that was kept is passed over: %s", error)
            return
        if kept.source != self._name:
            return
        try:
            self._go_by(tuple(line.as_line for line in kept.order.lines))
        except InputError as error:
            logger.warning("the order that was kept is passed over: %s", error)
            return
        self._confirmed_at = kept.received_at

    def _run(self) -> None:
        look_at = time.monotonic() + (self._poll_s if self._is_near else 0.0)
        while not self._ending.is_set():
            try:
                if time.monotonic() >= look_at:
                    self.look()
                    look_at = time.monotonic() + self._poll_s
                self.count()
            except Exception:
                # The station goes on with the order that it has.
                logger.exception("order: unexpected problem")
            self._ending.wait(_COUNT_PERIOD_S)

    def _report(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        if problem is None:
            logger.info("order: its source answers again")
        else:
            logger.warning("order: %s", problem)
        self._problem = problem


def _line(line: OrderLine) -> Line:
    return Line(
        order=line.order_id, sku=line.sku, quantity=line.quantity, lot=line.lot, expiry=line.expiry
    )
