"""Decides what happens to an item: print which label, or let a person look. Pure.

The rules stand in `RULES`, in the order in which they are asked; the first that speaks decides.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from beltmark.contract.catalogue import Catalogue, Product
from beltmark.contract.messages import Outcome
from beltmark.contract.package import Manifest
from beltmark.contract.policy import Policy
from edge_agent.station.footprint import Footprint
from edge_agent.station.sighting import Sighting
from edge_agent.station.weighing import Weighing, weigh

# Where the catalogue gives a size without a tolerance.
_TOLERANCE_SHARE = 0.1
_LEAST_TOLERANCE_MM = 5.0
_MOST_NAMED = 3


@dataclass(frozen=True)
class Decision:
    """What happens to an item, and why.

    Attributes:
        outcome: PRINT, REVIEW or REJECT.
        rule: Short name of the rule that decided.
        reason: The same for a person.
        class_name: The class that leads, if any view showed one.
        probability: Its fused probability.
        product: What is to be printed; None unless the outcome is PRINT.
        weighing: What it was weighed by; None where nothing was.
    """

    outcome: Outcome
    rule: str
    reason: str
    class_name: str | None = None
    probability: float | None = None
    product: Product | None = None
    weighing: Weighing | None = None


@dataclass(frozen=True)
class _Case:
    """An item before its decision, in the words of the rules."""

    sighting: Sighting
    policy: Policy
    class_name: str
    probability: float
    margin: float
    second: str
    none_of_these: str | None
    products: tuple[Product, ...]

    @property
    def footprint(self) -> Footprint | None:
        """What the item measures, where any product of its class has a size to compare with."""
        return self.sighting.footprint if any(map(_has_size, self.products)) else None

    @property
    def fitting(self) -> tuple[Product, ...]:
        """The products that it can be by its size; one without a size can't be ruled out."""
        footprint = self.footprint
        if footprint is None:
            return self.products
        return tuple(product for product in self.products if _fits(product, footprint))


def _few_views(case: _Case) -> str | None:
    views, needed = case.sighting.views, case.policy.min_votes
    return f"seen whole in {views} of {needed} frames needed" if views < needed else None


def _none_of_these(case: _Case) -> str | None:
    return "not one of the products" if case.class_name == case.none_of_these else None


def _frames_disagree(case: _Case) -> str | None:
    if case.sighting.agreement >= case.policy.min_agreement:
        return None
    return f"only {case.sighting.agreement:.0%} of the frames show a {case.class_name}"


def _unsure(case: _Case) -> str | None:
    if case.probability >= case.policy.threshold:
        return None
    return (
        f"looks like a {case.class_name} with {case.probability:.2f}, "
        f"below the {case.policy.threshold:.2f} needed"
    )


def _two_candidates(case: _Case) -> str | None:
    if case.margin >= case.policy.min_margin:
        return None
    return f"could be a {case.class_name} or a {case.second}"


def _no_product(case: _Case) -> str | None:
    return None if case.products else f"no product in the catalogue is a {case.class_name}"


def _no_size_fits(case: _Case) -> str | None:
    if case.fitting:
        return None
    if len(case.products) > 1:
        return f"measures {case.footprint}; no {case.class_name} in the catalogue does"
    (product,) = case.products
    return f"looks like {product.name}, but measures {case.footprint} instead of {_size(product)}"


def _several_sizes_fit(case: _Case) -> str | None:
    if case.footprint is None or len(case.fitting) == 1:
        return None
    named = [product.name for product in case.fitting[:_MOST_NAMED]]
    if (more := len(case.fitting) - len(named)) > 0:
        named.append(f"{more} more")
    return f"measures {case.footprint}: could be {', '.join(named[:-1])} or {named[-1]}"


def _several_products(case: _Case) -> str | None:
    count = len(case.products)
    if count == 1 or (case.footprint is not None and _has_size(case.fitting[0])):
        return None
    return f"{count} products are a {case.class_name}"


RULES: tuple[tuple[str, Callable[[_Case], str | None]], ...] = (
    ("few_views", _few_views),
    ("none_of_these", _none_of_these),
    ("frames_disagree", _frames_disagree),
    ("unsure", _unsure),
    ("two_candidates", _two_candidates),
    ("no_product", _no_product),
    ("no_size_fits", _no_size_fits),
    ("several_sizes_fit", _several_sizes_fit),
    ("several_products", _several_products),
)
"""What keeps an item from being labelled: name, and the question that gives the reason."""


def decide(
    sighting: Sighting, catalogue: Catalogue, policy: Policy, manifest: Manifest
) -> Decision:
    """Decides one item; PRINT only where no rule has anything against it."""
    order = np.argsort(sighting.probabilities)[::-1]
    best = int(order[0])
    second = int(order[1]) if len(order) > 1 else best
    probability = float(sighting.probabilities[best])
    runner_up = float(sighting.probabilities[second]) if second != best else 0.0
    class_name = manifest.classes[best]
    case = _Case(
        sighting=sighting,
        policy=policy,
        class_name=class_name,
        probability=probability,
        margin=probability - runner_up,
        second=manifest.classes[second],
        none_of_these=manifest.none_of_these,
        products=catalogue.of_class(class_name),
    )
    for rule, question in RULES:
        reason = question(case)
        if reason is not None:
            named = class_name if probability > 0 else None
            weighing = weigh(sighting, policy, manifest.classes, rule)
            return Decision("REVIEW", rule, reason, named, probability, weighing=weighing)
    (product,) = case.fitting
    reason = f"a {class_name} with {probability:.2f} in {sighting.views} frames"
    if case.footprint is not None:
        reason += f", measures {case.footprint}"
    weighing = weigh(sighting, policy, manifest.classes, "sure")
    return Decision("PRINT", "sure", reason, class_name, probability, product, weighing)


def sized_classes(catalogue: Catalogue) -> frozenset[str]:
    """Returns the classes with a product whose size is known: only their items are measured."""
    return frozenset(p.class_name for p in catalogue.products if _has_size(p))


def _has_size(product: Product) -> bool:
    return product.length_mm is not None or product.width_mm is not None


def _sides_mm(product: Product) -> tuple[float | None, float | None]:
    """Its longer and its shorter side, however the catalogue calls them."""
    length_mm, width_mm = product.length_mm, product.width_mm
    if length_mm is not None and width_mm is not None and length_mm < width_mm:
        return width_mm, length_mm
    return length_mm, width_mm


def _fits(product: Product, footprint: Footprint) -> bool:
    measured = (footprint.length_mm, footprint.width_mm)
    return all(
        side is None or abs(seen - side) <= _tolerance_mm(product, side)
        for seen, side in zip(measured, _sides_mm(product), strict=True)
    )


def _tolerance_mm(product: Product, side_mm: float) -> float:
    return product.tolerance_mm or max(_LEAST_TOLERANCE_MM, _TOLERANCE_SHARE * side_mm)


def _size(product: Product) -> str:
    sides = ["any" if side is None else f"{side:.0f}" for side in _sides_mm(product)]
    return f"{' x '.join(sides)} mm"
