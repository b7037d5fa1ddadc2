"""Says why an item was decided as it was: what was seen, what was asked of it, what followed.

Words only, from what the journal holds. Its picture is left to `explain_picture`.
"""

from collections.abc import Iterator

from edge_agent.console import clock_time, item_line
from edge_agent.printing.reading import ItemRecord
from edge_agent.station.decision import RULES
from edge_agent.station.weighing import Weighing

NOT_RECORDED = "not recorded"


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
            yield f"  {item.rule:<18} this one decided in the end: {item.reason}"
    yield ""
    yield "steps"
    for step in record.history:
        yield f"  {clock_time(step.at)}  {step.what:<15} {step.detail}".rstrip()


def _seen(weighing: Weighing) -> Iterator[str]:
    yield "seen"
    yield f"  frames that show it whole   {weighing.views} (needed: {weighing.min_votes})"
    agreement, needed = weighing.agreement, weighing.min_agreement
    yield f"  of these, for the best      {agreement:.0%} (needed: {needed:.0%})"
    yield f"  lead over the second        {weighing.margin:.2f} (needed: {weighing.min_margin:.2f})"
    yield "candidates"
    for rank, candidate in enumerate(weighing.candidates, 1):
        bar = "#" * round(20 * min(1.0, candidate.probability))
        line = f"  {rank} {candidate.class_name:<20} {candidate.probability:.2f} {bar}"
        yield f"{line} (needed: {weighing.threshold:.2f})" if rank == 1 else line.rstrip()


def _rules(weighing: Weighing) -> Iterator[str]:
    yield "rules, in the order in which they are asked"
    answer = "ok"
    for name, _ in RULES:
        if name == weighing.rule:
            yield f"  {name:<18} this one spoke"
            answer = "not asked"
        else:
            yield f"  {name:<18} {answer}"
