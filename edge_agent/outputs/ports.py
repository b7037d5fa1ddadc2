"""What carries the station's outputs: a line for words, whatever it is made of.

Three kinds exist: TCP to a relay (`line`), MQTT to a PLC (`broker_line`), GPIO (`gpio_line`), which
has no words but the run permit.
"""

from collections.abc import Callable
from typing import Protocol

from edge_agent.signals.ports import SignalHealth

WordListener = Callable[[str], None]
"""Called on a line's own thread with what the other end says; must return soon."""


class OutputLine(Protocol):
    """One line to what moves the belt; kept by a thread of its own."""

    @property
    def address(self) -> str:
        """Where the other end is, without a password."""
        ...

    @property
    def health(self) -> SignalHealth:
        """Whether it can be reached."""
        ...

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when this line does not ask for it."""
        ...

    @property
    def held_since(self) -> float | None:
        """Since when the belt was told to stand, on the steady clock; None where it may run.

        Later than now where the belt runs on for a while.
        """
        ...

    def start(self) -> None:
        """Begins to beat and to deliver."""
        ...

    def stop(self) -> None:
        """Lets the permit fall, delivers what is left if that goes quickly, and disconnects."""
        ...


class WordLine(OutputLine, Protocol):
    """A line that carries words both ways."""

    def hear(self, listener: WordListener) -> None:
        """Adds one who hears the other end; before `start`."""
        ...

    def say(self, words: str) -> None:
        """Has a line of words delivered at least once; returns at once."""
        ...
