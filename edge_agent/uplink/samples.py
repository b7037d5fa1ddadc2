"""Keeps what people are to look at in a folder, until the server has it: bounded, and durable.

One file a sample, whole or not at all: the upload as it will be sent. Sending is left to
`sample_upload`.
"""

import base64
import contextlib
import logging
import queue
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from beltmark.contract.documents import write_bytes
from beltmark.contract.sample import MAX_PICTURE_BYTES, Candidate, Sample, SampleUpload
from beltmark.contract.wire import encode
from edge_agent.station.review import ReviewView
from edge_agent.uplink.wording import told, word

logger = logging.getLogger(__name__)

MAX_SAMPLES: Final = 500
MAX_BYTES: Final = 256 * 1024 * 1024
_QUEUE_SIZE: Final = 8
_ENDING_TIMEOUT_S: Final = 5.0
_QUALITIES: Final = (92, 80, 60, 40)
_NAME: Final = re.compile(r"(\d{12})-[A-Za-z0-9._\-]{1,64}\.json")
_EDGE_PX: Final = 100_000.0


@dataclass(frozen=True)
class KeptSample:
    """A sample in the folder.

    Attributes:
        path: Its file.
        size_bytes: Length of the file.
    """

    path: Path
    size_bytes: int


class SampleFolder:
    """The samples of one station that the server does not have yet. For use from any thread.

    A thread of its own writes; the oldest make room for new ones, those of an earlier run as well.

    Args:
        folder: Where they lie.
        max_samples: So many are kept.
        max_bytes: Disk that they may take.
        on_kept: Called after a sample was kept, on the folder's thread.

    Attributes:
        dropped: Samples that were lost: to make room, for want of time, or to a full disk.
        problem: Why the latest one could not be kept; None when it could.
    """

    def __init__(
        self,
        folder: Path,
        max_samples: int = MAX_SAMPLES,
        max_bytes: int = MAX_BYTES,
        on_kept: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder, self._max_samples, self._max_bytes = folder, max_samples, max_bytes
        self.on_kept = on_kept
        self.dropped = 0
        self.problem: str | None = None
        self._lock = threading.Lock()
        self._kept = deque(_found(folder))
        self._next = 1 + max((int(kept.path.name[:12]) for kept in self._kept), default=0)
        self._queue: queue.Queue[ReviewView | None] = queue.Queue(_QUEUE_SIZE)
        self._thread = threading.Thread(target=self._run, name="samples", daemon=True)

    @property
    def waiting(self) -> int:
        """How many the server does not have."""
        with self._lock:
            return len(self._kept)

    def keep(self, view: ReviewView) -> None:
        """Takes what is shown of an item that goes to a person; returns at once."""
        try:
            self._queue.put_nowait(view)
        except queue.Full:
            self.dropped += 1

    def oldest(self) -> KeptSample | None:
        """The one that is to be sent next."""
        with self._lock:
            return self._kept[0] if self._kept else None

    def remove(self, sample: KeptSample) -> None:
        """The server has it, or will never take it."""
        with self._lock:
            if sample in self._kept:
                self._kept.remove(sample)
        sample.path.unlink(missing_ok=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def stop(self) -> None:
        """Writes what was taken."""
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):  # a disk that hangs is not waited for
                self._queue.put(None, timeout=_ENDING_TIMEOUT_S)
            self._thread.join(timeout=_ENDING_TIMEOUT_S)

    def _run(self) -> None:
        while (view := self._queue.get()) is not None:
            try:
                self._write(view)
            except (cv2.error, ValidationError) as error:
                self.dropped += 1
                logger.error("item %s cannot become a sample: %s", view.item_id, error)
            except OSError as error:
                self.dropped += 1
                if self.problem is None:
                    logger.warning("samples cannot be kept: %s", error)
                self.problem = f"samples cannot be kept: {error}"
            else:
                self.problem = None
                self.on_kept()

    def _write(self, view: ReviewView) -> None:
        content = encode(sample_upload(view))
        self._make_room(len(content))
        sample_id = view.item_id
        path = self._folder / f"{self._next:012d}-{sample_id}.json"
        self._next += 1
        write_bytes(path, content)
        with self._lock:
            self._kept.append(KeptSample(path, len(content)))

    def _make_room(self, size_bytes: int) -> None:
        while True:
            with self._lock:
                used = sum(kept.size_bytes for kept in self._kept)
                has_room = len(self._kept) < self._max_samples
                if not self._kept or (has_room and used + size_bytes <= self._max_bytes):
                    return
                oldest = self._kept.popleft()
            oldest.path.unlink(missing_ok=True)
            self.dropped += 1


def sample_upload(view: ReviewView) -> SampleUpload:
    """Makes an upload of a view; its picture is encoded here, and says nothing but itself.

    Raises:
        cv2.error: The zone is empty.
        OSError: The picture stays too large.
        ValidationError: Something of it cannot be sent.
    """
    decision = view.decision
    height_px, width_px = view.zone_bgr.shape[:2]
    candidates: tuple[Candidate, ...] = ()
    if decision.class_name is not None and decision.probability is not None:
        candidates = (
            Candidate(class_name=word(decision.class_name), probability=decision.probability),
        )
    sample = Sample(
        sample_id=view.item_id,  # an item is reviewed once, and then it is the same sample
        item_id=view.item_id,
        captured_at=view.captured_at,
        outcome=decision.outcome,
        reason=told(decision.reason),
        width_px=width_px,
        height_px=height_px,
        box_xyxy_px=None if view.box_xyxy_px is None else _bounded(view.box_xyxy_px),
        candidates=candidates,
        release=word(view.release),
        package_sha256=word(view.package_sha256),
    )
    return SampleUpload(sample=sample, jpeg=base64.b64encode(_jpeg(view.zone_bgr)))


def _jpeg(image_bgr: NDArray[np.uint8]) -> bytes:
    """Encodes an image (uint8 [height, width, 3], BGR), as well as it fits."""
    for quality in _QUALITIES:
        is_encoded, jpeg = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if is_encoded and jpeg.size <= MAX_PICTURE_BYTES:
            return bytes(jpeg.tobytes())
    raise OSError(f"the zone has more than {MAX_PICTURE_BYTES} bytes as a JPEG")


def _bounded(box_xyxy_px: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (min(max(float(edge), -_EDGE_PX), _EDGE_PX) for edge in box_xyxy_px)
    return left, top, right, bottom


def _found(folder: Path) -> list[KeptSample]:
    """What an earlier run left, oldest first; what it did not write to its end is removed."""
    found: list[KeptSample] = []
    try:
        for path in sorted(folder.iterdir()):
            if _NAME.fullmatch(path.name):
                found.append(KeptSample(path, path.stat().st_size))
            elif _NAME.match(path.name.removeprefix(".")):
                path.unlink(missing_ok=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        logger.warning("%s: %s", folder, error.strerror)
    return found
