"""Opens SQLite files that several processes may open at once."""

import sqlite3
import time
from typing import Final

_PAUSE_S: Final = 0.02


def switch_to_wal(connection: sqlite3.Connection, patience_s: float) -> None:
    """Lets readers and a writer work side by side (write-ahead log).

    Waits for others that open the file: SQLite itself does not, when it changes the journal mode.

    Args:
        connection: To the file.
        patience_s: For so long it waits.

    Raises:
        sqlite3.OperationalError: The file is locked for longer, or cannot be written.
    """
    ends_at = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends_at:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
