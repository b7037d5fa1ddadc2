"""What an input is to those who listen to it, and how a signal's other end is.

An input delivers edges: that its level changed, which way, and when. What an edge means is left to
the listener.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Edge:
    """A change of an input.

    Attributes:
        name: The input's name, as its listener chose it.
        at: When, in seconds since the epoch: as exactly as the input's kind can tell.
        is_rising: True for off to on.
        lost: So many edges came before this one since the last, and were lost; 0 where that cannot
            be known.
    """

    name: str
    at: float
    is_rising: bool
    lost: int = 0


@dataclass(frozen=True)
class SignalHealth:
    """Whether a signal's other end can be reached.

    Attributes:
        problem: Why not; None when it can.
        since: When that began, in seconds since the epoch.
    """

    problem: str | None
    since: float


Listener = Callable[[Edge], None]
"""Called on the input's own thread for each edge, in order; must return soon."""


class InputPort(Protocol):
    """A digital input. While it has a problem, edges are missed, and nobody can say how many."""

    @property
    def address(self) -> str:
        """Where it is, without a password."""
        ...

    @property
    def health(self) -> SignalHealth:
        """Whether it can be heard."""
        ...

    def start(self, listener: Listener) -> None:
        """Begins to listen, on a thread of its own; tries again for as long as it must."""
        ...

    def stop(self) -> None:
        """Ends; nothing is delivered afterwards."""
        ...
