"""What is asked before a guided session, and how one stands: what `desk` tells and `page` shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from labeling.collecting.record import Zone

CHECKS: Final = {
    "lighting": "The light is on, and is the one that the station will work with",
    "glare": "Nothing in the zone glares or lies in a hard shadow",
    "background": "The belt in the zone is empty and clean",
    "camera": "The lens is clean, the camera is in focus and does not shake",
    "people": "No person, name or paper can be seen in the zone",
}
"""What is to be seen to before a session, and how it is asked."""

MAX_LIGHT: Final = 100
"""Characters by which the light is told."""


@dataclass(frozen=True)
class DeskPlan:
    """What is to be collected.

    Attributes:
        station: The station's name.
        class_names: The classes, in the order of their buttons.
        target: So many pictures of each are wanted.
        keep_days: So long they may be kept.
        zone: What is cut out; None where it is the whole picture.
    """

    station: str
    class_names: tuple[str, ...]
    target: int
    keep_days: int
    zone: Zone | None


@dataclass(frozen=True)
class ClassCount:
    """How many pictures there are of a class.

    Attributes:
        name: The class; None for an empty zone.
        session: In this session.
        total: In all sessions.
        target: Wanted.
    """

    name: str | None
    session: int
    total: int
    target: int


@dataclass(frozen=True)
class Told:
    """What became of the last thing that somebody asked for.

    Attributes:
        what: It was kept, refused but can be kept all the same, or something else.
        text: For people.
        file: Name of the picture that was kept.
    """

    what: Literal["kept", "refused", "done"]
    text: str
    file: str = ""


@dataclass(frozen=True)
class Standing:
    """How it stands.

    Attributes:
        session_id: The session; None before one has begun.
        counts: Of each class.
        problem: Why nothing can be collected now; None if it can.
        hints: What is wrong with what the zone shows.
        told: What became of the last thing that somebody asked for.
        left_out: Pictures that were refused in this session.
        unchecked: What nobody had seen to when it began.
    """

    session_id: str | None
    counts: Sequence[ClassCount]
    problem: str | None
    hints: Sequence[str]
    told: Told | None
    left_out: int
    unchecked: Sequence[str] = ()
