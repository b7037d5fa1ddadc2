"""Whether a label that an item bears was numbered here, or at this site. Reads the journal only."""

import contextlib
import logging
import sqlite3
from pathlib import Path

from beltmark.contract.errors import InputError
from edge_agent.printing.schema import open_for_reading

logger = logging.getLogger(__name__)

_ISSUED = "SELECT 1 FROM items WHERE gtin = ? AND serial = ?"
_VOIDED = "SELECT 1 FROM voids JOIN items USING (item_id) WHERE items.gtin = ? AND voids.serial = ?"
# What the fleet's server gives out begins alike for all stations that print under one head.
_LEASED = (
    "SELECT 1 FROM ranges WHERE kind = 'serial' AND head <> '' "
    "AND substr(?1, 1, length(head)) = head AND length(?1) = length(head) + width"
)


class IssuedLabels:
    """The labels of a station's journal. For use from one thread.

    Args:
        path: The journal, which is there.
        series: What every serial begins with that the journal numbers by itself.
    """

    def __init__(self, path: Path, series: str) -> None:
        self._path, self._series = path, series
        self._connection: sqlite3.Connection | None = None

    def has(self, gtin14: str, serial: str) -> bool:
        """Whether a label with this GTIN and serial is ours; so it is held for where unreadable."""
        if self._series and serial.startswith(self._series):
            return True
        try:
            self._connection = self._connection or open_for_reading(self._path)
            if self._connection is None:
                return False
            read = self._connection.execute
            return any(
                read(query, values).fetchone()
                for query, values in (
                    (_ISSUED, (gtin14, serial)),
                    (_VOIDED, (gtin14, serial)),
                    (_LEASED, (serial,)),
                )
            )
        except (sqlite3.Error, InputError) as error:
            logger.warning("whether serial %s is ours cannot be looked up: %s", serial, error)
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None
            return True
