"""What a simulated station consists of, and what goes wrong at it. Pure.

What happens there is left to `world`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from beltmark.contract.catalogue import Product
from beltmark.simulation.applicator import ApplicatorPlan
from beltmark.simulation.beam import BeamPlan
from beltmark.simulation.belt import BeltLayout
from beltmark.simulation.profile import STEADY, SpeedProfile
from beltmark.simulation.view import View

LIVE_VIEW = View(distance_mm=800.0, pitch_rad=0.14)
"""A well set up camera: almost straight above."""

SCAN_EXIT_MM = 180.0
"""Beyond the scan camera, an item is on the belt for so long: time enough to take it off."""

LabelFault = Literal["lost", "late", "repeated", "smeared"]
"""What goes wrong with a label.

lost: It falls on the floor.
late: The next item gets it, beside its own.
repeated: The printer gives it again, and the next item gets that, beside its own.
smeared: Its ink is wiped.
"""


@dataclass(frozen=True)
class WorldPlan:
    """What to simulate.

    Attributes:
        seed: Start of all chance.
        products: What may come.
        view: The camera; its middle is x = 0.
        speed_px_s: Speed of the belt in the middle of the image.
        applicator_part: Place of the applicator as a part of the image's width.
        foreign_share: Share of foreign objects, 0..1.
        clearance_mm: Least free belt between two items.
        beam: The photo-eye; None where none is fitted.
        invisible: Numbers of the items that the camera does not show.
        applicator: What puts labels onto items when it is told to; None sticks each label on as it
            comes out.
        scan_at_mm: Place of a second camera that reads labels, from the middle of the first; None
            for none.
        label_faults: What goes wrong with the n-th label that comes out, from 1.
        profile: How its speed changes while it may run; it may run backward.
    """

    seed: int
    products: Sequence[Product]
    view: View = LIVE_VIEW
    speed_px_s: float = 120.0
    applicator_part: float = 0.75
    foreign_share: float = 0.12
    clearance_mm: float = 40.0
    beam: BeamPlan | None = None
    invisible: Collection[int] = ()
    applicator: ApplicatorPlan | None = None
    scan_at_mm: float | None = None
    label_faults: Mapping[int, LabelFault] = field(default_factory=dict)
    profile: SpeedProfile = STEADY

    @property
    def layout(self) -> BeltLayout:
        """The places along the belt."""
        half_mm = self.view.width_px / 2 / self.view.px_per_mm
        return BeltLayout(
            speed_mm_s=self.speed_px_s / self.view.px_per_mm,
            entry_mm=-half_mm,
            exit_mm=max(half_mm + 60.0, (self.scan_at_mm or 0.0) + SCAN_EXIT_MM),
            applicator_mm=(2 * self.applicator_part - 1) * half_mm,
            clearance_mm=self.clearance_mm,
        )

    @property
    def transit_s(self) -> float:
        """How long an item is on the belt, about."""
        layout = self.layout
        return (layout.exit_mm - layout.entry_mm + 150.0) / layout.speed_mm_s
