"""Where the fallback ladder is kept between two runs: `ladder.json` in the data folder."""

import logging
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from beltmark.contract.documents import Document, read_document, write_document
from beltmark.contract.errors import InputError
from edge_agent.fallback.ladder import LadderState, Rung

logger = logging.getLogger(__name__)

FILE_NAME = "ladder.json"


class _LadderDocument(Document):
    format_version: Literal[1] = 1
    rung: Rung = "release"
    why: str = ""
    release: str = ""
    running_in: str | None = None
    crashes: Annotated[tuple[float, ...], Field(max_length=100)] = ()


def read_ladder(path: Path) -> LadderState:
    """Reads what the run before left; a file that is missing or damaged says nothing."""
    if not path.exists():
        return LadderState()
    try:
        told = read_document(path, _LadderDocument)
    except InputError as error:
        # It is written before each run: what a broken disk leaves of it must not stop the station.
        logger.error("the fallback ladder begins at its top: %s", error)
        return LadderState()
    return LadderState(told.rung, told.why, told.release, told.running_in, told.crashes)


def write_ladder(path: Path, state: LadderState) -> None:
    """Keeps it; it is on the disk when this returns.

    Raises:
        InputError: The file cannot be written.
    """
    document = _LadderDocument(
        rung=state.rung,
        why=state.why,
        release=state.release,
        running_in=state.running_in,
        crashes=state.crashes,
    )
    write_document(path, document)
