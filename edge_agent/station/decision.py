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
from edge_agent.station.sighting import Sighting
from edge_agent.station.weighing import Weighing, weigh


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


def _several_products(case: _Case) -> str | None:
    count = len(case.products)
    return f"{count} products are a {case.class_name}" if count > 1 else None


RULES: tuple[tuple[str, Callable[[_Case], str | None]], ...] = (
    ("few_views", _few_views),
    ("none_of_these", _none_of_these),
    ("frames_disagree", _frames_disagree),
    ("unsure", _unsure),
    ("two_candidates", _two_candidates),
    ("no_product", _no_product),
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
    (product,) = case.products
    reason = f"a {class_name} with {probability:.2f} in {sighting.views} frames"
    weighing = weigh(sighting, policy, manifest.classes, "sure")
    return Decision("PRINT", "sure", reason, class_name, probability, product, weighing)
