"""`[fallback]` of the station file."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from edge_agent.section import Seconds, Section


class FallbackSection(Section):
    """`[fallback]`; without it, a station whose release cannot run does not run.

    Attributes:
        previous: Folder of the release to fall back to; a station of a fleet has its own.
        barcode: Whether it may work without a model on what items bear as barcodes.
        person: Whether it may send all items to a person, who labels them on the panel.
        crashes: So many unclean ends within `within_s` take it one rung down.
        within_s: See there.
    """

    previous: Path | None = None
    barcode: bool = False
    person: bool = False
    crashes: Annotated[int, Field(ge=2, le=20)] = 3
    within_s: Seconds = 600.0
