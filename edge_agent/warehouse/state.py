"""How far results were acknowledged, and which were given up: a file, whole or not at all."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from beltmark.contract.documents import Document, read_document, write_document
from beltmark.contract.errors import InputError
from beltmark.contract.terms import Count, Time, Told
from beltmark.contract.warehouse import Key

logger = logging.getLogger(__name__)

MAX_PARKED: Final = 200
"""Beyond them, the oldest are forgotten here; the journal has them still."""
STATE_FILE: Final = "warehouse.json"


class Parked(Document):
    """A result that the warehouse system would not take.

    Attributes:
        key: Which.
        at: When it was given up, in seconds since the epoch.
        reason: What the warehouse system said.
    """

    key: Key
    at: Time
    reason: Told


class PostState(Document):
    """How far a station is.

    Attributes:
        series: Of the journal that is posted.
        step: All results up to this step of it are acknowledged or parked.
        parked: The latest that were given up.
        parked_total: How many were, all in all.
    """

    format_version: Literal[1] = 1
    series: Annotated[str, Field(max_length=64)] = ""
    step: Count = 0
    parked: Annotated[tuple[Parked, ...], Field(max_length=MAX_PARKED)] = ()
    parked_total: Count = 0

    def moved(self, series: str, step: int) -> "PostState":
        """Returns the state after all up to a step is seen to."""
        return self.model_copy(update={"series": series, "step": step})

    def with_parked(self, more: Iterable[Parked]) -> "PostState":
        """Returns the state after some were given up."""
        added = tuple(more)
        kept = (*self.parked, *added)[-MAX_PARKED:]
        total = self.parked_total + len(added)
        return self.model_copy(update={"parked": kept, "parked_total": total})


def read_state(path: Path) -> PostState:
    """Reads it; one that is missing or damaged begins anew: results are then posted once more."""
    if not path.exists():
        return PostState()
    try:
        return read_document(path, PostState)
    except InputError as error:
        logger.warning("all results are posted once more: %s", error)
        return PostState()


def write_state(path: Path, state: PostState) -> None:
    """Writes it; raises OSError where there is no room."""
    write_document(path, state)
