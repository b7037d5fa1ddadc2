"""Labels for a person's hand: orders one, declares one void, notes that one is taken.

Such a label must get onto nothing on the belt: while it is ordered and until the person says that
it is taken, the belt stands and the printer prints nothing else. Who asks, and how, is left to the
command and to the panel; when it is sent, to the spooler.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Protocol, TypeVar

from beltmark.contract.errors import InputError
from beltmark.contract.release import Release
from beltmark.contract.terms import PrintState
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.desk import LabelQueue
from edge_agent.printing.hand_writes import (
    HandOrder,
    HandRefused,
    write_hand_void,
    write_seen_to,
    write_taken,
)
from edge_agent.printing.records import LabelItem, LabelOrder
from edge_agent.printing.states import SURELY_NOT_OUT
from edge_agent.station.expected import OrderLine

logger = logging.getLogger(__name__)

_STANDS_AFTER_S: Final = 0.5
"""So long after it was told to stand the belt surely does."""
_COMMIT_TIMEOUT_S: Final = 5.0
LONGEST_WHO, LONGEST_REASON = 64, 200

Result = TypeVar("Result")


class HandJournal(Protocol):
    """Where it is committed."""

    def order_by_hand(self, order: HandOrder) -> "Future[LabelItem]":
        """See `Journal.order_by_hand`."""
        ...

    def write(self, apply: Callable[[sqlite3.Connection], Result]) -> "Future[Result]":
        """See `Journal.write`."""
        ...


class ByHand:
    """What a person does about labels at one station. For use from any thread.

    Args:
        journal: Where it is committed.
        release: Gives the release that runs: its catalogue and layouts.
        is_idle: Whether no label is on its way to the belt.
        printer_problem: Why the printer takes no label; None where it does.
        moves: Whether a belt carries items past the printer.
        has_permit: Whether this station can make it stand.
        held_since: Since when it was told to stand, by `steady`; None while it may run.
        left: Item whose label an earlier run printed for a person who did not say that it is taken.
        left_is_open: Whether it is not known yet if that label came out.
        line_for: The line of the order that a product is wanted by, given its SKU, if there is one.
        clock: Seconds since the epoch.
        steady: Seconds on a clock that is never set.
    """

    def __init__(
        self,
        journal: HandJournal,
        release: Callable[[], Release],
        *,
        is_idle: Callable[[], bool],
        printer_problem: Callable[[], str | None],
        moves: bool,
        has_permit: bool,
        held_since: Callable[[], float | None],
        left: str | None = None,
        left_is_open: bool = False,
        line_for: Callable[[str], OrderLine | None] = lambda _: None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._release = journal, release
        self._is_idle, self._printer_problem = is_idle, printer_problem
        self._moves, self._has_permit, self._held_since = moves, has_permit, held_since
        self._clock, self._steady, self._line_for = clock, steady, line_for
        self._labels: LabelQueue | None = None
        self._lock = threading.Lock()
        self._in_hand = left
        self._has_ended = left is not None and not left_is_open

    def print_through(self, labels: LabelQueue) -> None:
        """Says where labels go; before the first order."""
        self._labels = labels

    @property
    def in_hand(self) -> str | None:
        """The item whose label is printed for a person; None where none is."""
        return self._in_hand

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when no person waits at the printer."""
        with self._lock:
            item_id, has_ended = self._in_hand, self._has_ended
        if item_id is None:
            return None
        if has_ended:
            return f"a label was printed for a person and waits to be taken: item {item_id}"
        return f"a label is printed for a person: item {item_id}"

    @property
    def is_waiting(self) -> bool:
        """Whether the printer is a person's alone."""
        return self._in_hand is not None

    @property
    def may_print(self) -> bool:
        """Whether that person's label can get onto nothing else now."""
        if not self._moves:
            return True
        since = self._held_since()
        return since is not None and self._steady() - since >= _STANDS_AFTER_S

    def ended(self, item_id: str, state: PrintState) -> None:
        """Told of each label that the printer has done with."""
        with self._lock:
            if item_id != self._in_hand:
                return
            if state in SURELY_NOT_OUT:
                self._in_hand = None
            self._has_ended = True

    def label(self, item_id: str, sku: str, who: str) -> None:
        """Orders an item's label into a person's hand, as the product that they say it is.

        Returns as soon as that is committed; the belt stands until the person says `taken`.

        Raises:
            InputError: It cannot be printed now, or the item has a label that is not void.
        """
        who = words(who, "who", LONGEST_WHO)
        release = self._release()
        product = next((p for p in release.catalogue.products if p.sku == sku), None)
        if product is None:
            raise InputError(f"no product {sku} in the catalogue", "name one of its SKUs")
        layout = release.layouts.get(product.layout)
        if layout is None:
            raise InputError(f"nothing says how a label of {sku} is drawn", "write it by hand")
        if self._moves and not self._has_permit:
            raise InputError(
                "nothing can hold the belt, and the label would land on it",
                "give the station a run permit ([outputs] in its file), or print it elsewhere",
            )
        if (problem := self._printer_problem()) is not None:
            raise InputError(f"the printer takes no label: {problem}", "mend the printer first")
        self._take_printer(item_id)
        order = HandOrder(item_id, product, layout, who, self._clock(), self._line_for(sku))
        future = self._journal.order_by_hand(order)
        # Whether or not this call waits for so long: what is committed is printed.
        future.add_done_callback(lambda done: self._ordered(done, order))
        _await(future)
        logger.warning("item %s: a label is printed for %s", item_id, who)

    def void(self, item_id: str, reason: str, who: str) -> None:
        """Declares an item's label void.

        Raises:
            InputError: It has none, or the printer may still have it.
        """
        who, reason = words(who, "who", LONGEST_WHO), words(reason, "reason", LONGEST_REASON)
        _await(
            self._journal.write(
                lambda connection: write_hand_void(connection, item_id, reason, who, self._clock())
            )
        )

    def settle(self, item_id: str, who: str) -> None:
        """Notes that a person has seen to an item without a label of ours.

        Raises:
            InputError: There is no such item.
        """
        who = words(who, "who", LONGEST_WHO)
        _await(
            self._journal.write(
                lambda connection: write_seen_to(connection, item_id, who, self._clock())
            )
        )

    def taken(self, who: str, item: str | None = None) -> None:
        """The label that was printed for a person is off the printer: the belt may go on.

        Args:
            who: The person.
            item: The item whose label they took; None for whichever was printed.

        Raises:
            InputError: There is none, or it has not come out yet.
        """
        who = words(who, "who", LONGEST_WHO)
        with self._lock:
            item_id, has_ended = self._in_hand, self._has_ended
        if item_id is None or item not in (None, item_id):
            raise InputError("no such label was printed for a person", "order one first")
        if not has_ended:
            raise InputError(
                f"the label of item {item_id} has not come out yet", "wait until it has"
            )
        _await(
            self._journal.write(
                lambda connection: write_taken(connection, item_id, who, self._clock())
            )
        )
        self._let_go(item_id)

    def _take_printer(self, item_id: str) -> None:
        """From here on the belt stands."""
        with self._lock:
            if self._in_hand is not None:
                raise InputError(
                    f"the label of item {self._in_hand} was printed for a person",
                    "take it, and say so, first",
                )
            self._in_hand, self._has_ended = item_id, False
        # After that: what was decided in between waits until the printer is the belt's again.
        if not self._is_idle():
            self._let_go(item_id)
            raise InputError(
                "a label for the belt is on its way, or lies at the applicator",
                "try again in a moment",
            )

    def _let_go(self, item_id: str) -> None:
        with self._lock:
            if self._in_hand == item_id:  # who said it twice lets go of no later one
                self._in_hand = None

    def _ordered(self, done: "Future[LabelItem]", order: HandOrder) -> None:
        if done.exception() is not None or self._labels is None:
            self._let_go(order.item_id)
        else:
            self._labels.submit(
                LabelOrder(done.result(), order.product, None, order.layout, order.line)
            )


def _await(future: "Future[Result]") -> Result:
    """Waits until it is committed.

    Raises:
        InputError: It is not, or not in time.
    """
    try:
        return future.result(_COMMIT_TIMEOUT_S)
    except HandRefused as refusal:
        raise InputError(refusal.problem, refusal.mend) from None
    except JournalUnavailable as error:
        raise InputError(
            f"it cannot be written down: {error}", "free disk space, then try again"
        ) from None
    except TimeoutError:
        raise InputError(
            "the disk is slow: it is not known yet whether it was written down",
            "look at the item again in a while",
        ) from None


def words(text: str, field: str, longest: int) -> str:
    """Returns what a person says as it may be written down.

    Raises:
        InputError: It is empty, too long or not printable.
    """
    text = " ".join(text.split())
    if not text or len(text) > longest or not text.isprintable():
        raise InputError(
            "empty, too long or not printable", f"write at most {longest} characters", field=field
        )
    return text
