"""A station's desk for the panel that is made up: items, and what people asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beltmark.contract.catalogue import Catalogue, Product
from beltmark.contract.errors import InputError
from beltmark.contract.records import Candidate, ItemMessage
from edge_agent.panel.ports import Standing

CATALOGUE = Catalogue(
    products=(
        Product(sku="CAN-1", gtin="4006381333931", name="Can, small", class_name="can"),
        Product(sku="CAN-2", gtin="96385074", name="Can, <large>", class_name="can"),
        Product(sku="BOX-1", gtin="4012345678901", name="Box", class_name="box"),
    )
)
WELL = Standing("line-1", "spring", None, {}, None, {})


def item(item_id: str, **changes: object) -> ItemMessage:
    """An item that went to a person: a can, or perhaps a box."""
    values: dict[str, object] = {
        "station": "line-1",
        "item_id": item_id,
        "decided_at": 1_700_000_000.0,
        "outcome": "REVIEW",
        "reason": "0.61 for can: not sure enough",
        "rule": "unsure",
        "class_name": "can",
        "probability": 0.61,
        "candidates": (
            Candidate(class_name="can", probability=0.61),
            Candidate(class_name="box", probability=0.3),
        ),
        "release": "spring",
        "package_sha256": "0" * 64,
    }
    return ItemMessage.model_validate(values | changes)


@dataclass
class MadeUpDesk:
    """Implements `PersonsDesk`; notes what it is asked for."""

    folder: Path = Path("/nowhere")
    standing: Standing = WELL
    items: list[ItemMessage] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    refuses: str = ""
    is_unreadable: bool = False
    catalogue: Catalogue = CATALOGUE

    def waiting(self, limit: int) -> Sequence[ItemMessage]:
        if self.is_unreadable:
            raise InputError("the journal cannot be read", "look at the disk")
        return [one for one in self.items if one.outcome == "REVIEW"][:limit]

    def waits(self) -> int:
        return sum(one.outcome == "REVIEW" for one in self.items)

    def latest(self, limit: int) -> Sequence[ItemMessage]:
        return self.items[::-1][:limit]

    def picture(self, item_id: str) -> Path:
        return self.folder / f"{item_id}.jpg"

    def label(self, item_id: str, sku: str, who: str) -> None:
        self._take("label", item_id, sku, who)

    def settle(self, item_id: str, who: str) -> None:
        self._take("settle", item_id, who)

    def taken(self, who: str) -> None:
        self._take("taken", who)

    def release_line(self, what: str) -> None:
        self._take("release", what)

    def _take(self, *what: str) -> None:
        if self.refuses:
            raise InputError(self.refuses, "wait")
        self.asked.append(what)
