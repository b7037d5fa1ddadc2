"""The policy: the operating point that a release chose from its package's curve."""

from typing import Literal

from pydantic import Field

from beltmark.contract.documents import Document
from beltmark.contract.package import Probability


class Policy(Document):
    """How sure a station must be before it prints.

    Attributes:
        target_precision: The share of printed labels that must be right; from the charter.
        threshold: Fused class probability from which an item is printed; it comes from the
            package's precision/coverage curve at `target_precision`, measured, not from taste.
        min_votes: Frames that must have seen the item before it is decided to print.
        min_agreement: Share of those frames whose best class is the winning class.
        min_margin: Lead of the best class's fused probability over the second.
    """

    format_version: Literal[1] = 1
    target_precision: Probability = 0.995
    threshold: Probability = 0.6
    min_votes: int = Field(default=3, ge=1, le=1000)
    min_agreement: Probability = 0.6
    min_margin: Probability = 0.2
