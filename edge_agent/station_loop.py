"""One frame after the other: detect, follow, decide once per item, and let the desk act on it.

Thin: the rules are in `station`, committing and acting in `printing`. Runs on the inference thread
and waits for nothing but the detector.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from beltmark.contract.release import Release
from edge_agent.capture.frame import Frame
from edge_agent.positions import last_seen, last_seen_before_zone, remembered
from edge_agent.printing.reading import Recollection
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.station.expected import Orders
from edge_agent.station.eye_watch import EyeNews
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.items import Decided, Rules, StationUpdate
from edge_agent.station.photo_eye import PhotoEye
from edge_agent.station.picture_size import PictureSize
from edge_agent.station.section import PolicySection
from edge_agent.station.station import Station, StationSettings
from edge_agent.station.tightening import looser, tightened
from edge_agent.station_loop_ports import (
    BeltEncoder,
    CodeReaderPort,
    Desk,
    DetectorPort,
    Evidence,
    Eye,
    EyeRecord,
    Gate,
    LabelLine,
    LoopJournal,
    ReleaseSource,
    ReviewKeeper,
)
from edge_agent.step_report import ItemInZone, StepReport
from edge_agent.views import offer_view, review_view
from edge_agent.vision.outline import outline_px

logger = logging.getLogger(__name__)

_NOTE_PERIOD_S = 0.25


def new_item_id() -> str:
    """Returns an identity that no other item has."""
    return uuid4().hex[:16]


class StationLoop:
    """The loop of one station. For use from one thread, but for `hold_reason` and `release`.

    Args:
        geometry: The station's zone.
        release: What was approved: model, policy, catalogue; what to begin with.
        settings: Times of the station.
        detector: Finds items, with the release's model.
        journal: Where positions are noted.
        desk: Commits outcomes and acts on them.
        labels: The labels on their way.
        recollection: What an earlier run left.
        gate: Spares the detector an empty zone; None has it look at every frame.
        codes: Reads barcodes on the items; None reads none.
        policy: What the station asks beyond its releases.
        orders: What is expected; None where it goes by no order.
        eye: The photo-eye that the settings place; None where none is fitted.
        eye_log: Keeps what it told; None keeps nothing.
        encoder: Counts the belt's way; None takes it from what is seen.
        evidence: Keeps pictures of the items; None keeps none.
        samples: Keeps what a person is shown of reviewed items; None keeps nothing.
        releases: Gives the releases that take over; None stays with the first.
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
        gate: Gate | None = None,
        codes: CodeReaderPort | None = None,
        orders: Orders | None = None,
        policy: PolicySection | None = None,
        eye: Eye | None = None,
        eye_log: EyeRecord | None = None,
        encoder: BeltEncoder | None = None,
        evidence: Evidence | None = None,
        samples: ReviewKeeper | None = None,
        releases: ReleaseSource | None = None,
        clock: Callable[[], float] = time.time,
        item_ids: Callable[[], str] = new_item_id,
    ) -> None:
        self._release, self._detector, self._clock = release, detector, clock
        self._geometry, self._picture = geometry, PictureSize(geometry)
        self._journal, self._desk, self._labels = journal, desk, labels
        self._gate, self._codes = gate, codes
        self._policy = policy or PolicySection()
        self._eye, self._eye_log, self._encoder = eye, eye_log, encoder
        self._evidence, self._samples, self._releases = evidence, samples, releases
        self._station = Station(
            geometry,
            self._rules(release),
            _settings(settings, recollection),
            item_ids,
            remembered=[remembered(item) for item in recollection.last_seen],
            speed_px_s=recollection.belt_speed_px_s,
            orders=orders,
            today=lambda: datetime.fromtimestamp(clock(), UTC).date(),
        )
        self._diverts_to_repeat = recollection.reviewed_lately
        self._noted_at: float | None = None
        self._seen_at: float | None = None

    @property
    def release(self) -> Release:
        """The release that decides now. For use from any thread."""
        return self._release

    @property
    def speed_px_s(self) -> float | None:
        """Speed of the running belt, where it is known. For use from any thread."""
        return self._station.speed_px_s

    @property
    def eye(self) -> PhotoEye | None:
        """What the photo-eye told, to be read; None where none is fitted."""
        return self._station.eye

    @property
    def policy_told(self) -> tuple[str, ...]:
        """What the station asks for less than its release does, and does not get."""
        return tuple(str(found) for found in looser(self._release.policy, self._policy))

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
        self._swap()
        news = None if self._eye is None else self._eye.take()
        looks = self._must_look(frame, news)
        detections = self._detector.detect(frame.image_bgr) if looks else ()
        height_px, width_px = frame.image_bgr.shape[:2]
        self._picture.observe(width_px, height_px)
        update = self._station.observe(
            detections,
            width_px,
            height_px,
            frame.captured_at,
            partial(outline_px, frame.image_bgr),
            read_codes=None if self._codes is None else partial(self._codes.read, frame.image_bgr),
            eye=news,
            way_px=None if self._encoder is None else self._encoder.way_px(frame.captured_at),
        )
        self._act(update)
        self._keep_samples(update, frame)
        self._repeat_diverts()
        for item, index in update.seen:
            offer_view(item, detections[index].box_xyxy_px, frame.image_bgr)
        self._seen_at = frame.captured_at
        self._note_positions(frame.captured_at)
        self._desk.retry()
        self._labels.watch()
        return StepReport(
            frame_index=frame.index,
            captured_at=frame.captured_at,
            was_looked_at=looks,
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

    def _must_look(self, frame: Frame, news: EyeNews | None) -> bool:
        is_told = news is not None and bool(news.edges)
        unseen_s = 0.0 if is_told else self._station.longest_unseen_s
        return self._gate is None or self._gate.must_look(
            frame.image_bgr, frame.captured_at, unseen_s
        )

    def _swap(self) -> None:
        """Lets a release take over that waits for it, if this is a moment between two items."""
        if self._releases is None or not self._station.may_adopt():
            return
        if (ready := self._releases.take_ready()) is None:
            return
        self._station.adopt(self._rules(ready.release))
        self._release, self._detector = ready.release, ready.detector
        logger.info("release %s runs from now on", ready.release.name)
        self._releases.adopted(ready)

    def _rules(self, release: Release) -> Rules:
        for found in looser(release.policy, self._policy):
            logger.warning("release %s: %s; the release's holds", release.name, found)
        policy = tightened(release.policy, self._policy, release.package.manifest.curve)
        return Rules(release.package.manifest, policy, release.catalogue)

    def _act(self, update: StationUpdate) -> None:
        for decided in update.decided:
            self._settle(decided)
        if self._eye_log is not None:
            self._eye_log.note(update.at_eye)
        for item in update.still_here:
            track = item.track
            self._desk.divert_again(item.item_id, Place(track.x_px, track.y_px, track.seen_at))

    def _repeat_diverts(self) -> None:
        """What an earlier run had to divert when it ended may not have reached the gate."""
        for item_id, place in self._diverts_to_repeat:
            self._desk.divert_again(item_id, place)
        self._diverts_to_repeat = ()

    def _settle(self, decided: Decided) -> None:
        decision, release = decided.decision, self._release
        product = decision.product
        logger.info("item %s: %s, %s", decided.item_id, decision.outcome, decision.reason)
        self._desk.settle(
            ItemDecision(
                decided.item_id,
                self._clock(),
                Place(decided.x_px, decided.y_px, decided.seen_at),
                decision,
                release.name,
                release.package.digest,
                layout=release.layouts.get(product.layout) if product is not None else None,
            )
        )
        if self._evidence is not None and decided.best_view is not None:
            self._evidence.keep(decided.item_id, decided.best_view.crop_bgr)

    def _keep_samples(self, update: StationUpdate, frame: Frame) -> None:
        reviewed = [done for done in update.decided if done.decision.outcome == "REVIEW"]
        if self._samples is None or not reviewed:
            return
        boxes_px = {
            item.item_id: item.track.seen_box_px
            for item in self._station.items
            if item.track.seen_at == frame.captured_at
        }
        for done in reviewed:
            box_px = boxes_px.get(done.item_id)
            zone_px = self._geometry.zone_xyxy_px
            self._samples.keep(review_view(done, box_px, frame, zone_px, self._release))

    def _note_positions(self, at: float) -> None:
        """Notes positions now and then; not before it is clear what the last notes meant."""
        is_due = self._noted_at is None or not 0 <= at - self._noted_at < _NOTE_PERIOD_S
        if not (is_due and self._station.has_settled):
            return
        self._noted_at = at
        self._journal.note_positions(
            [
                *map(last_seen, self._station.items),
                *map(last_seen_before_zone, self._station.before_zone),
            ],
            self._station.speed_px_s,
        )


def _settings(settings: StationSettings, recollection: Recollection) -> StationSettings:
    if not recollection.has_rebooted:
        return settings
    # The belt may have run for long after the last note that was not lost: that it stood soon
    # after the agent's end says nothing of how far the items have come since.
    return replace(settings, permit_timeout_s=None)
