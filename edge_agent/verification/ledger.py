"""What the journal knows of the labels that are read: whose they are, and how they stand.

Reads beside the journal's owner; what cannot be read is not known.
"""

import contextlib
import logging
import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.errors import InputError
from edge_agent.printing.schema import open_for_reading
from edge_agent.verification.marking import Marking

logger = logging.getLogger(__name__)

_MAX_REMEMBERED = 1_024


@dataclass(frozen=True)
class LabelStanding:
    """How an item and its label stand.

    Attributes:
        item_id: The item.
        outcome: Its outcome.
        label_state: Its label's; None where it has none.
    """

    item_id: str
    outcome: str
    label_state: str | None


class LabelLedger:
    """The labels in a journal. For use from one thread.

    Args:
        path: The journal's database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._owners: OrderedDict[Marking, LabelStanding | None] = OrderedDict()

    def label_of(self, marking: Marking) -> LabelStanding | None:
        """The item that such a label was made for, as it stood at the first question; None for a
        label that is not of this station.
        """
        if marking not in self._owners:
            while len(self._owners) >= _MAX_REMEMBERED:
                self._owners.popitem(last=False)
            self._owners[marking] = self._ask(
                "gtin = ? AND serial = ?", marking.gtin, marking.serial
            )
        return self._owners[marking]

    def standing(self, item_id: str) -> LabelStanding | None:
        """How an item and its label stand now."""
        return self._ask("items.item_id = ?", item_id)

    def close(self) -> None:
        """Lets go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, which: str, *values: str) -> LabelStanding | None:
        try:
            if self._connection is None:
                self._connection = open_for_reading(self._path)
            if self._connection is None:
                return None
            query = (
                "SELECT items.item_id, outcome, state FROM items LEFT JOIN labels USING (item_id) "
                f"WHERE {which}"
            )
            with contextlib.closing(self._connection.execute(query, values)) as answer:
                found = answer.fetchone()
        except (sqlite3.Error, InputError) as error:
            logger.warning("scan: the journal cannot be read: %s", error)
            self.close()
            return None
        return None if found is None else LabelStanding(*found)
