"""Says why an item was decided as it was: what was seen, what was asked of it, what followed.

Words only, from what the journal holds. Its picture is left to `explain_picture`.
"""

from collections.abc import Iterator

from edge_agent.console import clock_time, item_line
from edge_agent.printing.reading import ItemRecord
from edge_agent.station.codes import ItemCode
from edge_agent.station.decision import RULES
from edge_agent.station.expected import OrderLine
from edge_agent.station.weighing import SURE, Weighing, told_below

NOT_RECORDED = "not recorded"
# The rules that there were when an item's record does not tell which were asked.
_FIRST_RULES = (
    "few_views",
    "none_of_these",
    "frames_disagree",
    "unsure",
    "two_candidates",
    "no_product",
    "no_size_fits",
    "several_sizes_fit",
    "several_products",
)


def explained(record: ItemRecord) -> Iterator[str]:
    """Yields the explanation of an item, line by line."""
    item, place = record.item, record.place
    yield item_line(item)
    seen = f"last seen {clock_time(place.captured_at)} at x {place.x_px:.0f}, y {place.y_px:.0f} px"
    yield f"station {item.station}: {seen}"
    yield f"decided by release {item.release}, package {item.package_sha256[:12]}"
    yield ""
    if record.weighing is None:
        yield f"frames, scores and limits: {NOT_RECORDED}"
    else:
        yield from _seen(record.weighing)
        yield ""
        yield from _rules(record.weighing)
        if item.rule != record.weighing.rule:
            yield f"  {item.rule:<26} this one decided in the end: {item.reason}"
    yield ""
    yield "steps"
    for step in record.history:
        yield f"  {clock_time(step.at)}  {step.what:<15} {step.detail}".rstrip()


def _seen(weighing: Weighing) -> Iterator[str]:
    yield "seen"
    yield f"  frames that show it whole   {weighing.views} (needed: {weighing.min_votes})"
    agreement, needed = weighing.agreement, weighing.min_agreement
    yield f"  of these, for the best      {agreement:.0%} (needed: {needed:.0%})"
    yield f"  lead over the second        {_beside(weighing.margin, weighing.min_margin)}"
    if weighing.footprint is not None:
        yield f"  measures                    {weighing.footprint}"
    for code in weighing.codes:
        yield f"  barcode                     {code}{_told_beside(code)}"
    if weighing.line is not None:
        yield f"  line of the order           {_line(weighing.line)}"
    yield "candidates"
    for rank, candidate in enumerate(weighing.candidates, 1):
        bar = "#" * round(20 * min(1.0, candidate.probability))
        line = f"  {rank} {candidate.class_name:<20} {candidate.probability:.2f} {bar}"
        if rank == 1:
            told = _beside(candidate.probability, weighing.threshold)
            line = f"  {rank} {candidate.class_name:<20} {told.replace(' ', f' {bar} ', 1)}"
        yield line.rstrip()


def _beside(value: float, needed: float) -> str:
    """Says a value and what was needed, so that they never look the same where they are not."""
    told = told_below(value, needed) if value < needed else (f"{value:.2f}", f"{needed:.2f}")
    return f"{told[0]} (needed: {told[1]})"


def _told_beside(code: ItemCode) -> str:
    told = [
        f"{name} {value}"
        for name, value in (("lot", code.lot), ("expiry", code.expiry), ("serial", code.serial))
        if value
    ]
    if code.is_ours:
        told.append("a label of ours")
    return f" ({', '.join(told)})" if told else ""


def _line(line: OrderLine) -> str:
    told = f"{line.order_id}: {line.quantity} x {line.sku}"
    told += f", lot {line.lot}" if line.lot else ""
    return told + (f", expiry {line.expiry}" if line.expiry else "")


def _rules(weighing: Weighing) -> Iterator[str]:
    yield "rules, in the order in which they are asked"
    known = tuple(name for name, _ in RULES) if weighing.asked else _FIRST_RULES
    answer = "ok"
    for name in known:
        if name == weighing.rule:
            yield f"  {name:<26} this one spoke"
            answer = "not asked"
        else:
            yield f"  {name:<26} {answer}"
    if weighing.rule == SURE and weighing.settled_by:
        yield f"what it is was told by {', then '.join(weighing.settled_by)}"
    if weighing.outranks:
        yield f"evidence, the strongest first: {', '.join(weighing.outranks)}"
