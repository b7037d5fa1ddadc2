"""The expected order: which products are to come, how many, of which lot. Pure.

Where it comes from and what of it is printed already is left to `orders`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, Protocol

MAX_LINES = 10_000
MAX_QUANTITY = 1_000_000

Missing = Literal["not_expected", "other_lot", "more_than_ordered"]


@dataclass(frozen=True)
class OrderLine:
    """One line of an order.

    Attributes:
        order_id: The order that it belongs to.
        sku: The product.
        quantity: How many are wanted.
        lot: Of which lot; None where that does not matter or is not known.
        expiry: When that expires.
    """

    order_id: str
    sku: str
    quantity: int
    lot: str | None = None
    expiry: date | None = None

    @property
    def key(self) -> str:
        """What it is counted under, however often the order is sent anew."""
        expiry = None if self.expiry is None else self.expiry.isoformat()
        return json.dumps([self.order_id, self.sku, self.lot, expiry], ensure_ascii=False)


@dataclass(frozen=True)
class Expected:
    """The order as it stands.

    Attributes:
        lines: Its lines by SKU, each key once.
        taken: How many labels each line has by now, by its key.
        is_known: False while no order has been received at all.
    """

    lines: Mapping[str, tuple[OrderLine, ...]] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)
    is_known: bool = True

    def left(self, line: OrderLine) -> int:
        """How many of a line are still to come."""
        return line.quantity - self.taken.get(line.key, 0)

    def wants(self, sku: str) -> bool:
        """Whether more of a product is to come."""
        return any(self.left(line) > 0 for line in self.lines.get(sku, ()))

    def line_for(
        self, sku: str, today: date | None, lot: str | None = None, expiry: str | None = None
    ) -> OrderLine | Missing:
        """Returns the line that an item of a product belongs to, else why there is none.

        Args:
            sku: The product.
            today: Lines that have not expired come first.
            lot: The item's lot, where it is known.
            expiry: Its expiry date, as YYYY-MM-DD, likewise.
        """
        lines = self.lines.get(sku)
        if not lines:
            return "not_expected"
        same = [
            line
            for line in lines
            if not (_differ(line.lot, lot) or _differ(_iso(line.expiry), expiry))
        ]
        if not same:
            return "other_lot"
        still = [line for line in same if self.left(line) > 0]
        if not still:
            return "more_than_ordered"
        return next((line for line in still if not has_expired(line.expiry, today)), still[0])


def by_sku(lines: Iterable[OrderLine]) -> dict[str, tuple[OrderLine, ...]]:
    """Sorts an order's lines by SKU; what stands there twice is wanted as often as both say."""
    merged: dict[str, OrderLine] = {}
    for line in lines:
        before = merged.get(line.key)
        quantity = line.quantity + (before.quantity if before else 0)
        merged[line.key] = replace(line, quantity=quantity)
    sorted_lines: dict[str, tuple[OrderLine, ...]] = {}
    for line in merged.values():
        sorted_lines[line.sku] = (*sorted_lines.get(line.sku, ()), line)
    return sorted_lines


class Orders(Protocol):
    """The order, for those who decide by it."""

    def expected(self) -> Expected:
        """Returns it as it stands now; at once."""
        ...

    def take(self, item_id: str, line: OrderLine) -> None:
        """Notes that an item takes one of a line, from this moment on; returns at once."""
        ...


def has_expired(expiry: date | None, today: date | None) -> bool:
    """Whether what expires on that day has; never where the day is not known."""
    return expiry is not None and today is not None and expiry < today


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
