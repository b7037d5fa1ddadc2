"""What the station's loop needs of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.release import Release
from edge_agent.printing.committing import JournalHealth
from edge_agent.printing.records import ItemDecision, LastSeen, Place
from edge_agent.station.codes import ItemCode
from edge_agent.station.detected import Detected
from edge_agent.station.eye_watch import EyeNews
from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.station.items import EyePass
from edge_agent.station.review import ReviewView


class DetectorPort(Protocol):
    """Finds items."""

    def detect(self, image_bgr: NDArray[np.uint8]) -> Sequence[Detected]:
        """Returns what it finds in an image (uint8 [height, width, 3], BGR)."""
        ...


class Gate(Protocol):
    """Spares the detector frames of an empty zone."""

    def must_look(self, image_bgr: NDArray[np.uint8], at: float, longest_s: float) -> bool:
        """See `MotionGate.must_look`."""
        ...


class CodeReaderPort(Protocol):
    """Reads barcodes."""

    def read(self, image_bgr: NDArray[np.uint8], box_xyxy_px: BoxXyxyPx) -> Sequence[ItemCode]:
        """Returns what it finds in a box of an image (uint8 [height, width, 3], BGR)."""
        ...


class Eye(Protocol):
    """The photo-eye, where one is fitted."""

    def take(self) -> EyeNews:
        """Returns what it told since it was asked last."""
        ...


class BeltEncoder(Protocol):
    """Counts the belt's way."""

    def way_px(self, at: float) -> float | None:
        """See `Encoder.way_px`."""
        ...


class EyeRecord(Protocol):
    """Keeps what the photo-eye told."""

    def note(self, passes: Sequence[EyePass]) -> None:
        """See `EyeLog.note`."""
        ...


class LoopJournal(Protocol):
    """Where positions are noted."""

    @property
    def health(self) -> JournalHealth:
        """See `Journal.health`."""
        ...

    def note_positions(self, items: Sequence[LastSeen], speed_px_s: float | None) -> None:
        """See `Journal.note_positions`."""
        ...


class LabelLine(Protocol):
    """The labels on their way."""

    @property
    def hold_reason(self) -> str | None:
        """See `Spooler.hold_reason`."""
        ...

    def watch(self) -> None:
        """See `Spooler.watch`."""
        ...


class Desk(Protocol):
    """Commits outcomes and acts on them."""

    @property
    def backlog(self) -> int:
        """See `OutcomeDesk.backlog`."""
        ...

    def settle(self, decision: ItemDecision) -> None:
        """See `OutcomeDesk.settle`."""
        ...

    def divert_again(self, item_id: str, place: Place) -> None:
        """See `OutcomeDesk.divert_again`."""
        ...

    def retry(self) -> None:
        """See `OutcomeDesk.retry`."""
        ...


class Evidence(Protocol):
    """Keeps pictures of items."""

    def keep(self, item_id: str, crop_bgr: NDArray[np.uint8]) -> None:
        """See `EvidenceFolder.keep`."""
        ...


class ReviewKeeper(Protocol):
    """Keeps what a person is to look at."""

    def keep(self, view: ReviewView) -> None:
        """Takes what is shown of an item that goes to a person; returns at once."""
        ...


@dataclass(frozen=True, eq=False)
class ReadyRelease:
    """A release that was accepted on this device and waits for a moment between two items.

    Attributes:
        desired_version: The desired state that asked for it.
        release: The release.
        detector: Its model, loaded.
    """

    desired_version: int
    release: Release
    detector: DetectorPort


class ReleaseSource(Protocol):
    """Where releases come from that are to take over."""

    def take_ready(self) -> ReadyRelease | None:
        """Gives the release that waits, if any; who takes it makes it run."""
        ...

    def adopted(self, ready: ReadyRelease) -> None:
        """Takes notice that it runs from now on; returns at once."""
        ...
