"""How long work tells how far it is; what shows it is left to the command."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

ThingT = TypeVar("ThingT")


class Progress(Protocol):
    """Goes through things in their order and shows how far it is, under a heading."""

    def __call__(self, things: Sequence[ThingT], told: str) -> Iterable[ThingT]:
        """Returns the same things."""
