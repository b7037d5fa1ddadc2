"""What an item's decision was weighed by: every candidate, the votes, the policy's limits. Pure.

Which rule follows from that is left to `decision`, keeping it to the journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beltmark.contract.policy import Policy
from edge_agent.station.sighting import Sighting

_MOST_CANDIDATES = 8


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
    """

    rule: str
    views: int
    agreement: float
    candidates: tuple[Ranked, ...]
    threshold: float
    min_votes: int
    min_agreement: float
    min_margin: float

    @property
    def margin(self) -> float:
        """Lead of the best class over the second."""
        first, second = (*(c.probability for c in self.candidates[:2]), 0.0, 0.0)[:2]
        return first - second


def weigh(sighting: Sighting, policy: Policy, classes: Sequence[str], rule: str) -> Weighing:
    """Notes what a decision by `rule` was weighed by."""
    order = np.argsort(sighting.probabilities)[::-1][:_MOST_CANDIDATES]
    return Weighing(
        rule=rule,
        views=sighting.views,
        agreement=sighting.agreement,
        candidates=tuple(Ranked(classes[i], float(sighting.probabilities[i])) for i in order),
        threshold=policy.threshold,
        min_votes=policy.min_votes,
        min_agreement=policy.min_agreement,
        min_margin=policy.min_margin,
    )
