import re

import numpy as np
import pytest
from evidence_case import MANIFEST, OF_CODES_AND_ORDERS, POLICY, catalogue, product

from beltmark.contract.catalogue import Catalogue
from edge_agent.station.decision import RULES, decide
from edge_agent.station.footprint import Footprint
from edge_agent.station.product_size import sized_classes
from edge_agent.station.sighting import Sighting

# One carton, two bottles, no can.
CATALOGUE = Catalogue(products=(product(1, "carton"), product(2, "bottle"), product(3, "bottle")))


# Three cartons, of which two are alike.
SIZED = catalogue(
    product(1, "carton", length_mm=120, width_mm=60, tolerance_mm=4),
    product(2, "carton", length_mm=60, width_mm=123, tolerance_mm=4),
    product(3, "carton", length_mm=200, width_mm=90),
)


def sighting(*probabilities: float, views: int = 5, agreement: float = 1.0) -> Sighting:
    return Sighting(np.array(probabilities, np.float32), views, agreement)


def carton(length_mm: float, width_mm: float) -> Sighting:
    scores = np.array([0.9, 0.1, 0, 0], np.float32)
    return Sighting(scores, 5, 1.0, Footprint(length_mm, width_mm))


@pytest.mark.parametrize(
    ("seen", "outcome", "rule", "reason"),
    [
        (sighting(0.9, 0.1, 0, 0), "PRINT", "sure", "a carton with 0.90 in 5 frames"),
        (sighting(0.9, 0.1, 0, 0, views=3), "PRINT", "sure", "a carton with 0.90 in 3 frames"),
        (
            sighting(0.9, 0.1, 0, 0, views=2),
            "REVIEW",
            "few_views",
            "seen whole in 2 of 3 frames needed",
        ),
        (sighting(0, 0, 0, 0, views=0, agreement=0), "REVIEW", "few_views", "in 0 of 3"),
        (sighting(0.1, 0, 0, 0.95), "REVIEW", "none_of_these", "not one of the products"),
        (
            sighting(0.85, 0.1, 0, 0, agreement=0.5),
            "REVIEW",
            "frames_disagree",
            "only 50% of the frames show a carton",
        ),
        (
            sighting(0.79, 0.1, 0, 0),
            "REVIEW",
            "unsure",
            "looks like a carton with 0.79, below the 0.80 needed",
        ),
        (
            sighting(0.85, 0.1, 0.7, 0),
            "REVIEW",
            "two_candidates",
            "could be a carton or a can",
        ),
        (
            sighting(0, 0, 0.95, 0),
            "REVIEW",
            "no_product",
            "no product in the catalogue is a can",
        ),
        (sighting(0, 0.95, 0, 0), "REVIEW", "several_products", "2 products are a bottle"),
    ],
)
def test_each_rule_gives_its_reason(seen: Sighting, outcome: str, rule: str, reason: str) -> None:
    decision = decide(seen, CATALOGUE, POLICY, MANIFEST)
    assert (decision.outcome, decision.rule) == (outcome, rule)
    assert reason in decision.reason
    assert (decision.product is not None) == (outcome == "PRINT")


def test_the_table_above_knows_every_rule() -> None:
    marks = test_each_rule_gives_its_reason.pytestmark  # type: ignore[attr-defined]
    told = {case[2] for case in marks[0].args[1]}
    marks = test_sizes_tell_products_of_one_class_apart.pytestmark  # type: ignore[attr-defined]
    told |= {case[1] for case in marks[0].args[1]}
    assert told == {name for name, _ in RULES} - OF_CODES_AND_ORDERS | {"sure"}


@pytest.mark.parametrize(
    ("seen", "rule", "sku", "reason"),
    [
        (carton(117, 62), "sure", "P1", "a carton with 0.90 in 5 frames, measures 117 x 62 mm"),
        (carton(126, 61), "sure", "P2", "measures 126 x 61 mm"),
        (carton(219, 82), "sure", "P3", "measures 219 x 82 mm"),
        (carton(221, 90), "no_size_fits", None, "measures 221 x 90 mm; no carton in the catalogue"),
        (carton(200, 80), "no_size_fits", None, "measures 200 x 80 mm; no carton in the catalogue"),
        (
            carton(122, 60),
            "several_sizes_fit",
            None,
            "measures 122 x 60 mm: could be carton 1 or carton 2",
        ),
    ],
)
def test_sizes_tell_products_of_one_class_apart(
    seen: Sighting, rule: str, sku: str | None, reason: str
) -> None:
    decision = decide(seen, SIZED, POLICY, MANIFEST)
    assert (decision.rule, decision.product and decision.product.sku) == (rule, sku)
    assert decision.outcome == ("PRINT" if sku else "REVIEW")
    assert reason in decision.reason


def test_the_only_product_of_its_class_must_have_its_size() -> None:
    only = catalogue(SIZED.products[0])
    decision = decide(carton(152, 61), only, POLICY, MANIFEST)
    assert (decision.outcome, decision.rule) == ("REVIEW", "no_size_fits")
    assert decision.reason == "looks like carton 1, but measures 152 x 61 mm instead of 120 x 60 mm"
    assert decide(carton(121, 61), only, POLICY, MANIFEST).product == only.products[0]


def test_where_no_size_is_known_several_products_are_as_many_as_before() -> None:
    decision = decide(sighting(0.9, 0.1, 0, 0), SIZED, POLICY, MANIFEST)
    assert (decision.rule, decision.reason) == ("several_products", "3 products are a carton")
    only = catalogue(SIZED.products[0])
    assert decide(sighting(0.9, 0.1, 0, 0), only, POLICY, MANIFEST).reason == (
        "a carton with 0.90 in 5 frames"
    )


def test_a_product_without_a_size_is_never_printed_because_the_others_do_not_fit() -> None:
    mixed = catalogue(SIZED.products[0], product(4, "carton"))
    decision = decide(carton(152, 61), mixed, POLICY, MANIFEST)
    assert (decision.rule, decision.reason) == ("several_products", "2 products are a carton")
    decision = decide(carton(120, 60), mixed, POLICY, MANIFEST)
    assert (decision.rule, decision.outcome) == ("several_sizes_fit", "REVIEW")


def test_one_side_is_enough_to_tell_apart() -> None:
    sizes = catalogue(
        product(1, "carton", length_mm=100), product(2, "carton", length_mm=150, tolerance_mm=3)
    )
    assert decide(carton(152, 10), sizes, POLICY, MANIFEST).product == sizes.products[1]
    assert decide(carton(154, 10), sizes, POLICY, MANIFEST).rule == "no_size_fits"


def test_many_products_that_fit_are_not_all_named() -> None:
    alike = catalogue(*(product(i, "carton", length_mm=100) for i in range(1, 7)))
    reason = decide(carton(101, 10), alike, POLICY, MANIFEST).reason
    assert reason == "measures 101 x 10 mm: could be carton 1, carton 2, carton 3 or 3 more"


def test_where_nothing_has_a_size_what_was_measured_changes_nothing() -> None:
    measured = decide(carton(152, 61), CATALOGUE, POLICY, MANIFEST)
    unmeasured = decide(sighting(0.9, 0.1, 0, 0), CATALOGUE, POLICY, MANIFEST)
    assert (measured.product, measured.reason) == (unmeasured.product, unmeasured.reason)


def test_only_classes_with_a_known_size_are_worth_measuring() -> None:
    assert sized_classes(CATALOGUE) == frozenset()
    assert sized_classes(catalogue(*SIZED.products, product(9, "can"))) == {"carton"}


def test_what_is_printed_is_the_product_of_the_class_that_leads() -> None:
    decision = decide(sighting(0.95, 0.0, 0.0, 0.0), CATALOGUE, POLICY, MANIFEST)
    assert decision.product == CATALOGUE.products[0]
    assert decision.class_name == "carton"
    assert decision.probability == pytest.approx(0.95)


def test_an_item_never_seen_has_no_class() -> None:
    decision = decide(sighting(0, 0, 0, 0, views=0, agreement=0), CATALOGUE, POLICY, MANIFEST)
    assert decision.class_name is None


def test_a_model_with_one_class_can_be_sure() -> None:
    manifest = MANIFEST.model_copy(update={"classes": ("carton",), "none_of_these": None})
    assert decide(sighting(0.95), CATALOGUE, POLICY, manifest).outcome == "PRINT"


@pytest.mark.parametrize("probability", [0.42, 0.7961, 0.79999])
def test_what_is_below_is_never_told_as_the_same(probability: float) -> None:
    reason = decide(sighting(probability, 0, 0, 0), CATALOGUE, POLICY, MANIFEST).reason
    ((seen, needed),) = re.findall(r"with (.+), below the (.+) needed", reason)
    assert float(seen) < float(needed)
