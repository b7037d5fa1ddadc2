"""Journals as earlier agents left them, made from one of today."""

import sqlite3
from pathlib import Path

_SINCE = {
    6: ("DROP TABLE order_items",),
    5: ("ALTER TABLE labels DROP COLUMN printer", "DROP TABLE at_eye"),
    4: (
        "DROP TABLE ranges",
        "DROP INDEX items_by_sscc",
        "ALTER TABLE items DROP COLUMN sscc",
    ),
    3: (
        "DROP TABLE voids",
        *(f"ALTER TABLE items DROP COLUMN {name}" for name in ("diverted_at", "seen_to_at")),
        *(
            f"ALTER TABLE labels DROP COLUMN {name}"
            for name in ("copies", "attempt", "for_person", "taken_at")
        ),
    ),
    2: ("ALTER TABLE items DROP COLUMN evidence",),
}


def make_older(path: Path, version: int) -> None:
    """Takes out of a journal, which nobody has open, what came after a version of it."""
    connection = sqlite3.connect(path, isolation_level=None)
    for since in sorted(_SINCE, reverse=True):
        for statement in _SINCE[since] if since > version else ():
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
