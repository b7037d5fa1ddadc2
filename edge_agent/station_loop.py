"""One frame after the other: detect, follow, decide once per item, and let the desk act on it.

Thin: the rules are in `station`, committing and acting in `printing`. Runs on the inference thread
and waits for nothing but the detector.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.messages import Outcome
from beltmark.contract.release import Release
from edge_agent.capture.frame import Frame
from edge_agent.printing.journal import JournalHealth
from edge_agent.printing.reading import Recollection
from edge_agent.printing.records import ItemDecision, LastSeen, Place
from edge_agent.station.decision import Decision
from edge_agent.station.detected import Detected
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.items import Decided, Item, StationUpdate
from edge_agent.station.picture_size import PictureSize
from edge_agent.station.recovery import Remembered
from edge_agent.station.sighting import BestView
from edge_agent.station.station import Rules, Station, StationSettings

logger = logging.getLogger(__name__)

_NOTE_PERIOD_S = 0.25
# A view with less than this share of the best one's area is not worth measuring.
_AREA_WORTH_SHARE = 0.7


class DetectorPort(Protocol):
    """Finds items."""

    def detect(self, image_bgr: NDArray[np.uint8]) -> Sequence[Detected]:
        """Returns what it finds in an image (uint8 [height, width, 3], BGR)."""
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


@dataclass(frozen=True)
class ItemInZone:
    """An item in the zone, as it is shown.

    Attributes:
        item_id: Its identity.
        box_xyxy_px: Where it was last seen.
        outcome: Its outcome, once decided.
    """

    item_id: str
    box_xyxy_px: BoxXyxyPx
    outcome: Outcome | None


@dataclass(frozen=True)
class StepReport:
    """What one frame brought.

    Attributes:
        frame_index: Index of the frame.
        captured_at: Its time.
        detections: How many boxes the detector found.
        items: The items in the zone.
        decided: Items decided by this frame, with their decisions.
        speed_px_s: Speed of the running belt, where it is known.
    """

    frame_index: int
    captured_at: float
    detections: int
    items: tuple[ItemInZone, ...]
    decided: tuple[tuple[str, Decision], ...]
    speed_px_s: float | None


def new_item_id() -> str:
    """Returns an identity that no other item has."""
    return uuid4().hex[:16]


class StationLoop:
    """The loop of one station. For use from one thread, but for `hold_reason`.

    Args:
        geometry: The station's zone.
        release: What was approved: model, policy, catalogue.
        settings: Times of the station.
        detector: Finds items.
        journal: Where positions are noted.
        desk: Commits outcomes and acts on them.
        labels: The labels on their way.
        recollection: What an earlier run left.
        evidence: Keeps pictures of the items; None keeps none.
        clock: Seconds since the epoch.
        item_ids: Gives a new identity at each call.
    """

    def __init__(
        self,
        *,
        geometry: StationGeometry,
        release: Release,
        settings: StationSettings,
        detector: DetectorPort,
        journal: LoopJournal,
        desk: Desk,
        labels: LabelLine,
        recollection: Recollection,
        evidence: Evidence | None = None,
        clock: Callable[[], float] = time.time,
        item_ids: Callable[[], str] = new_item_id,
    ) -> None:
        self._release, self._detector, self._clock = release, detector, clock
        self._picture = PictureSize(geometry)
        self._journal, self._desk, self._labels, self._evidence = journal, desk, labels, evidence
        self._station = Station(
            geometry,
            Rules(release.package.manifest, release.policy, release.catalogue),
            settings,
            item_ids,
            remembered=[_remembered(item) for item in recollection.last_seen],
            speed_px_s=recollection.belt_speed_px_s,
        )
        self._diverts_to_repeat = recollection.reviewed_lately
        self._noted_at: float | None = None
        self._seen_at: float | None = None

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when it may run. For use from any thread."""
        if not self._station.has_settled:
            return "what is in the zone is being looked at"
        if (problem := self._journal.health.problem) is not None:
            return f"the journal cannot be written: {problem}"
        if self._desk.backlog:
            return "decisions wait to be written"
        return self._picture.problem or self._labels.hold_reason

    def step(self, frame: Frame) -> StepReport:
        """Takes one frame through the station; acts on nothing that is not committed."""
        detections = self._detector.detect(frame.image_bgr)
        height_px, width_px = frame.image_bgr.shape[:2]
        self._picture.observe(width_px, height_px)
        update = self._station.observe(detections, width_px, height_px, frame.captured_at)
        self._act(update)
        self._repeat_diverts()
        for item, index in update.seen:
            _offer_view(item, detections[index].box_xyxy_px, frame.image_bgr)
        self._seen_at = frame.captured_at
        self._note_positions(frame.captured_at)
        self._desk.retry()
        self._labels.watch()
        return StepReport(
            frame_index=frame.index,
            captured_at=frame.captured_at,
            detections=len(detections),
            items=tuple(
                ItemInZone(item.item_id, item.track.seen_box_px, item.outcome)
                for item in self._station.items
            ),
            decided=tuple((done.item_id, done.decision) for done in update.decided),
            speed_px_s=self._station.speed_px_s,
        )

    def finish(self) -> None:
        """Ends: items without a decision go to a person. The desk and spooler are still needed."""
        if self._seen_at is not None:
            self._act(self._station.finish(self._seen_at))

    def _act(self, update: StationUpdate) -> None:
        for decided in update.decided:
            self._settle(decided)
        for item in update.still_here:
            track = item.track
            self._desk.divert_again(item.item_id, Place(track.x_px, track.y_px, track.seen_at))

    def _repeat_diverts(self) -> None:
        """What an earlier run had to divert when it ended may not have reached the gate."""
        for item_id, place in self._diverts_to_repeat:
            self._desk.divert_again(item_id, place)
        self._diverts_to_repeat = ()

    def _settle(self, decided: Decided) -> None:
        decision = decided.decision
        logger.info("item %s: %s, %s", decided.item_id, decision.outcome, decision.reason)
        self._desk.settle(
            ItemDecision(
                decided.item_id,
                self._clock(),
                Place(decided.x_px, decided.y_px, decided.seen_at),
                decision,
                self._release.name,
                self._release.package.digest,
            )
        )
        if self._evidence is not None and decided.best_view is not None:
            self._evidence.keep(decided.item_id, decided.best_view.crop_bgr)

    def _note_positions(self, at: float) -> None:
        """Notes positions now and then; not before it is clear what the last notes meant."""
        is_due = self._noted_at is None or not 0 <= at - self._noted_at < _NOTE_PERIOD_S
        if not (is_due and self._station.has_settled):
            return
        self._noted_at = at
        self._journal.note_positions(
            [_last_seen(item, self._station.class_name(item)) for item in self._station.items],
            self._station.speed_px_s,
        )


def _remembered(item: LastSeen) -> Remembered:
    place = item.place
    return Remembered(
        item.item_id,
        place.x_px,
        place.y_px,
        item.size_px,
        item.class_name,
        place.captured_at,
        item.outcome,
    )


def _last_seen(item: Item, class_name: str | None) -> LastSeen:
    track = item.track
    place = Place(track.x_px, track.y_px, track.seen_at)
    return LastSeen(item.item_id, place, track.size_px, class_name, item.outcome)


def _offer_view(item: Item, box_xyxy_px: BoxXyxyPx, image_bgr: NDArray[np.uint8]) -> None:
    """Offers the item's view in an image (uint8 [height, width, 3], BGR) as the one to keep."""
    if item.outcome is not None:
        return
    left, top, right, bottom = (max(0, round(edge)) for edge in box_xyxy_px)
    crop = image_bgr[top:bottom, left:right]
    best = item.sighting.best_view
    if crop.size == 0 or (best is not None and crop.size < _AREA_WORTH_SHARE * best.crop_bgr.size):
        return
    sharpness = float(cv2.Laplacian(crop, cv2.CV_16S).std())
    quality = crop.size * sharpness
    if best is None or quality > best.quality:
        item.sighting.offer_view(BestView(crop.copy(), box_xyxy_px, quality))
