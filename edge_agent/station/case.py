"""An item before its decision: what each kind of evidence says of it. Pure.

Evidence only ever narrows down what an item can be; the policy says what may stand for a shape that
is not sure. Deciding is left to `decision`.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from beltmark.contract.catalogue import Catalogue, Product
from beltmark.contract.package import Manifest
from beltmark.contract.policy import EvidenceKind, Policy
from edge_agent.station.codes import ItemCode
from edge_agent.station.expected import Expected, Missing, OrderLine
from edge_agent.station.footprint import Footprint
from edge_agent.station.product_size import fits, has_size
from edge_agent.station.sighting import Sighting


@dataclass(frozen=True)
class Case:
    """An item in the words of the rules.

    Attributes:
        sighting: What was seen of it.
        policy: What is asked of it.
        catalogue: What it can be.
        manifest: Whose classes the sighting has.
        expected: The order; None where the station goes by none.
        today: The day, for expiry dates; None where it does not matter.
    """

    sighting: Sighting
    policy: Policy
    catalogue: Catalogue
    manifest: Manifest
    expected: Expected | None
    today: date | None

    @cached_property
    def ranked(self) -> list[tuple[str, float]]:
        """The classes with their fused probabilities, the likeliest first."""
        order = np.argsort(self.sighting.probabilities)[::-1]
        scores = self.sighting.probabilities
        return [(self.manifest.classes[i], float(scores[i])) for i in order]

    @property
    def class_name(self) -> str:
        """The class that leads."""
        return self.ranked[0][0]

    @property
    def probability(self) -> float:
        """Its fused probability."""
        return self.ranked[0][1]

    @property
    def second(self) -> str:
        """The class behind it."""
        return self.ranked[min(1, len(self.ranked) - 1)][0]

    @property
    def margin(self) -> float:
        """Lead over the second."""
        return self.probability - (self.ranked[1][1] if len(self.ranked) > 1 else 0.0)

    @property
    def is_seen_enough(self) -> bool:
        """Whether it has the votes that are needed."""
        return self.sighting.views >= self.policy.min_votes

    @property
    def agrees(self) -> bool:
        """Whether enough frames show the class that leads."""
        return self.sighting.agreement >= self.policy.min_agreement

    @property
    def is_likely(self) -> bool:
        """Whether the class that leads is likely enough by itself."""
        return self.probability >= self.policy.threshold

    @property
    def leads(self) -> bool:
        """Whether it is far enough ahead of the second."""
        return self.margin >= self.policy.min_margin

    @property
    def shape_is_sure(self) -> bool:
        """Whether the shape alone says what class it is."""
        return self.is_seen_enough and self.agrees and self.is_likely and self.leads

    @cached_property
    def claims(self) -> dict[str, tuple[ItemCode, Product | None]]:
        """What the codes on it say that it is: by SKU, or by a GTIN that no product has."""
        said: dict[str, tuple[ItemCode, Product | None]] = {}
        for code in self.sighting.codes:
            product = self.catalogue.of_code(code.text, code.gtin14)
            if product is not None:
                said.setdefault(f"sku {product.sku}", (code, product))
            elif code.is_worldwide:
                said.setdefault(f"gtin {code.gtin14}", (code, None))
        return said

    @property
    def named(self) -> Product | None:
        """The product that its barcode names, if it names exactly one."""
        products = [product for _, product in self.claims.values()]
        return products[0] if len(products) == 1 else None

    @property
    def barcode_settles(self) -> bool:
        """Whether its barcode may stand for a shape that is not sure."""
        return (
            self.named is not None
            and not self.shape_is_sure
            and self.policy.ranks_before_shape("barcode")
        )

    @cached_property
    def order_settles(self) -> bool:
        """Whether the order may stand for a shape that is not sure.

        Only for the class that leads, and only where nothing else that is expected is as likely.
        """
        expected, named = self.expected, self.named
        if expected is None or not self.policy.ranks_before_shape("order"):
            return False
        if named is not None and named.class_name != self.class_name:
            return False
        products = (self.catalogue.of_sku(sku) for sku in expected.lines if expected.wants(sku))
        wanted = {product.class_name for product in products if product is not None}
        near = {
            name for name, score in self.ranked if self.probability - score < self.policy.min_margin
        }
        return wanted & (near | {self.class_name}) == {self.class_name}

    @property
    def products(self) -> tuple[Product, ...]:
        """What it can be by shape and barcode."""
        if self.barcode_settles and self.named is not None:
            return (self.named,)
        same_shape = self.catalogue.of_class(self.class_name)
        return same_shape if self.named is None else tuple(p for p in same_shape if p == self.named)

    @property
    def footprint(self) -> Footprint | None:
        """What it measures, where any product that it can be has a size to compare with."""
        return self.sighting.footprint if any(map(has_size, self.products)) else None

    @cached_property
    def fitting(self) -> tuple[Product, ...]:
        """The products that it can be by its size; one without a size can't be ruled out."""
        footprint, limit_mm = self.footprint, self.policy.max_tolerance_mm
        if footprint is None:
            return self.products
        return tuple(product for product in self.products if fits(product, footprint, limit_mm))

    @cached_property
    def left(self) -> tuple[Product, ...]:
        """Of these, the expected ones, where that tells any apart."""
        expected = self.expected
        if expected is None or len(self.fitting) < 2:
            return self.fitting
        return tuple(p for p in self.fitting if expected.wants(p.sku)) or self.fitting

    @property
    def is_told_apart(self) -> bool:
        """Whether what is left is known by more than that a size rules the others out."""
        if len(self.left) != 1:
            return False
        (product,) = self.left
        is_only = len(self.products) == 1 or len(self.fitting) > 1
        is_wanted = self.expected is not None and self.expected.wants(product.sku)
        return is_only or has_size(product) or is_wanted

    @property
    def lot(self) -> str | None:
        """The lot that a code on it tells."""
        return next((code.lot for code in self.sighting.codes if code.lot), None)

    @property
    def expiry(self) -> str | None:
        """The expiry date that a code on it tells, as YYYY-MM-DD."""
        return next((code.expiry for code in self.sighting.codes if code.expiry), None)

    @cached_property
    def line(self) -> OrderLine | Missing | None:
        """Where the order has the product that is left; None where it goes by no order."""
        if self.expected is None or len(self.left) != 1:
            return None
        return self.expected.line_for(self.left[0].sku, self.today, self.lot, self.expiry)

    @property
    def settled_by(self) -> tuple[EvidenceKind, ...]:
        """Which evidence named the product, in the order in which it did."""
        if self.barcode_settles:
            return ("barcode",)
        found: list[EvidenceKind] = ["shape"]
        if not (self.is_likely and self.leads):
            found = ["order"]
        if len(self.catalogue.of_class(self.class_name)) > len(self.products):
            found.append("barcode")
        if len(self.products) > len(self.fitting):
            found.append("size")
        if len(self.fitting) > len(self.left):
            found.append("order")
        return tuple(found)
