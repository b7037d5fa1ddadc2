"""`[zone]` and `[belt]` of the station file."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.package import Probability
from edge_agent.section import Address, Pixels, Seconds, Section

PerCount = Annotated[float, Field(ge=-1_000, le=1_000)]


class ZoneSection(Section):
    """`[zone]`.

    Attributes:
        rect_xyxy_px: Left, top, right, bottom of the part of the picture in which items count.
        travel: Where the belt carries items in the picture; "none" for a bench.
        decide_at: Place of the decision line, as a share of the zone along the travel.
        mm_per_px: Scale in the plane of the belt, under a camera that looks straight down.
        calibration: File that `beltmark-edge calibrate` wrote, for any camera; instead of the
            scale.
    """

    rect_xyxy_px: tuple[Pixels, Pixels, Pixels, Pixels]
    travel: Literal["right", "left", "down", "up", "none"] = "right"
    decide_at: Annotated[float, Field(gt=0, lt=1)] = 0.6
    mm_per_px: Annotated[float, Field(gt=0, le=100)] | None = None
    calibration: Path | None = None

    @model_validator(mode="after")
    def _has_one_scale(self) -> Self:
        if self.mm_per_px is not None and self.calibration is not None:
            raise ValueError("give calibration or mm_per_px, not both")
        return self

    @model_validator(mode="after")
    def _has_area(self) -> Self:
        left, top, right, bottom = self.rect_xyxy_px
        if right <= left or bottom <= top:
            raise ValueError("rect_xyxy_px must be left, top, right, bottom, from small to large")
        return self


class BeltSection(Section):
    """`[belt]`.

    Attributes:
        speed_px_s: Speed of the running belt in the picture; without it, it is learnt.
        may_reverse: Whether the belt can run backward, as when it is jogged; without it, that is
            found out when it is seen to.
        encoder: Where the belt's way is counted: gpio:CHIP/LINE (pulses), mqtt://host/TOPIC or
            tcp://host:port/NAME (the count itself); or none.
        encoder_reverse: Pin that is on while the belt runs back, for pulses; or none.
        encoder_px_per_count: How far the belt moves in the picture for one count; negative where
            the count falls while it carries items along.
        encoder_mm_per_count: Instead, on the belt, where the picture's scale is known.
        encoder_silent_after_s: A count must be told so often, though the belt stands; without it
            the belt's way is taken from what is seen.
    """

    speed_px_s: Annotated[float, Field(gt=0, le=20_000)] | None = None
    may_reverse: bool = False
    encoder: Address = "none"
    encoder_reverse: Address = "none"
    encoder_px_per_count: PerCount | None = None
    encoder_mm_per_count: PerCount | None = None
    encoder_silent_after_s: Seconds = 1.0

    @model_validator(mode="after")
    def _has_one_measure(self) -> Self:
        if self.encoder_px_per_count is not None and self.encoder_mm_per_count is not None:
            raise ValueError("give encoder_px_per_count or encoder_mm_per_count, not both")
        if 0 in (self.encoder_px_per_count, self.encoder_mm_per_count):
            raise ValueError("a count must mean some way")
        return self


class PolicySection(Section):
    """`[policy]`: where this station asks for more than its release does.

    Attributes:
        target_precision: Share of labels that must be right; not below the release's. The threshold
            for it comes from the package's curve.
        threshold: Fused class probability from which an item is printed; not below the release's.
        min_votes: Frames that must have seen an item; not fewer.
        min_agreement: Share of them that must show its class; not smaller.
        min_margin: Lead of its class over the second; not smaller.
        max_tolerance_mm: The catalogue's tolerances of sizes count up to this one; not more.
    """

    target_precision: Probability | None = None
    threshold: Probability | None = None
    min_votes: Annotated[int, Field(ge=1, le=1_000)] | None = None
    min_agreement: Probability | None = None
    min_margin: Probability | None = None
    max_tolerance_mm: Annotated[float, Field(gt=0, le=10_000)] | None = None
