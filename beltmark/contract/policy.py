"""The policy: the operating point that a release chose from its package's curve."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import GrownDocument
from beltmark.contract.package import Probability

EvidenceKind = Literal["barcode", "order", "size", "shape"]


class Policy(GrownDocument):
    """How sure a station must be before it prints.

    Attributes:
        target_precision: The share of printed labels that must be right; from the charter.
        threshold: Fused class probability from which an item is printed; it comes from the
            package's precision/coverage curve at `target_precision`, measured, not from taste.
        min_votes: Frames that must have seen the item before it is decided to print.
        min_agreement: Share of those frames whose best class is the winning class.
        min_margin: Lead of the best class's fused probability over the second.
        outranks: Evidence, the strongest first. A barcode or an order that stands before the shape
            settles an item whose shape is not sure; what stands behind it, or nowhere, only tells
            apart the products of a shape that is sure. Whatever its rank, evidence that
            contradicts keeps an item from being printed.
        unexpected: What becomes of an item that is not on the order, or is one more than ordered.
        max_tolerance_mm: The catalogue's tolerances of sizes count up to this one.
    """

    SINCE_FIRST: ClassVar = ("outranks", "unexpected", "max_tolerance_mm")

    format_version: Literal[1] = 1
    target_precision: Probability = 0.995
    threshold: Probability = 0.6
    min_votes: int = Field(default=3, ge=1, le=1000)
    min_agreement: Probability = 0.6
    min_margin: Probability = 0.2
    outranks: tuple[EvidenceKind, ...] = ("shape", "barcode", "order", "size")
    unexpected: Literal["review", "reject"] = "review"
    max_tolerance_mm: float | None = Field(default=None, gt=0, le=10_000)

    @model_validator(mode="after")
    def _ranks_once(self) -> Self:
        if len(set(self.outranks)) != len(self.outranks) or "shape" not in self.outranks:
            raise ValueError("outranks must name the shape, and no evidence twice")
        return self

    def ranks_before_shape(self, kind: EvidenceKind) -> bool:
        """Whether this evidence settles an item whose shape is not sure."""
        ranks = self.outranks
        return kind in ranks and ranks.index(kind) < ranks.index("shape")
