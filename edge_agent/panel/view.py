"""What the panel shows, from what the station says. Pure.

How it looks is left to the templates; words are those of the fleet's pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from beltmark.contract.catalogue import Catalogue, Product
from beltmark.contract.records import ItemMessage
from edge_agent.panel.ports import PersonsDesk, Standing

MOST_WAITING: Final = 24
MOST_LATEST: Final = 12
MOST_LISTED: Final = 500
"""So many products are offered by name; of a longer catalogue, the SKU is typed."""

_MOST_OFFERED = 6
_MOST_CLASSES = 3
_LEAST_OFFERED: Final = 0.01
"""What is less likely is no help, and may be pressed by mistake: it can be chosen by name."""

_LABEL_WORDS: Final = {
    "decided": "label waits for the printer",
    "queued": "label waits for the printer",
    "sending": "label is being sent",
    "sent": "label sent, not out yet",
    "printed": "label printed",
    "applied": "label applied",
    "verified": "label read back",
    "unknown": "its label may or may not have come out",
    "failed": "its label did not come out",
    "late": "its label was too late",
    "voided": "its label is void",
    "diverted": "taken off the belt",
}
_OUTCOMES: Final = {"PRINT": "Label", "REVIEW": "For a person", "REJECT": "Rejected"}


@dataclass(frozen=True)
class Offer:
    """A product that an item may be.

    Attributes:
        product: The product.
        probability: Of its class; None where that was not recorded.
    """

    product: Product
    probability: float | None


@dataclass(frozen=True)
class Card:
    """An item on the panel.

    Attributes:
        item: The item.
        offers: What it may be, likeliest first.
        outcome: What was decided, in words.
        label: What became of its label, in words; empty if it has none.
    """

    item: ItemMessage
    offers: tuple[Offer, ...]
    outcome: str
    label: str

    @property
    def name(self) -> str:
        """What it is, as far as is known."""
        if self.item.rule == "none_of_these":
            return "no known product"
        class_name = (self.item.class_name or "").replace("_", " ")
        return self.item.sku or class_name or "not recognised"

    @property
    def told(self) -> str:
        """What became of it, in words: where it was labelled, how its label stands."""
        if self.item.outcome == "PRINT" and self.label:
            return self.label
        return f"{self.outcome}: {self.label}" if self.label else self.outcome


@dataclass(frozen=True)
class PanelView:
    """The panel at a moment.

    Attributes:
        standing: How the station stands.
        waiting: The items for a person, oldest first.
        latest: The latest items, newest first.
        skus: All products by name, where they are few enough.
        waits: How many items wait for a person, whether or not they are all shown.
    """

    standing: Standing
    waiting: tuple[Card, ...]
    latest: tuple[Card, ...]
    skus: tuple[str, ...]
    waits: int

    @property
    def tone(self) -> str:
        """How that is, as on the fleet's pages."""
        if self.standing.problems or self.standing.to_release:
            return "stopped"
        return "attention" if self.waits or self.standing.rung else "running"

    @property
    def sentence(self) -> str:
        """The same in a few words."""
        if self.standing.problems or self.standing.to_release:
            return "The belt stands"
        if self.waits:
            return f"{self.waits} {'item waits' if self.waits == 1 else 'items wait'} for a person"
        return "The belt runs"


def panel_view(desk: PersonsDesk) -> PanelView:
    """Returns the panel as it is now.

    Raises:
        InputError: The journal cannot be read.
    """
    catalogue = desk.catalogue
    listed = catalogue.products if len(catalogue.products) <= MOST_LISTED else ()
    waiting = tuple(card(item, catalogue) for item in desk.waiting(MOST_WAITING))
    return PanelView(
        desk.standing,
        waiting,
        tuple(card(item, catalogue) for item in desk.latest(MOST_LATEST)),
        tuple(product.sku for product in listed),
        len(waiting) if len(waiting) < MOST_WAITING else max(len(waiting), desk.waits()),
    )


def card(item: ItemMessage, catalogue: Catalogue) -> Card:
    """Returns an item as the panel shows it."""
    state = item.label_state or item.print_state
    return Card(
        item,
        _offers(item, catalogue),
        _OUTCOMES[item.outcome],
        _LABEL_WORDS.get(state, state) if state else "",
    )


def _offers(item: ItemMessage, catalogue: Catalogue) -> tuple[Offer, ...]:
    offers: list[Offer] = []
    if item.sku is not None:  # what it was once taken for, and its label did not come out
        offers += [Offer(p, item.probability) for p in catalogue.products if p.sku == item.sku]
    likely: Sequence[tuple[str, float | None]] = [
        (one.class_name, one.probability)
        for one in (item.candidates or ())[:_MOST_CLASSES]
        if one.probability >= _LEAST_OFFERED
    ] or ([(item.class_name, item.probability)] if item.class_name else [])
    for class_name, probability in likely:
        known = {offer.product.sku for offer in offers}
        offers += [
            Offer(product, probability)
            for product in catalogue.of_class(class_name)
            if product.sku not in known
        ]
    return tuple(offers[:_MOST_OFFERED])
