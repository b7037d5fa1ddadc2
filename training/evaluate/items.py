"""Judges whole items: what a station made of each, held against what the item is. Pure.

A station prints for items, not for boxes: many frames vote, and one wrong label is one wrong label
however many frames were right. Letting items pass a station is left to `items_replay`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from beltmark.contract.terms import Outcome

Fate = Literal[
    "right", "wrong", "twice", "review", "missed", "foreign_printed", "foreign_left", "on_nothing"
]
"""What became of an item.

right: A product with its label, and no other.
wrong: A product with another product's label.
twice: A product with its label more than once.
review: A product that went to a person.
missed: A product that nobody decided.
foreign_printed: Something that is none of the products, with a label.
foreign_left: Such a thing without one.
on_nothing: A label where there is no item.
"""

PRODUCT_FATES: tuple[Fate, ...] = ("right", "wrong", "twice", "review", "missed")
FATES: tuple[Fate, ...] = (*PRODUCT_FATES, "foreign_printed", "foreign_left", "on_nothing")
BAD_FATES: tuple[Fate, ...] = ("wrong", "twice", "foreign_printed", "on_nothing")


@dataclass(frozen=True)
class TrueItem:
    """An item as it is.

    Attributes:
        item_id: Its number within its recording.
        class_name: Its shape.
        skus: The labels that are right for it; none for a foreign object.
        is_due: It was seen long enough to be decided.
    """

    item_id: int
    class_name: str
    skus: tuple[str, ...]
    is_due: bool = True


@dataclass(frozen=True)
class ItemDecision:
    """One decision of the station about what it took for one item.

    Attributes:
        outcome: What happens.
        sku: What is printed; None where nothing is.
        class_name: The class that leads.
        probability: Its fused probability, 0..1.
        rule: What decided.
        reason: The same for a person.
        frames: Frames in which it was seen until then, each with the row of its detection.
    """

    outcome: Outcome
    sku: str | None
    class_name: str | None
    probability: float
    rule: str
    reason: str = ""
    frames: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class JudgedItem:
    """One item, and what a station decided about it.

    Attributes:
        recording: Where it passed.
        true: The item; None where the station decided about something that is not there.
        decisions: In order; more than one where it was taken for several items.
    """

    recording: str
    true: TrueItem | None
    decisions: tuple[ItemDecision, ...]

    def labels(self, threshold: float = 0.0) -> tuple[ItemDecision, ...]:
        """The labels that it gets at a threshold, if the station was let pass with a lower one."""
        return tuple(d for d in self.decisions if d.sku is not None and d.probability >= threshold)

    def right_labels(self, threshold: float = 0.0) -> int:
        """How many of these are right: one at most."""
        due = self.true.skus if self.true is not None else ()
        return int(any(label.sku in due for label in self.labels(threshold)))

    def fate(self, threshold: float = 0.0) -> Fate | None:
        """What became of it; None where there is nothing to judge."""
        labels = self.labels(threshold)
        if self.true is None:
            return "on_nothing" if labels else None
        if not self.true.skus:
            return "foreign_printed" if labels else "foreign_left"
        if any(label.sku not in self.true.skus for label in labels):
            return "wrong"
        if labels:
            return "right" if len(labels) == 1 else "twice"
        if not self.true.is_due:
            return None
        return "review" if self.decisions else "missed"


@dataclass(frozen=True)
class Tally:
    """Counts over items.

    Attributes:
        labels: Labels printed.
        right: Of these, the right ones.
        fates: Items by fate.
    """

    labels: int
    right: int
    fates: Counter[Fate]

    @property
    def wrong(self) -> int:
        """Labels that are not right."""
        return self.labels - self.right

    @cached_property
    def products(self) -> int:
        """Products that passed."""
        return sum(self.fates[fate] for fate in PRODUCT_FATES)

    @property
    def precision(self) -> float | None:
        """Share of the labels that are right; None without a label."""
        return self.right / self.labels if self.labels else None

    @property
    def coverage(self) -> float | None:
        """Share of the products that got their label, and only that; None without a product."""
        return self.fates["right"] / self.products if self.products else None


def tally(items: Sequence[JudgedItem], threshold: float = 0.0) -> Tally:
    """Counts what became of items at a threshold."""
    fates: Counter[Fate] = Counter()
    for item in items:
        fate = item.fate(threshold)
        if fate is not None:
            fates[fate] += 1
    return Tally(
        labels=sum(len(item.labels(threshold)) for item in items),
        right=sum(item.right_labels(threshold) for item in items),
        fates=fates,
    )
