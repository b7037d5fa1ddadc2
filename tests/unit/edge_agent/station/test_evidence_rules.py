"""What barcodes and orders add to a decision: each rule by its table; none is overruled."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from evidence_case import MANIFEST, OF_CODES_AND_ORDERS, POLICY, catalogue, product
from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.policy import Policy
from edge_agent.station.codes import CodesInProgress, ItemCode
from edge_agent.station.decision import RULES, Decision, decide
from edge_agent.station.expected import Expected, OrderLine, by_sku
from edge_agent.station.footprint import Footprint
from edge_agent.station.sighting import Sighting

TODAY = date(2026, 11, 25)
CARTON, BOTTLE, TWIN, CAN = PRODUCTS = (
    product(1, "carton", length_mm=120, width_mm=60),
    product(2, "bottle"),
    product(3, "bottle"),
    product(4, "can", barcode="CAN/4"),
)
CATALOGUE = catalogue(*PRODUCTS)
BARCODE_FIRST = POLICY.model_copy(update={"outranks": ("barcode", "order", "size", "shape")})
ORDER_FIRST = POLICY.model_copy(update={"outranks": ("order", "shape", "barcode", "size")})
REJECTING = POLICY.model_copy(update={"unexpected": "reject"})
ALL_LINES = tuple(OrderLine("O1", p.sku, 2) for p in PRODUCTS)


def ean(named: object = CARTON, **more: object) -> ItemCode:
    return replace(ItemCode("EAN-13", named.gtin, True, named.gtin14), **more)  # type: ignore[attr-defined, arg-type]


def seen(
    *codes: ItemCode, scores: tuple[float, ...] = (0.9, 0.1, 0, 0), agreement: float = 1.0
) -> Sighting:
    return Sighting(np.array(scores, np.float32), 5, agreement, codes=codes)


def order(*lines: OrderLine, taken: int = 0) -> Expected:
    return Expected(by_sku(lines), {line.key: taken for line in lines})


SURE_CARTON, SURE_BOTTLE = (0.9, 0.1, 0.0, 0.0), (0.1, 0.9, 0.0, 0.0)
UNSURE_CARTON, UNSURE_BOTTLE = (0.6, 0.3, 0.0, 0.0), (0.1, 0.6, 0.5, 0.0)
NONE = (0.1, 0.0, 0.0, 0.95)


@pytest.mark.parametrize(
    ("sighting", "policy", "rule", "sku", "reason"),
    [
        (seen(ean()), POLICY, "sure", "P1", "0.90 in 5 frames, as its barcode says"),
        (seen(ean(BOTTLE), scores=SURE_BOTTLE), POLICY, "sure", "P2", "as its barcode says"),
        (
            seen(ean(BOTTLE)),
            POLICY,
            "barcode_contradicts_shape",
            None,
            "its barcode says bottle 2, a bottle, but it looks like a carton with 0.90",
        ),
        (seen(ean(BOTTLE)), BARCODE_FIRST, "barcode_contradicts_shape", None, "but it looks like"),
        (seen(ean(), scores=NONE), BARCODE_FIRST, "barcode_contradicts_shape", None, "none_of"),
        (seen(ean(), scores=UNSURE_CARTON), POLICY, "unsure", None, "below the 0.80 needed"),
        (seen(ean(), scores=UNSURE_CARTON), BARCODE_FIRST, "sure", "P1", "by its barcode"),
        (seen(ean(CAN), scores=UNSURE_CARTON), BARCODE_FIRST, "sure", "P4", "by its barcode"),
        (
            seen(ItemCode("Code 128", "CAN/4", True), scores=UNSURE_BOTTLE),
            BARCODE_FIRST,
            "sure",
            "P4",
            "can 4 by its barcode",
        ),
        (seen(ItemCode("QR Code", "http://x", True)), POLICY, "sure", "P1", "in 5 frames"),
        (
            seen(ean(gtin14="09521234599992")),
            POLICY,
            "unknown_barcode",
            None,
            "its barcode EAN-13 09521234599992 is of no product in the catalogue",
        ),
        (
            seen(ean(), ean(BOTTLE)),
            BARCODE_FIRST,
            "several_barcodes",
            None,
            f"several barcodes: EAN-13 {CARTON.gtin14} and EAN-13 {BOTTLE.gtin14}",
        ),
        (seen(ean(), ItemCode("Code 39", "P1", True)), POLICY, "sure", "P1", "as its barcode"),
        (
            seen(ean(serial="ABC0000001", is_ours=True)),
            POLICY,
            "already_labelled",
            None,
            "bears a label already: EAN-13 00000000000017, serial ABC0000001",
        ),
        (
            replace(seen(ean()), footprint=Footprint(200, 60)),
            POLICY,
            "no_size_fits",
            None,
            "its barcode says it is carton 1, but measures 200 x 60 mm instead of 120 x 60 mm",
        ),
        (seen(ean(expiry="2026-11-24")), POLICY, "expired", None, "carton 1 expired on 2026-11-24"),
        (seen(ean(expiry="2026-11-25")), POLICY, "sure", "P1", "as its barcode says"),
    ],
)
def test_barcodes(
    sighting: Sighting, policy: Policy, rule: str, sku: str | None, reason: str
) -> None:
    decision = decide(sighting, CATALOGUE, policy, MANIFEST, today=TODAY)
    assert (decision.rule, decision.product and decision.product.sku) == (rule, sku)
    assert reason in decision.reason
    rejects = {"already_labelled", "expired"}
    assert decision.outcome == ("PRINT" if sku else "REJECT" if rule in rejects else "REVIEW")


def test_a_few_views_are_too_few_whatever_a_barcode_says() -> None:
    sighting = replace(seen(ean(), scores=UNSURE_CARTON), views=2)
    assert decide(sighting, CATALOGUE, BARCODE_FIRST, MANIFEST).rule == "few_views"


@pytest.mark.parametrize(
    ("scores", "expected", "policy", "rule", "outcome", "reason"),
    [
        (SURE_CARTON, order(*ALL_LINES), POLICY, "sure", "PRINT", ", on order O1"),
        (SURE_BOTTLE, order(ALL_LINES[2]), POLICY, "sure", "PRINT", ", on order O1"),
        (SURE_BOTTLE, order(*ALL_LINES), POLICY, "several_products", "REVIEW", "2 products are"),
        (SURE_BOTTLE, order(*ALL_LINES[1:3], taken=2), POLICY, "several_products", "REVIEW", "2 p"),
        (
            SURE_CARTON,
            order(ALL_LINES[3]),
            POLICY,
            "not_expected",
            "REVIEW",
            "carton 1 is not on the order",
        ),
        (SURE_CARTON, order(ALL_LINES[3]), REJECTING, "not_expected", "REJECT", "not on the order"),
        (
            SURE_CARTON,
            order(*ALL_LINES, taken=2),
            POLICY,
            "more_than_ordered",
            "REVIEW",
            "all that the order wants of carton 1 are labelled",
        ),
        (SURE_CARTON, order(*ALL_LINES, taken=2), REJECTING, "more_than_ordered", "REJECT", "all"),
        (SURE_CARTON, Expected(is_known=False), REJECTING, "order_unknown", "REVIEW", "received"),
        (
            SURE_CARTON,
            order(OrderLine("O1", "P1", 1, expiry=date(2026, 11, 24))),
            POLICY,
            "expired",
            "REJECT",
            "carton 1 expired on 2026-11-24",
        ),
        (UNSURE_CARTON, order(*ALL_LINES), POLICY, "unsure", "REVIEW", "below"),
        (UNSURE_CARTON, order(ALL_LINES[0]), POLICY, "unsure", "REVIEW", "below"),
        (UNSURE_CARTON, order(ALL_LINES[0]), ORDER_FIRST, "sure", "PRINT", "on order O1"),
        (UNSURE_BOTTLE, order(*ALL_LINES[1:3]), ORDER_FIRST, "several_products", "REVIEW", "2"),
        (UNSURE_BOTTLE, order(*ALL_LINES), ORDER_FIRST, "unsure", "REVIEW", "below"),
        (NONE, order(*ALL_LINES), ORDER_FIRST, "none_of_these", "REVIEW", "not one of"),
    ],
)
def test_orders(  # noqa: PLR0917 - the columns of the table
    scores: tuple[float, ...],
    expected: Expected,
    policy: Policy,
    rule: str,
    outcome: str,
    reason: str,
) -> None:
    decision = decide(
        seen(scores=scores), CATALOGUE, policy, MANIFEST, expected=expected, today=TODAY
    )
    assert (decision.rule, decision.outcome) == (rule, outcome)
    assert reason in decision.reason
    assert (decision.line is not None) == (outcome == "PRINT")


def test_a_lot_on_the_item_chooses_the_line_of_that_lot() -> None:
    lots = [OrderLine("O1", "P1", 1, lot=lot, expiry=date(2027, 1, 31)) for lot in ("A", "B")]

    def decided(lot: str | None) -> Decision:
        sighting = seen(ean(lot=lot))
        return decide(sighting, CATALOGUE, POLICY, MANIFEST, expected=order(*lots), today=TODAY)

    assert decided("B").line == lots[1]
    assert decided(None).line == lots[0]
    other = decided("C")
    assert (other.outcome, other.rule) == ("REVIEW", "other_lot")
    assert other.reason == "carton 1 is on the order, but not with lot C"


def test_a_line_that_has_not_expired_goes_before_one_that_has() -> None:
    days = (date(2026, 1, 1), date(2027, 1, 1))
    lines = [OrderLine("O1", "P1", 1, lot=str(day), expiry=day) for day in days]
    decision = decide(seen(), CATALOGUE, POLICY, MANIFEST, expected=order(*lines), today=TODAY)
    assert (decision.outcome, decision.line) == ("PRINT", lines[1])


def test_the_tables_above_know_every_rule_of_codes_and_orders() -> None:
    names = {name for name, _ in RULES}
    tables = (test_barcodes, test_orders)
    told = {c[k] for t, k in zip(tables, (2, 3), strict=True) for c in t.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    assert told <= names | {"sure"}
    assert told | {"other_lot"} >= OF_CODES_AND_ORDERS


def test_a_code_counts_when_it_proves_itself_or_two_frames_agree() -> None:
    codes, plain = CodesInProgress(), ItemCode("Code 39", "P1", is_checked=False)
    codes.add([plain, plain])
    assert not codes.agreed
    codes.add([plain, ean()])
    assert codes.agreed == (plain, ean())


_POLICIES = st.builds(
    Policy,
    threshold=st.just(0.8),
    outranks=st.permutations(["barcode", "order", "size", "shape"]).map(tuple),
    unexpected=st.sampled_from(["review", "reject"]),
    max_tolerance_mm=st.sampled_from([None, 3.0]),
)
_CODES = st.lists(
    st.sampled_from([*map(ean, PRODUCTS), ean(gtin14="0" * 14), ean(is_ours=True, serial="S")]),
    max_size=2,
)
_ORDERS = st.none() | st.builds(
    order, *[st.sampled_from(ALL_LINES)] * 2, taken=st.sampled_from([0, 2])
)
_SCORES = st.tuples(*[st.sampled_from([0.0, 0.125, 0.5, 0.75, 1.0])] * 4)
_SIZES = st.none() | st.builds(Footprint, st.sampled_from([120.0, 124.0, 300.0]), st.just(60.0))


@given(_SCORES, _CODES, _SIZES, _ORDERS, _POLICIES)
def test_what_is_printed_is_contradicted_by_nothing(
    scores: tuple[float, ...],
    codes: list[ItemCode],
    size: Footprint | None,
    expected: Expected | None,
    policy: Policy,
) -> None:
    sighting = replace(seen(*codes, scores=scores), footprint=size)
    decision = decide(sighting, CATALOGUE, policy, MANIFEST, expected=expected, today=TODAY)
    printed = decision.product
    assert (printed is not None) == (decision.outcome == "PRINT")
    if printed is None:
        return
    assert {code.gtin14 for code in codes} <= {printed.gtin14}
    assert not any(code.is_ours for code in codes)
    first, second = sorted(scores, reverse=True)[:2]
    best = MANIFEST.classes[int(np.argmax(scores))]
    if first >= policy.threshold and first - second >= policy.min_margin:
        assert printed.class_name == best
    if size is not None and printed == CARTON:
        assert size.length_mm - 120 <= (policy.max_tolerance_mm or 12)
    if expected is not None:
        assert decision.line is not None
        assert (decision.line.sku, expected.left(decision.line) > 0) == (printed.sku, True)


@given(_SCORES, _CODES, _SIZES, _ORDERS)
def test_more_evidence_never_makes_another_product_of_a_sure_one(
    scores: tuple[float, ...],
    codes: list[ItemCode],
    size: Footprint | None,
    expected: Expected | None,
) -> None:
    alone = decide(seen(scores=scores), CATALOGUE, POLICY, MANIFEST)
    sighting = replace(seen(*codes, scores=scores), footprint=size)
    more = decide(sighting, CATALOGUE, POLICY, MANIFEST, expected=expected, today=TODAY)
    if alone.product is not None and more.product is not None:
        assert more.product == alone.product
