"""What became of whole items, as a section of an evaluation. Pure."""

from collections import Counter
from collections.abc import Sequence

from beltmark.contract.policy import Policy
from training.evaluate.items import FATES, PRODUCT_FATES, JudgedItem, tally
from training.evaluate.items_figures import curve_svg
from training.evaluate.operating_document import OperatingDocument
from training.evaluate.operating_point import Point, lower_bound
from training.evaluate.operating_words import told_counts, told_operating, told_policy
from training.evaluate.section import Figure, Section, Table


def items_section(
    items: Sequence[JudgedItem], policy: Policy, operating: OperatingDocument | None = None
) -> Section:
    """Tells what a station with this policy makes of whole items.

    Args:
        items: Judged by the policy.
        policy: The policy.
        operating: How it was chosen, if from whole items.
    """
    counts = tally(items)
    passed = sorted({item.recording for item in items})
    point = Point(policy.min_votes, policy.threshold, counts)
    low, high = point.coverage_interval
    told = [
        f"With {told_policy(policy)}: {told_counts(point)}.",
        f"Counted on {len(passed)} belts and sequences. Bounds are exact binomial, of 95 %; they "
        "take items as independent, though those of one belt share light and camera.",
    ]
    if operating is not None:
        told += told_operating(operating)
    numbers: dict[str, float | None] = {
        "labels": float(counts.labels),
        "wrong_labels": float(counts.wrong),
        "precision": counts.precision,
        "precision_lower": lower_bound(counts.right, counts.labels),
        "products": float(counts.products),
        "coverage": counts.coverage,
        "coverage_lower": low,
        "coverage_upper": high,
    }
    numbers |= {f"fate_{fate}": float(counts.fates[fate]) for fate in FATES}
    figures: tuple[Figure, ...] = ()
    if operating is not None and operating.curve:
        content = curve_svg(operating).encode()
        figures = (Figure("Precision and coverage over threshold", "image/svg+xml", content),)
    return Section(
        key="items",
        title="Items, as in life",
        told=tuple(told),
        numbers=numbers,
        tables=(_by_class(items), _by_rule(items)),
        figures=figures,
    )


def _by_class(items: Sequence[JudgedItem]) -> Table:
    counts: Counter[tuple[str, str]] = Counter()
    for item in items:
        fate = item.fate()
        if fate is not None and item.true is not None:
            counts[item.true.class_name, fate] += 1
    names = sorted({name for name, _ in counts})
    fates = (*PRODUCT_FATES, "foreign_printed", "foreign_left")
    return Table(
        "What became of items, by what they are",
        ("class", *(fate.replace("_", " ") for fate in fates)),
        tuple((name, *(counts[name, fate] for fate in fates)) for name in names),
    )


def _by_rule(items: Sequence[JudgedItem]) -> Table:
    rules = Counter(d.rule for item in items for d in item.decisions if d.sku is None)
    return Table(
        "What sent items to a person, by rule",
        ("rule", "decisions"),
        tuple((rule.replace("_", " "), number) for rule, number in rules.most_common()),
    )
