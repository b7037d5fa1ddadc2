import numpy as np
import pytest

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy
from edge_agent.station.decision import RULES, decide
from edge_agent.station.sighting import Sighting

CLASSES = ("carton", "bottle", "can", "none_of_these")
MANIFEST = Manifest(
    name="test",
    classes=CLASSES,
    none_of_these="none_of_these",
    input=InputSpec(height_px=32, width_px=32),
    outputs=OutputSpec(embedding_size=1),
    files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
)
POLICY = Policy(threshold=0.8, min_votes=3, min_agreement=0.6, min_margin=0.2)


def product(number: int, class_name: str) -> Product:
    digits = f"{number:012d}"
    gtin = digits + str(gtin_check_digit(digits))
    return Product(sku=f"P{number}", gtin=gtin, name=class_name, class_name=class_name)


# One carton, two bottles, no can.
CATALOGUE = Catalogue(products=(product(1, "carton"), product(2, "bottle"), product(3, "bottle")))


def sighting(*probabilities: float, views: int = 5, agreement: float = 1.0) -> Sighting:
    return Sighting(np.array(probabilities, np.float32), views, agreement)


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
    assert told == {name for name, _ in RULES} | {"sure"}


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
