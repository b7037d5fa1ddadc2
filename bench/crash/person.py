"""A person beside the belt: takes items that went to them, voids labels, has new ones printed.

Asks as `beltmark-edge void` and `reprint` do, on a thread of their own; is never killed.
"""

import contextlib
import random
import sqlite3
import threading
from pathlib import Path
from typing import Final, Protocol, Self

from beltmark.contract.errors import InputError
from bench.crash.belt import PRODUCTS
from bench.crash.life import JOURNAL
from edge_agent.hand_requests import HandRequest, ask
from edge_agent.printing.reading import read_unseen, recollect
from edge_agent.printing.schema import open_for_reading

_EVERY_S: Final = (0.3, 2.0)
_PATIENCE_S: Final = 0.5
_WHO: Final = "anna"


class Printers(Protocol):
    """Where the person stands."""

    def await_label(self, item_id: str) -> None:
        """The person takes this item's label as it comes out, if the belt stands."""
        ...


class Person:
    """One person.

    Args:
        printers: Where they stand.
        folder: The station's data folder.
        chance: Decides what they do when.
    """

    def __init__(self, printers: Printers, folder: Path, chance: random.Random) -> None:
        self._printers, self._folder, self._chance = printers, folder, chance
        self._in_hand: str | None = None
        self._lets_be, self._ending = threading.Event(), threading.Event()
        self._asked = 0
        self._thread = threading.Thread(target=self._run, name="person", daemon=True)

    @property
    def waits(self) -> bool:
        """Whether they wait for a label."""
        return self._in_hand is not None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def let_be(self) -> None:
        """They order nothing more."""
        self._lets_be.set()

    def end(self) -> None:
        """They go home."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self._chance.uniform(*_EVERY_S)):
            with contextlib.suppress(InputError):  # no journal yet, no answer, or refused
                # Whatever they were answered: the panel shows the label that waits for them.
                self._in_hand = self._in_hand or self._shown()
                if self._in_hand is not None:
                    self._take(self._in_hand)
                elif not self._lets_be.is_set():
                    self._order()

    def _shown(self) -> str | None:
        """The item whose label waits at the printer."""
        connection = open_for_reading(self._folder / JOURNAL)
        if connection is None:
            return None
        with contextlib.closing(connection), contextlib.suppress(sqlite3.Error):
            return recollect(connection, "").in_hand
        return None

    def _order(self) -> None:
        waiting = read_unseen(self._folder / JOURNAL, 6)
        if not waiting:
            return
        item_id = self._chance.choice(waiting).item_id
        self._printers.await_label(item_id)
        self._in_hand = item_id  # whatever the answer is: it may get lost
        try:
            self._ask("label", item_id, sku=self._chance.choice(PRODUCTS).sku)
        except InputError:
            self._ask("void", item_id, reason="it is not on the item")
            raise

    def _take(self, item_id: str) -> None:
        try:
            self._ask("taken", item_id)
        except InputError as error:
            if not error.problem.startswith("no such label"):
                raise
        self._in_hand = None

    def _ask(self, what: str, item_id: str, **more: str) -> None:
        self._asked += 1
        request = HandRequest.model_validate(
            {"what": what, "item_id": item_id, "who": _WHO, **more}
        )
        ask(self._folder, request, f"{self._asked:06d}", timeout_s=_PATIENCE_S)
