"""Decides what happens to an item: print which label, or let a person look. Pure.

The rules stand in `RULES`, in the order in which they are asked; the first that speaks decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from beltmark.contract.catalogue import Catalogue, Product
from beltmark.contract.package import Manifest
from beltmark.contract.policy import Policy
from beltmark.contract.terms import Outcome
from edge_agent.station.case import Case
from edge_agent.station.expected import Expected, OrderLine, has_expired
from edge_agent.station.product_size import has_size, size_told
from edge_agent.station.sighting import Sighting
from edge_agent.station.weighing import SURE, Weighing, told_below, weigh

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
        line: The line of the order that it takes one of; None unless it is printed by an order.
    """

    outcome: Outcome
    rule: str
    reason: str
    class_name: str | None = None
    probability: float | None = None
    product: Product | None = None
    weighing: Weighing | None = None
    line: OrderLine | None = None


def _already_labelled(case: Case) -> str | None:
    ours = next((code for code in case.sighting.codes if code.is_ours), None)
    return None if ours is None else f"bears a label already: {ours}, serial {ours.serial}"


def _several_barcodes(case: Case) -> str | None:
    if len(case.claims) < 2:
        return None
    codes = [str(code) for code, _ in case.claims.values()]
    return f"bears several barcodes: {_listed(codes, 'and')}"


def _unknown_barcode(case: Case) -> str | None:
    for code, product in case.claims.values():
        if product is None:
            return f"its barcode {code} is of no product in the catalogue"
    return None


def _few_views(case: Case) -> str | None:
    if case.is_seen_enough:
        return None
    return f"seen whole in {case.sighting.views} of {case.policy.min_votes} frames needed"


def _barcode_contradicts_shape(case: Case) -> str | None:
    named = case.named
    if named is None or not case.shape_is_sure or named.class_name == case.class_name:
        return None
    return f"its barcode says {named.name}, a {named.class_name}, but it looks like {_shape(case)}"


def _none_of_these(case: Case) -> str | None:
    is_none = case.class_name == case.manifest.none_of_these and case.probability > 0
    return "not one of the products" if is_none and not case.barcode_settles else None


def _frames_disagree(case: Case) -> str | None:
    if case.agrees or case.barcode_settles:
        return None
    return f"only {case.sighting.agreement:.0%} of the frames show a {case.class_name}"


def _unsure(case: Case) -> str | None:
    if case.is_likely or case.barcode_settles or case.order_settles:
        return None
    if case.probability <= 0:
        return "nothing says what it is"
    seen, needed = told_below(case.probability, case.policy.threshold)
    return f"looks like a {case.class_name} with {seen}, below the {needed} needed"


def _two_candidates(case: Case) -> str | None:
    if case.leads or case.barcode_settles or case.order_settles:
        return None
    return f"could be a {case.class_name} or a {case.second}"


def _no_product(case: Case) -> str | None:
    return None if case.products else f"no product in the catalogue is a {case.class_name}"


def _no_size_fits(case: Case) -> str | None:
    if case.fitting:
        return None
    if len(case.products) > 1:
        return f"measures {case.footprint}; no {case.class_name} in the catalogue does"
    (product,) = case.products
    how = "says it is" if case.named is not None else "looks like"
    who = "its barcode " if case.named is not None else ""
    size = size_told(product)
    return f"{who}{how} {product.name}, but measures {case.footprint} instead of {size}"


def _several_sizes_fit(case: Case) -> str | None:
    if case.footprint is None or len(case.left) == 1:
        return None
    return f"measures {case.footprint}: could be {_listed([p.name for p in case.left], 'or')}"


def _several_products(case: Case) -> str | None:
    return None if case.is_told_apart else f"{len(case.products)} products are a {case.class_name}"


def _order_unknown(case: Case) -> str | None:
    is_unknown = case.expected is not None and not case.expected.is_known
    return "what is expected is not known: no order has been received" if is_unknown else None


def _not_expected(case: Case) -> str | None:
    (product,) = case.left
    return f"{product.name} is not on the order" if case.line == "not_expected" else None


def _other_lot(case: Case) -> str | None:
    (product,) = case.left
    if case.line != "other_lot":
        return None
    told = [f"lot {case.lot}"] if case.lot else []
    told += [f"expiry {case.expiry}"] if case.expiry else []
    return f"{product.name} is on the order, but not with {' and '.join(told)}"


def _more_than_ordered(case: Case) -> str | None:
    (product,) = case.left
    is_more = case.line == "more_than_ordered"
    return f"all that the order wants of {product.name} are labelled" if is_more else None


def _expired(case: Case) -> str | None:
    (product,) = case.left
    of_line = case.line.expiry if isinstance(case.line, OrderLine) else None
    on_item = None if case.expiry is None else date.fromisoformat(case.expiry)
    for day in (on_item, of_line):
        if day is not None and has_expired(day, case.today):
            return f"{product.name} expired on {day}"
    return None


RULES: tuple[tuple[str, Callable[[Case], str | None]], ...] = (
    ("already_labelled", _already_labelled),
    ("several_barcodes", _several_barcodes),
    ("few_views", _few_views),
    ("barcode_contradicts_shape", _barcode_contradicts_shape),
    ("none_of_these", _none_of_these),
    ("frames_disagree", _frames_disagree),
    ("unsure", _unsure),
    ("two_candidates", _two_candidates),
    ("unknown_barcode", _unknown_barcode),
    ("no_product", _no_product),
    ("no_size_fits", _no_size_fits),
    ("several_sizes_fit", _several_sizes_fit),
    ("several_products", _several_products),
    ("order_unknown", _order_unknown),
    ("not_expected", _not_expected),
    ("other_lot", _other_lot),
    ("more_than_ordered", _more_than_ordered),
    ("expired", _expired),
)
"""What keeps an item from being labelled: name, and the question that gives the reason."""

REJECTING = frozenset({"already_labelled", "expired"})
"""The rules after which an item is rejected: no person could label it either."""

BY_POLICY = frozenset({"not_expected", "more_than_ordered"})
"""The rules after which the policy's `unexpected` says what becomes of it."""


def decide(
    sighting: Sighting,
    catalogue: Catalogue,
    policy: Policy,
    manifest: Manifest,
    *,
    expected: Expected | None = None,
    today: date | None = None,
) -> Decision:
    """Decides one item; PRINT only where no rule has anything against it.

    Args:
        sighting: What was seen of it.
        catalogue: The products.
        policy: What is asked of it.
        manifest: Whose classes the sighting has.
        expected: The order; None where the station goes by none.
        today: The day, for expiry dates; None takes none for expired.
    """
    case = Case(sighting, policy, catalogue, manifest, expected, today)
    asked: list[str] = []
    for rule, question in RULES:
        asked.append(rule)
        reason = question(case)
        if reason is not None:
            named = case.class_name if case.probability > 0 else None
            return Decision(
                _outcome(rule, policy),
                rule,
                reason,
                named,
                case.probability,
                weighing=weigh(case, rule, asked),
            )
    (product,) = case.left
    return Decision(
        "PRINT",
        SURE,
        _said(case, product),
        case.class_name,
        case.probability,
        product,
        weigh(case, SURE, asked),
        case.line if isinstance(case.line, OrderLine) else None,
    )


def _outcome(rule: str, policy: Policy) -> Outcome:
    is_rejected = rule in REJECTING or (rule in BY_POLICY and policy.unexpected == "reject")
    return "REJECT" if is_rejected else "REVIEW"


def _said(case: Case, product: Product) -> str:
    """Why an item is printed."""
    reason = f"{_shape(case)} in {case.sighting.views} frames"
    if case.barcode_settles:
        reason = f"{product.name} by its barcode, though it looks like {reason}"
    elif case.named is not None:
        reason += ", as its barcode says"
    if case.footprint is not None and has_size(product):
        reason += f", measures {case.footprint}"
    if isinstance(case.line, OrderLine):
        reason += f", on order {case.line.order_id}"
    return reason


def _shape(case: Case) -> str:
    return f"a {case.class_name} with {case.probability:.2f}"


def _listed(names: list[str], joint: str) -> str:
    shown = names[:_MOST_NAMED]
    if (more := len(names) - len(shown)) > 0:
        shown.append(f"{more} more")
    return f"{', '.join(shown[:-1])} {joint} {shown[-1]}"
