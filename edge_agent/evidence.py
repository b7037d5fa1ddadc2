"""Keeps a picture of each decided item, in a folder that never grows beyond its bound; shows it.

Pictures help people, decisions do not need them: when the disk does not keep up they are skipped.
"""

import contextlib
import errno
import logging
import queue
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_QUEUE_SIZE = 32
_ENDING_TIMEOUT_S = 5.0
_JPEG_QUALITY = 90
_LEFT_FREE_BYTES = 32 * 1024 * 1024
_DROPPED_AT_ONCE = 8


class EvidenceFolder:
    """A folder of `ITEM.jpg`, written by a thread of its own; the oldest make room for new ones.

    Args:
        folder: The folder; made where it is missing.
        max_pictures: So many are kept.
        show: Given each item's picture as JPEG, on the folder's thread; must not wait.
    """

    def __init__(
        self,
        folder: Path,
        max_pictures: int = 2_000,
        show: Callable[[str, bytes], None] = lambda *_: None,
    ) -> None:
        self._folder, self._max_pictures, self._show = folder, max_pictures, show
        folder.mkdir(parents=True, exist_ok=True)
        self._kept = sorted(folder.glob("*.jpg"), key=lambda path: path.stat().st_mtime)
        self._queue: queue.Queue[tuple[str, NDArray[np.uint8]] | None] = queue.Queue(_QUEUE_SIZE)
        self._fails = False
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)
        self._thread.start()

    def keep(self, item_id: str, crop_bgr: NDArray[np.uint8]) -> None:
        """Takes a picture (uint8 [height, width, 3], BGR) of an item; returns at once."""
        try:
            self._queue.put_nowait((item_id, crop_bgr))
        except queue.Full:
            logger.debug("no time to keep the picture of item %s", item_id)

    def close(self) -> None:
        """Writes what was taken, as far as the disk takes it in time."""
        with contextlib.suppress(queue.Full):  # a disk that hangs must not hold up the end
            self._queue.put(None, timeout=_ENDING_TIMEOUT_S)
            self._thread.join(_ENDING_TIMEOUT_S)

    def _run(self) -> None:
        while (taken := self._queue.get()) is not None:
            item_id, crop_bgr = taken
            try:
                jpeg = _encoded(crop_bgr)
                self._show_it(item_id, jpeg)  # whether or not the disk takes it
                self._write(self._folder / f"{item_id}.jpg", jpeg)
            except (OSError, ValueError, cv2.error) as error:
                if not self._fails:
                    told = error.strerror if isinstance(error, OSError) else error
                    logger.warning("pictures of items cannot be kept: %s", told)
                self._fails = True
            else:
                self._fails = False

    def _show_it(self, item_id: str, jpeg: bytes) -> None:
        try:
            self._show(item_id, jpeg)
        except Exception:
            # The last resort: no decision needs a picture to be shown.
            logger.exception("the picture of item %s cannot be shown", item_id)

    def _write(self, path: Path, jpeg: bytes) -> None:
        while len(self._kept) >= self._max_pictures:
            self._kept.pop(0).unlink(missing_ok=True)
        if shutil.disk_usage(self._folder).free < _LEFT_FREE_BYTES:
            # The disk is the journal's: pictures go first.
            for oldest in self._kept[:_DROPPED_AT_ONCE]:
                oldest.unlink(missing_ok=True)
            del self._kept[:_DROPPED_AT_ONCE]
            raise OSError(errno.ENOSPC, "the disk is nearly full")
        path.write_bytes(jpeg)
        self._kept.append(path)


def _encoded(crop_bgr: NDArray[np.uint8]) -> bytes:
    """Encodes a picture (uint8 [height, width, 3], BGR) as JPEG.

    Raises:
        cv2.error, ValueError: It is none that can be.
    """
    is_encoded, jpeg = cv2.imencode(".jpg", crop_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not is_encoded:
        raise ValueError(f"no JPEG from an image of shape {crop_bgr.shape}")
    return bytes(jpeg.tobytes())
