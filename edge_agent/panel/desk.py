"""What a person at the station sees and does, gathered from the running station's parts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from beltmark.contract.catalogue import Catalogue
from beltmark.contract.errors import InputError
from beltmark.contract.records import ItemMessage
from beltmark.contract.release import Release
from edge_agent.outputs.seen_to import KINDS, PersonsWord, SeenTo
from edge_agent.panel.ports import Standing
from edge_agent.printing.reading import count_unseen, read_items, read_unseen

_HOLDS: Final[Mapping[str, SeenTo]] = {
    "divert": "divert",
    "applicator": "applicator",
    "verification": "scan",
}
"""What a person can release, by the name under which it holds the belt; all else ends by itself."""


class Hands(Protocol):
    """What a person does about labels."""

    @property
    def in_hand(self) -> str | None:
        """See `ByHand.in_hand`."""
        ...

    def label(self, item_id: str, sku: str, who: str) -> None:
        """See `ByHand.label`."""
        ...

    def settle(self, item_id: str, who: str) -> None:
        """See `ByHand.settle`."""
        ...

    def taken(self, who: str) -> None:
        """See `ByHand.taken`."""
        ...


class StationDesk:
    """Implements `PersonsDesk` for a running station.

    Args:
        station: Its name.
        folder: Its data folder.
        journal: Its journal.
        release: Gives the release that runs.
        problems: Why the belt stands, by part.
        rung: Where it stands on the fallback ladder, in words; None at its top.
        hands: What a person does about labels.
        seen_to: Takes the word that something was seen to.
    """

    def __init__(
        self,
        station: str,
        folder: Path,
        journal: Path,
        *,
        release: Callable[[], Release],
        problems: Callable[[], Mapping[str, str]],
        rung: Callable[[], str | None],
        hands: Hands,
        seen_to: PersonsWord,
    ) -> None:
        self._station, self._folder, self._journal = station, folder, journal
        self._release, self._problems, self._rung = release, problems, rung
        self._hands, self._seen_to = hands, seen_to

    @property
    def standing(self) -> Standing:
        """See `PersonsDesk`; likewise all others."""
        problems = self._problems()
        held = [(kind, part) for part, kind in _HOLDS.items() if part in problems]
        return Standing(
            self._station,
            self._release().name,
            self._rung(),
            {part: why for part, why in problems.items() if part not in _HOLDS},
            self._hands.in_hand,
            {kind: problems[part] for kind, part in held},
        )

    @property
    def catalogue(self) -> Catalogue:
        """What a person may say that an item is."""
        return self._release().catalogue

    def waiting(self, limit: int) -> Sequence[ItemMessage]:
        """The newest items that nobody has seen to yet, oldest first."""
        return read_unseen(self._journal, limit)

    def waits(self) -> int:
        """How many such items there are."""
        return count_unseen(self._journal)

    def latest(self, limit: int) -> Sequence[ItemMessage]:
        """The latest items, newest first."""
        return read_items(self._journal, limit)[::-1]

    def picture(self, item_id: str) -> Path:
        """Where an item's picture lies, if there is one."""
        return self._folder / "items" / f"{item_id}.jpg"

    def label(self, item_id: str, sku: str, who: str) -> None:
        """Has an item's label printed into a person's hand."""
        self._hands.label(item_id, sku, who)

    def settle(self, item_id: str, who: str) -> None:
        """Notes that a person has seen to an item without a label of ours."""
        self._hands.settle(item_id, who)

    def taken(self, who: str) -> None:
        """The label that was printed for a person is off the printer."""
        self._hands.taken(who)

    def release_line(self, what: str) -> None:
        """A person has seen to what holds the line."""
        kind = next((kind for kind in KINDS if kind == what), None)
        if kind is None:
            raise InputError(f"nothing called {what!r} holds the line", "reload the page")
        self._seen_to.say(kind)
