"""`[trigger]` of the station file: what decides an item, and what counts it beside the camera."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge_agent.section import Address, Section
from edge_agent.signals.addresses import NONE

LEAST_SHARE, MOST_SHARE = 0.2, 0.95
"""Where in the zone a photo-eye can be: items must be known before they come to it."""


class TriggerSection(Section):
    """`[trigger]`.

    Attributes:
        kind: "line" decides an item at the decision line, "dwell" once it has lain on a bench for a
            while, "photo-eye" when its front breaks the beam (at the line where it does not);
            without it, a belt has the line and a bench the dwell.
        photo_eye: gpio:CHIP/LINE, mqtt://host:port/TOPIC, tcp://host:port/NAME of a relay,
            http://127.0.0.1:PORT to be posted to, or none.
        photo_eye_at: Where the beam crosses the zone, as a share of it along the travel.
        photo_eye_from_line_mm: The same in millimetres from the decision line, negative before it;
            where it is given, it stands above the share.
        photo_eye_tolerance: How far off that place the front of an item may be, likewise.
        photo_eye_token: File with the token that posts must bear; without it, none is asked for.
    """

    kind: Literal["line", "dwell", "photo-eye"] | None = None
    photo_eye: Address = NONE
    photo_eye_at: Annotated[float, Field(ge=LEAST_SHARE, le=MOST_SHARE)] = 0.5
    photo_eye_from_line_mm: Annotated[float, Field(ge=-5_000, le=5_000)] | None = None
    photo_eye_tolerance: Annotated[float, Field(ge=0.01, le=0.3)] = 0.08
    photo_eye_token: Path | None = None

    @model_validator(mode="after")
    def _decides_by_what_is_there(self) -> Self:
        if self.kind == "photo-eye" and self.photo_eye == NONE:
            raise ValueError('kind = "photo-eye" needs the address of one: photo_eye')
        return self
