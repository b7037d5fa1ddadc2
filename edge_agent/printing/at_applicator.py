"""What the way of labels needs to know of an applicator: one label at a time lies there.

What an applicator is made of, and what follows when it does not apply, is left to `outputs`.
"""

import sqlite3
from typing import Literal, Protocol

from edge_agent.printing.records import Place

CLEARED = "applicator clear"
"""As it stands in an item's history: its label does not lie at the applicator any more."""


Unwanted = Literal["old", "with_a_person"]
"""Why a label must not get onto its item: it is from before the start, and the item may have moved
on with or without it; or its item has gone to a person."""


class ApplicatorGate(Protocol):
    """Says whether there is room for a label, and is told what becomes of each. From any thread."""

    @property
    def has_room(self) -> bool:
        """Whether a label may be sent to a printer now."""
        ...

    def expect(self, item_id: str) -> None:
        """An item's label is about to be sent."""
        ...

    def came_out(self, item_id: str, place: Place, unwanted: Unwanted | None = None) -> None:
        """It came out, or perhaps did; `unwanted` says why it must not get onto its item."""
        ...

    def gone(self, item_id: str) -> None:
        """It surely did not come out."""
        ...


class NoApplicator:
    """Where nobody says that a label is on its item: there is always room."""

    @property
    def has_room(self) -> bool:
        """True."""
        return True

    def expect(self, item_id: str) -> None:
        """Changes nothing."""

    def came_out(self, item_id: str, place: Place, unwanted: Unwanted | None = None) -> None:
        """Changes nothing."""

    def gone(self, item_id: str) -> None:
        """Changes nothing."""


def label_left_there(connection: sqlite3.Connection) -> str | None:
    """Returns the item whose label came out last, if nobody has said what became of it since."""
    last = connection.execute(
        "SELECT step, item_id FROM history WHERE what IN ('label printed', 'label closed') "
        "ORDER BY step DESC LIMIT 1"
    ).fetchone()
    if last is None:
        return None
    step, item_id = last
    is_known = connection.execute(
        "SELECT 1 FROM history WHERE step > ? AND item_id = ? "  # another one's says nothing of it
        "AND what IN (?, 'label applied', 'label verified', 'taken') LIMIT 1",
        (step, item_id, CLEARED),
    ).fetchone()
    return None if is_known else str(item_id)
