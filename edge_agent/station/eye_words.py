"""What a photo-eye tells, and what is made of it: the words of `photo_eye`. Pure."""

from dataclasses import dataclass

from edge_agent.station.way import Ends


@dataclass(frozen=True)
class EyeEdge:
    """A change of the beam.

    Attributes:
        at: When, in seconds since the epoch.
        is_broken: True where something came into the beam.
        lost: Edges before this one that were lost.
    """

    at: float
    is_broken: bool
    lost: int = 0


@dataclass(frozen=True)
class Passing:
    """A track as it was seen last.

    Attributes:
        key: Its number.
        ends: Where it was, and when.
        speed_px_s: Along the travel.
    """

    key: int
    ends: Ends
    speed_px_s: float


@dataclass(frozen=True)
class Unseen:
    """Something that broke the beam and is no item of ours.

    Attributes:
        at: When.
        middle_px: Where its middle was, from the zone's entry edge along the travel.
        length_px: How long it is, as far as the beam has told.
    """

    at: float
    middle_px: float
    length_px: float


@dataclass(frozen=True)
class EyeUpdate:
    """What one frame made clear.

    Attributes:
        matched: Tracks whose edge has come.
        joined: Tracks that touched the one before them: the beam stayed broken between the two.
        missed: Tracks that have passed without an edge.
        repeated: Tracks with an edge too many.
        unseen: What passed and is no track of ours.
    """

    matched: tuple[int, ...] = ()
    joined: tuple[int, ...] = ()
    missed: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    unseen: tuple[Unseen, ...] = ()
