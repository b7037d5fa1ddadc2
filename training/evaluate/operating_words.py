"""An operating point in sentences: few errors are told as what they prove. Pure."""

from beltmark.contract.policy import Policy
from training.evaluate.operating_document import CountedPoint, OperatingDocument, counted
from training.evaluate.operating_point import Point, labels_needed


def told_operating(read: OperatingDocument) -> list[str]:
    """Tells how the operating point was chosen, and what speaks for it."""
    target = f"{read.target_precision:.2%}".rstrip("%").rstrip("0").rstrip(".") + " %"
    lines = []
    for name, point in (
        ("proven by what was counted", read.by_bound),
        ("seen in what was counted", read.by_estimate),
    ):
        if point is None:
            lines.append(f"{target} right labels are not {name} at any threshold.")
        else:
            lines.append(
                f"{target} right labels are {name} from a threshold of {point.threshold:g} on "
                f"({_votes(point.min_votes)}): {told_point(point)}."
            )
    if read.by_bound is None:
        needed = labels_needed(read.target_precision, read.confidence)
        lines.append(f"To prove {target} takes {needed} labels or more, all of them right.")
    if read.policy is None or read.confirmed is None:
        lines.append(f"So no threshold is chosen; counted on {_counted(read.chosen_on)}.")
        return lines
    how = "what is proven" if read.criterion == "bound" else "what was seen, which proves less"
    lines.append(
        f"Chosen by {how}: threshold {read.policy.threshold:g}, {_votes(read.policy.min_votes)}; "
        f"by {_counted(read.chosen_on)}."
    )
    words = {
        "proven": "That proves it",
        "not_refuted": "That does not refute it, nor prove it",
        "refuted": "That refutes it",
        "no_label": "Without a label, that says nothing",
        None: "",
    }[read.finding]
    others = _counted(read.confirmed_on) or "nothing"
    lines.append(f"Confirmed on {others}: {told_point(read.confirmed)}. {words}.")
    return lines


def told_counts(point: Point) -> str:
    """Tells the counts of one point."""
    return told_point(counted(point))


def told_point(point: CountedPoint) -> str:
    """Tells the counts of one point, as a document has them."""
    covered = point.fates.get("right", 0)
    low, high = point.coverage_interval
    coverage = f"{covered} of {point.products} products labelled rightly"
    if point.products:
        coverage += f" ({_share(covered / point.products)}; {_share(low)} to {_share(high)})"
    if not point.labels:
        return f"no label; {coverage}"
    labels = "1 label" if point.labels == 1 else f"{point.labels} labels"
    return (
        f"{labels}, {point.wrong} wrong, which proves no more than "
        f"{_floored(point.precision_lower)} right; {coverage}"
    )


def told_policy(policy: Policy) -> str:
    """Tells a policy's point."""
    return f"threshold {policy.threshold:g}, {_votes(policy.min_votes)}"


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _floored(share: float) -> str:
    """A bound is never told as higher than it is."""
    return f"{int(share * 1000) / 10:.1f} %"


def _votes(number: int) -> str:
    return f"{number} votes" if number > 1 else "1 vote"


def _counted(names: tuple[str, ...]) -> str:
    kinds: dict[str, int] = {}
    for name in names:
        kind = name.split(" ", 1)[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    return " and ".join(
        f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in kinds.items()
    )
