"""Is it worth it, and is there enough to begin with? Works a charter's numbers out. Pure.

Data by class against what the charter asks, costs and savings of a year, and how far a simple rule
gets: one section each, for the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from beltmark.datasets.dataset import Dataset
from training.charter.baseline import RuleResult
from training.charter.document import Charter, Economics, Labels
from training.evaluate.section import Figure, Section, Table
from training.pages.charts import Estimate, dot_chart
from training.pages.report import shown

S_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Year:
    """A year at the belt, in money and in wrong labels.

    Attributes:
        work: Paid time.
        wrong_labels: How many leave the house.
        wrong_cost: What they cost.
        running: Cost of the station itself.
    """

    work: float
    wrong_labels: float
    wrong_cost: float
    running: float = 0.0

    @property
    def cost(self) -> float:
        """All together."""
        return self.work + self.wrong_cost + self.running


def today(economics: Economics) -> Year:
    """Returns a year by hand."""
    items = economics.items_per_day * economics.days_per_year
    wrong = items * economics.manual_wrong_share
    return Year(
        items * economics.manual_s_per_item / S_PER_HOUR * economics.wage_per_hour,
        wrong,
        wrong * economics.cost_per_wrong_label,
    )


def at_target(economics: Economics, labels: Labels) -> Year:
    """Returns a year with a station that just reaches its targets."""
    items = economics.items_per_day * economics.days_per_year
    by_hand = items * (1 - labels.least_coverage)
    wrong = (items - by_hand) * (1 - labels.target_precision)
    wrong += by_hand * economics.manual_wrong_share
    return Year(
        by_hand * economics.review_s_per_item / S_PER_HOUR * economics.wage_per_hour,
        wrong,
        wrong * economics.cost_per_wrong_label,
        economics.running_cost_per_year,
    )


def economy_section(charter: Charter, missing_boxes: int) -> Section:
    """Tells what it costs and saves.

    Args:
        charter: With `economics`.
        missing_boxes: How many are still to be drawn.
    """
    economics = charter.economics
    assert economics is not None, "the caller asked for it"
    before, after = today(economics), at_target(economics, charter.labels)
    drawing = (
        missing_boxes
        * economics.annotation_s_per_box
        / S_PER_HOUR
        * economics.annotation_wage_per_hour
    )
    saving = before.cost - after.cost
    once = economics.investment + drawing
    payback = 12 * once / saving if saving > 0 else None
    money = economics.currency
    told = [
        f"It saves {saving:,.0f} {money} a year and costs {once:,.0f} {money} once: paid back "
        f"after {payback:.1f} months."
        if payback is not None
        else f"It saves nothing: a year costs {-saving:,.0f} {money} more than today.",
        f"Numbers from: {economics.source}.",
    ]
    if after.wrong_labels > before.wrong_labels:
        told.insert(
            1,
            f"At the target precision more wrong labels leave the house than today "
            f"({after.wrong_labels:,.0f} against {before.wrong_labels:,.0f} a year): ask for more.",
        )
    rows = [
        (name, round(getattr(before, field)), round(getattr(after, field)))
        for name, field in (
            (f"work, {money}", "work"),
            ("wrong labels", "wrong_labels"),
            (f"their cost, {money}", "wrong_cost"),
            (f"running the station, {money}", "running"),
            (f"all, {money}", "cost"),
        )
    ]
    return Section(
        "economy",
        "Costs and savings",
        tuple(told),
        {
            "saving_per_year": saving,
            "investment": economics.investment,
            "annotation_cost": drawing,
            "payback_months": payback,
        },
        (Table("A year", ("", "today", "with targets just met"), rows),),
    )


def data_section(charter: Charter, dataset: Dataset, groups: Sequence[str]) -> tuple[Section, int]:
    """Tells what data there is by class; returns how many boxes are missing, too.

    Args:
        charter: What it asks of data, if it does.
        dataset: The data.
        groups: Of each image.
    """
    boxes = [0] * len(dataset.class_names)
    seen: list[set[str]] = [set() for _ in dataset.class_names]
    for image, group in zip(dataset.images, groups, strict=True):
        labels = [item.class_index for item in image.objects]
        labels += [] if image.class_index is None else [image.class_index]
        for label in labels:
            boxes[label] += 1
            seen[label].add(group)
    needs = charter.data
    least, least_groups = (
        (needs.least_boxes_per_class, needs.least_groups_per_class) if needs else (0, 0)
    )
    rows, missing = [], 0
    for label, name in enumerate(dataset.class_names):
        short = max(least - boxes[label], 0)
        few = len(seen[label]) < least_groups
        missing += short
        enough = "" if needs is None else "too few" if short or few else "enough"
        rows.append((name, boxes[label], len(seen[label]), enough))
    rows.sort(key=lambda row: row[1])
    lacking = [row[0] for row in rows if row[3] == "too few"]
    told = (
        f"{len(lacking)} of {len(rows)} classes have too few boxes or are seen in too few "
        f"{charter.group_by}s."
        if lacking
        else f"All {len(rows)} classes have what the charter asks."
        if needs
        else "The charter does not say how much data is needed ([data])."
    )
    proof = len(set(groups))
    second = (
        f"The data has {proof} groups by {charter.group_by}; those put aside for the gate must be "
        f"{charter.least_groups} or more."
    )
    section = Section(
        "data",
        "Data",
        (told, second),
        {
            "images": len(dataset.images),
            "boxes": sum(boxes),
            "groups": proof,
            "classes_with_too_few": len(lacking),
            "boxes_missing": missing,
        },
        (Table("By class, fewest first", ("class", "boxes", f"{charter.group_by}s", ""), rows),),
    )
    return section, missing


def baseline_section(charter: Charter, results: Sequence[RuleResult]) -> Section:
    """Tells whether a simple rule would do."""
    target = charter.labels.target_precision
    known = [each for each in results if each.right is not None]
    if not known:
        told = "A rule cannot be tried on other groups than it was made from: there is only one."
        return Section("baseline", "Would a simple rule do?", (told,))
    best = max(known, key=lambda each: each.right or 0.0)
    is_enough = best.low is not None and best.low >= target
    told = (
        f"The best simple rule, {best.name}, is right for {100 * (best.right or 0):.1f} % of "
        f"objects; {100 * target:g} % of labels must be. "
        + ("It may do: try it before a model." if is_enough else "That is not enough.")
    )
    title = "Share of objects that a rule gets right, with its 95 % interval"
    chart = dot_chart(
        [Estimate(each.name, each.right, each.low, each.high, target) for each in known],
        title=title,
        value_range=(0.0, 1.0),
    )
    return Section(
        "baseline",
        "Would a simple rule do?",
        (told, "The rules are given the boxes, which a camera would first have to find."),
        {"best_rule_right": best.right, "is_enough": float(is_enough)},
        figures=(Figure(title, "image/svg+xml", str(chart).encode()),),
    )


def charter_section(charter: Charter) -> Section:
    """Shows the charter's own tables."""
    criteria = [
        (
            each.name,
            f"at least {shown(each.at_least)}"
            if each.at_least is not None
            else f"at most {shown(each.at_most)}",
            each.confidence,
            each.why,
        )
        for each in charter.criteria
    ]
    criteria += [
        (f"{each.name}, against the champion", f"margin {each.margin:g}", each.confidence, each.why)
        for each in charter.against_champion
    ]
    tables = [Table("Criteria", ("metric", "bound", "confidence", "why"), criteria)]
    if charter.business:
        rows = [(each.name, each.now, each.target, each.source) for each in charter.business]
        tables.insert(0, Table("Business", ("what", "now", "target", "source"), rows))
    lists = (("phases", charter.phases), *((name, texts) for name, texts in charter.constraints))
    rows_of_texts = [(name.replace("_", " "), text) for name, texts in lists for text in texts]
    if rows_of_texts:
        tables.append(Table("Phases and constraints", ("", ""), rows_of_texts))
    deciders = ", ".join(charter.deciders) or "anybody who gives a name"
    told = (charter.purpose, f"For: {charter.users} Owner: {charter.owner}. Decides: {deciders}.")
    return Section("charter", "Charter", told, {}, tuple(tables))
