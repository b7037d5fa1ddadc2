"""What an item's decision was weighed by: every candidate, the votes, the policy's limits. Pure.

Which rule follows from that is left to `decision`, keeping it to the journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.station.case import Case
from edge_agent.station.codes import ItemCode
from edge_agent.station.expected import OrderLine
from edge_agent.station.footprint import Footprint

SURE = "sure"
"""Stands for the rule where none speaks against a label."""

_MOST_CANDIDATES = 8
_MOST_DIGITS = 7


@dataclass(frozen=True)
class Ranked:
    """A class that an item may be, with its fused probability."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Weighing:
    """The evidence of one decision, and what the policy asked of it then.

    Attributes:
        rule: The rule of `decision.RULES` that speaks against a label; "sure" where none does.
        views: Frames that showed the item whole; each is one vote.
        agreement: Share of those whose best class is the best class of all.
        candidates: The likeliest classes, best first.
        threshold: Fused probability from which an item is printed.
        min_votes: Votes needed.
        min_agreement: Agreement needed.
        min_margin: Lead of the best class over the second that is needed.
        asked: The rules that were asked, in order; `rule` is the last. Empty in what was recorded
            before it was noted, as is all below.
        codes: The barcodes read on the item.
        footprint: What it measures.
        line: The line of the order that it was printed by.
        settled_by: The evidence that named the product; empty unless it is printed.
        outranks: The policy's order of evidence.
    """

    rule: str
    views: int
    agreement: float
    candidates: tuple[Ranked, ...]
    threshold: float
    min_votes: int
    min_agreement: float
    min_margin: float
    asked: tuple[str, ...] = ()
    codes: tuple[ItemCode, ...] = ()
    footprint: Footprint | None = None
    line: OrderLine | None = None
    settled_by: tuple[str, ...] = ()
    outranks: tuple[str, ...] = ()

    @property
    def margin(self) -> float:
        """Lead of the best class over the second."""
        first, second = (*(c.probability for c in self.candidates[:2]), 0.0, 0.0)[:2]
        return first - second


def weigh(case: Case, rule: str, asked: Sequence[str] = ()) -> Weighing:
    """Notes what a decision by `rule` was weighed by; `asked` are the rules up to it."""
    sighting, policy = case.sighting, case.policy
    is_sure = rule == SURE
    return Weighing(
        rule=rule,
        views=sighting.views,
        agreement=sighting.agreement,
        candidates=tuple(Ranked(*each) for each in case.ranked[:_MOST_CANDIDATES]),
        threshold=policy.threshold,
        min_votes=policy.min_votes,
        min_agreement=policy.min_agreement,
        min_margin=policy.min_margin,
        asked=tuple(asked),
        codes=sighting.codes,
        footprint=sighting.footprint,
        line=case.line if is_sure and isinstance(case.line, OrderLine) else None,
        settled_by=case.settled_by if is_sure else (),
        outranks=policy.outranks,
    )


def told_below(value: float, needed: float) -> tuple[str, str]:
    """Says a value that is below what is needed, and that, with as many digits as show it."""
    for digits in range(2, _MOST_DIGITS):
        told = f"{value:.{digits}f}", f"{needed:.{digits}f}"
        if told[0] != told[1]:
            return told
    return f"almost {needed:g}", f"{needed:g}"
