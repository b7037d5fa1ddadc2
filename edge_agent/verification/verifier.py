"""The thread that reads labels after printing, so that the station's loop never waits for it.

Matching is left to `judge`, acting to `consequences`, the picture to a camera of its own or to the
station's loop, which offers what its camera shows.
"""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.capture.camera import Camera, objection
from edge_agent.capture.frame import Frame
from edge_agent.capture.mailbox import Mailbox
from edge_agent.printing.records import LabelOrder, Place
from edge_agent.stages import StageTimes
from edge_agent.station.picture_size import beyond_picture
from edge_agent.verification.belt_time import BeltTime
from edge_agent.verification.consequences import Consequences
from edge_agent.verification.judge import Expected, Finding, Read, ScanJudge
from edge_agent.verification.ledger import LabelLedger
from edge_agent.verification.marking import Marking
from edge_agent.verification.reader import Sight, read_labels
from edge_agent.verification.section import VerificationSection

logger = logging.getLogger(__name__)

_IDLE_PERIOD_S = 0.1
_WAITING_CROPS = 2
_MAX_PLACES = 4_096
_ON_ITS_ITEM = ("printed", "applied", "verified")
_ENDING_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class ScanBelt:
    """What the scan must know of the belt.

    Attributes:
        is_live: Whether the station's camera goes on by itself; a recording has a time of its own.
        runs: Whether the belt may run now.
    """

    is_live: bool
    runs: Callable[[], bool]


class Verifier:
    """Reads labels where they pass after printing.

    Args:
        section: Where and when.
        ledger: Whose labels are read; for this thread alone.
        consequences: What follows.
        belt: The belt.
        camera: A camera of its own; None where the loop offers pictures.
        read: Looks at a picture, uint8 [height, width, 3], BGR.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        section: VerificationSection,
        ledger: LabelLedger,
        consequences: Consequences,
        belt: ScanBelt,
        camera: Camera | None,
        *,
        read: Callable[[NDArray[np.uint8]], Sight] = read_labels,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._section, self._ledger, self._acts = section, ledger, consequences
        self._belt, self._read, self._clock = belt, read, clock
        self.camera = camera
        self._crops = Mailbox(_WAITING_CROPS, drops_oldest=belt.is_live)
        self._judge, self._belt_time = ScanJudge(), BeltTime()
        self._orders: deque[LabelOrder] = deque(maxlen=_MAX_PLACES)
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._times = StageTimes()
        self._frames = 0
        self._misfit: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="verification", daemon=True)

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when the scan does not ask for it."""
        return self.blind_reason or self.stop_reason

    @property
    def blind_reason(self) -> str | None:
        """Why labels would pass unread; it ends by itself."""
        if self.camera is not None and (reason := objection(self.camera)) is not None:
            return f"the scan camera: {reason}"
        return self._misfit

    @property
    def stop_reason(self) -> str | None:
        """What a person has to look at first; their word ends it."""
        return self._acts.hold_reason

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each result was found."""
        return self._acts.counts

    @property
    def since(self) -> float:
        """When it last stopped the line or was released, or began: seconds since the epoch."""
        return self._acts.since

    def release(self) -> int:
        """See `Consequences.release`."""
        return self._acts.release()

    def start(self) -> None:
        """Begins to read."""
        if self.camera is not None:
            self.camera.start()
        self._thread.start()

    def expect(self, order: LabelOrder) -> None:
        """A label was ordered for an item; returns at once. For use from any thread."""
        self._orders.append(order)

    def offer(self, frame: Frame) -> None:
        """Takes the scan zone out of a frame of the station's camera; returns at once when live.

        Of a recording no frame may be lost: there it waits for its turn.
        """
        if self.camera is None and (crop := self._zone_of(frame)) is not None:
            self._crops.put(Frame(crop.copy(), frame.index, frame.captured_at))

    def stop(self) -> None:
        """Looks at what was taken, as far as that goes in time, and ends."""
        if self.camera is not None:
            self.camera.stop()
        self._crops.close()
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_ENDING_TIMEOUT_S)

    def tell(self) -> Mapping[str, object]:
        """How the scan stands, for the status file."""
        latest, camera, reason = self._acts.latest, self.camera, self.hold_reason
        return {
            "state": "stopped" if self._acts.hold_reason else "blind" if reason else "ok",
            "reason": reason,
            "counts": self._acts.counts,
            "latest": None if latest is None else {"result": latest[0], "told": latest[1]},
            "frames": self._frames,
            "dropped": self._mailbox.dropped,
            "read_ms": self._times.percentiles_ms().get("scan"),
            "camera": None
            if camera is None
            else {**asdict(camera.health), "source": camera.name, "fps": round(camera.fps, 1)},
        }

    @property
    def _mailbox(self) -> Mailbox:
        return self._crops if self.camera is None else self.camera.mailbox

    def _run(self) -> None:
        while True:
            frame = self._mailbox.take(_IDLE_PERIOD_S)
            if frame is None and self._mailbox.is_exhausted:
                self._stopping.wait(_IDLE_PERIOD_S)
            self._note_belt()
            if frame is not None:
                crop = frame.image_bgr if self.camera is None else self._zone_of(frame)
                if crop is not None:
                    self.look(crop, frame.captured_at)
            self._acts.advance()
            if frame is None and self._stopping.is_set():
                break
        self._finish()

    def look(self, crop_bgr: NDArray[np.uint8], captured_at: float) -> list[Finding]:
        """Reads one picture of the scan zone, uint8 [height, width, 3], BGR, and acts on it."""
        begun = time.perf_counter()
        sight = self._read(crop_bgr)
        self._times.add("scan", time.perf_counter() - begun)
        self._frames += 1
        self._take_orders()
        reads = [read for marking in sight.markings if (read := self._ours(marking)) is not None]
        findings = self._judge.see(
            self._belt_s(captured_at), reads, is_label_like=sight.is_label_like
        )
        for finding in findings:
            place = None if finding.item_id is None else self._places.get(finding.item_id)
            self._acts.act(finding, place)
        return findings

    def _ours(self, marking: Marking) -> Read | None:
        """A label of this station; the goods may carry codes of their own, which are no matter."""
        if (owner := self._judge.owner_of(marking)) is not None:
            return Read(marking, owner)
        known = self._ledger.label_of(marking)
        if known is None:
            return None
        return Read(
            marking,
            known.item_id,
            was_verified=known.label_state == "verified",
            is_on_its_item=known.outcome == "PRINT" and known.label_state in _ON_ITS_ITEM,
        )

    def _take_orders(self) -> None:
        early_s, late_s = self._section.window_s
        while self._orders:
            order = self._orders.popleft()
            if order.place is None:
                continue  # in a person's hands
            at_s = self._belt_s(order.place.captured_at)
            marking = Marking(order.product.gtin14, order.item.serial)
            item_id = order.item.item_id
            self._judge.expect(Expected(item_id, marking, at_s + early_s, at_s + late_s))
            self._places[item_id] = order.place
            while len(self._places) > _MAX_PLACES:
                self._places.popitem(last=False)

    def _note_belt(self) -> None:
        if self._belt.is_live:
            self._belt_time.note(self._clock(), self._belt.runs())

    def _belt_s(self, captured_at: float) -> float:
        return self._belt_time.at(captured_at) if self._belt.is_live else captured_at

    def _zone_of(self, frame: Frame) -> NDArray[np.uint8] | None:
        """The scan zone, a view of the frame; None where it is not all in it."""
        height_px, width_px = frame.image_bgr.shape[:2]
        beyond = beyond_picture(self._section.rect_xyxy_px, width_px, height_px)
        self._misfit = None if beyond is None else f"the scan zone: {beyond}"
        if beyond is not None:
            return None
        left, top, right, bottom = (round(edge) for edge in self._section.rect_xyxy_px)
        return frame.image_bgr[top:bottom, left:right]

    def _finish(self) -> None:
        end = time.monotonic() + _ENDING_TIMEOUT_S / 2
        while not self._acts.is_settled and time.monotonic() < end:
            time.sleep(_IDLE_PERIOD_S / 10)
            self._acts.advance()
        self._ledger.close()
