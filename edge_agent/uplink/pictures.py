"""Shows the server how items and their labels look: as well as it goes, the latest first.

Pictures help people, nothing depends on them: they wait in memory, few of them, and what does not
get away is forgotten.
"""

import logging
import re
import threading
from collections import OrderedDict
from typing import Final

from beltmark.contract.sample import MAX_PICTURE_BYTES, PictureKind
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.sample_upload import FleetDoor

logger = logging.getLogger(__name__)

MAX_PICTURES: Final = 64
MAX_BYTES: Final = 8 * 1024 * 1024
_FIRST_PAUSE_S: Final = 1.0
_MAX_PAUSE_S: Final = 60.0
_ITEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
_MEDIA: Final[dict[PictureKind, str]] = {"crop": "image/jpeg", "label": "image/png"}


class PictureUploader:
    """Sends pictures of items. `offer` is for any thread.

    Args:
        door: Where they are sent.
        device: Whose they are.
        max_pictures: So many wait; the oldest make room.
        max_bytes: Memory that they may take.
        backoff: How long to wait after a failure; None: as usual.
    """

    def __init__(
        self,
        door: FleetDoor,
        device: str,
        max_pictures: int = MAX_PICTURES,
        max_bytes: int = MAX_BYTES,
        backoff: Backoff | None = None,
    ) -> None:
        self._door, self._base = door, f"/api/v1/devices/{device}/items"
        self._max_pictures, self._max_bytes = max_pictures, max_bytes
        self._backoff = backoff or Backoff(_FIRST_PAUSE_S, _MAX_PAUSE_S)
        self._lock = threading.Lock()
        self._waiting: OrderedDict[tuple[str, PictureKind], bytes] = OrderedDict()
        self._size = 0
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)

    @property
    def waiting(self) -> int:
        """How many are not sent."""
        with self._lock:
            return len(self._waiting)

    def offer(self, item_id: str, kind: PictureKind, content: bytes) -> None:
        """Takes an item's picture (crop: JPEG, label: PNG); returns at once."""
        if not _ITEM.fullmatch(item_id) or not 0 < len(content) <= MAX_PICTURE_BYTES:
            logger.debug("picture of item %r cannot be sent", item_id)
            return
        with self._lock:
            self._forget((item_id, kind))
            self._waiting[item_id, kind] = content
            self._size += len(content)
            self._make_room()
        self._wake.set()

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; what was not sent is forgotten."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def send_next(self) -> bool | None:
        """Sends the latest picture; returns whether it got away, None where there was none."""
        with self._lock:
            if not self._waiting:
                return None
            key = next(reversed(self._waiting))
            content = self._waiting[key]
        item_id, kind = key
        answer = self._door.send("PUT", f"{self._base}/{item_id}/{kind}", content, _MEDIA[kind])
        if answer.fate == "later":
            return False
        with self._lock:
            if self._waiting.get(key) is content:  # and not a newer one
                self._forget(key)
        self._backoff.reset()
        return True

    def _forget(self, key: tuple[str, PictureKind]) -> None:
        self._size -= len(self._waiting.pop(key, b""))

    def _make_room(self) -> None:
        while len(self._waiting) > self._max_pictures or self._size > self._max_bytes:
            self._forget(next(iter(self._waiting)))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                is_sent = self.send_next()
            except Exception:
                # The last resort: a station does not end because its pictures cannot be sent.
                logger.exception("pictures: unexpected problem")
                is_sent = False
            if is_sent is None:
                self._wake.wait()
                self._wake.clear()
            elif not is_sent:
                self._stopping.wait(self._backoff.next_s())
