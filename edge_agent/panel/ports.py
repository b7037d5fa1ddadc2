"""What the panel needs of the station."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from beltmark.contract.catalogue import Catalogue
from beltmark.contract.records import ItemMessage


@dataclass(frozen=True)
class Standing:
    """How the station stands.

    Attributes:
        station: Its name.
        release: Name of the release that runs.
        rung: Which rung of the fallback ladder it works on, in words; None on the first.
        problems: Why the belt stands, by part; empty while it runs.
        in_hand: The item whose label is printed for a person now; None where there is none.
        to_release: What holds the line until a person says that it is seen to: why, by its kind.
    """

    station: str
    release: str
    rung: str | None
    problems: Mapping[str, str]
    in_hand: str | None
    to_release: Mapping[str, str]


class PersonsDesk(Protocol):
    """What a person at the station sees and does. For use from any thread."""

    @property
    def standing(self) -> Standing:
        """How the station stands."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """What a person may say that an item is."""
        ...

    def waiting(self, limit: int) -> Sequence[ItemMessage]:
        """The newest items that nobody has seen to yet, oldest first; raises InputError."""
        ...

    def waits(self) -> int:
        """How many such items there are; raises InputError."""
        ...

    def latest(self, limit: int) -> Sequence[ItemMessage]:
        """The latest items, newest first; raises InputError."""
        ...

    def picture(self, item_id: str) -> Path:
        """Where an item's picture lies, if there is one."""
        ...

    def label(self, item_id: str, sku: str, who: str) -> None:
        """Has an item's label printed into a person's hand; raises InputError."""
        ...

    def settle(self, item_id: str, who: str) -> None:
        """Notes that a person has seen to an item without a label of ours; raises InputError."""
        ...

    def taken(self, who: str) -> None:
        """The label that was printed for a person is off the printer; raises InputError."""
        ...

    def release_line(self, what: str) -> None:
        """A person has seen to what of this kind holds the line; raises InputError."""
        ...
