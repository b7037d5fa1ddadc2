"""Recordings: a video file or a folder of pictures, read to the end without losing a frame."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from edge_agent.capture.decoding import decode_picture
from edge_agent.capture.frame import Frame
from edge_agent.capture.health import CameraHealth, PictureHealth, Signal
from edge_agent.capture.mailbox import Mailbox

logger = logging.getLogger(__name__)

PICTURE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
DEFAULT_FPS = 10.0
_MAX_PICTURE_BYTES = 64 * 1024 * 1024


class Recording(Protocol):
    """Something that can be read from its beginning again and again."""

    @property
    def fps(self) -> float:
        """Frames a second."""
        ...

    def images(self) -> Iterator[NDArray[np.uint8] | None]:
        """One pass: uint8 [height, width, 3], BGR; None stands for a frame that is unreadable."""
        ...


class VideoFile:
    """A video file.

    Args:
        path: Where it is.
        fps: Frames a second; None takes what the file says.

    Raises:
        InputError: It cannot be read as a video.
    """

    def __init__(self, path: Path, fps: float | None) -> None:
        self._path = path
        capture = self._open()
        said = float(capture.get(cv2.CAP_PROP_FPS))
        is_readable = bool(capture.read()[0])
        capture.release()
        if not is_readable:
            raise self._unreadable("holds no frame that can be read")
        self.fps = fps or (said if 0 < said <= 1_000 else DEFAULT_FPS)

    def images(self) -> Iterator[NDArray[np.uint8] | None]:
        """One pass over its frames; says so when it ends before its end."""
        capture = self._open()
        promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        count = 0
        try:
            while True:
                ok, image = capture.read()
                if not ok:
                    break
                count += 1
                yield np.asarray(image, np.uint8)
        finally:
            capture.release()
        if count < promised:
            told = f"ends after {count} of {promised} frames: it is damaged or cut off"
            logger.warning("video %s: %s", self._path, told)

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise self._unreadable("cannot be read as a video")
        return capture

    def _unreadable(self, problem: str) -> InputError:
        return InputError(
            problem,
            "copy it anew, or convert it to MP4 (H.264)",
            file=self._path,
            field="camera.source",
        )


class FrameFolder:
    """A folder of pictures, in the order of their names.

    Args:
        path: Where it is.
        fps: Pictures a second.

    Raises:
        InputError: There is no picture in it that can be read.
    """

    def __init__(self, path: Path, fps: float | None) -> None:
        self.fps = fps or DEFAULT_FPS
        self._paths = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
        if not any(_read_picture(p) is not None for p in self._paths):
            raise InputError(
                f"none of its {len(self._paths)} pictures can be read"
                if self._paths
                else "holds no pictures",
                f"put pictures there ({', '.join(PICTURE_SUFFIXES)})",
                file=path,
                field="camera.source",
            )

    def images(self) -> Iterator[NDArray[np.uint8] | None]:
        """One pass over its pictures."""
        for path in self._paths:
            image = _read_picture(path)
            if image is None:
                logger.warning("picture %s: cannot be read, passed over", path)
            yield image


def _read_picture(path: Path) -> NDArray[np.uint8] | None:
    """Reads uint8 [height, width, 3], BGR; None where that fails."""
    try:
        return decode_picture(read_bytes(path, limit=_MAX_PICTURE_BYTES))
    except InputError:
        return None


class RecordedCamera:
    """Plays a recording; whoever takes the frames sets the pace.

    Args:
        name: What it is called.
        recording: What to play.
        loop: Whether to begin again at the end, for ever.
        clock: Seconds since the epoch; the first frame is of now, others follow by `fps`.

    Attributes:
        on_change: Called after each change of health, on the camera's thread.
    """

    is_live = False

    def __init__(
        self,
        name: str,
        recording: Recording,
        *,
        loop: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.mailbox = Mailbox(2, drops_oldest=False)
        self.fps = recording.fps
        self.frames = 0
        self.unreadable = 0
        self._recording, self._loop = recording, loop
        self.on_change: Callable[[], None] = lambda: None
        self._clock = clock
        self._stopping = threading.Event()
        self.health = CameraHealth("starting", clock())
        self.picture = PictureHealth(None, clock())
        self._thread = threading.Thread(target=self._play, name="camera", daemon=True)

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def stop(self) -> None:
        """Ends, wherever the recording is."""
        self._stopping.set()
        self.mailbox.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _play(self) -> None:
        started_at, index = self._clock(), 0
        try:
            while not self._stopping.is_set():
                before = self.frames
                for image in self._recording.images():
                    if self._stopping.is_set():
                        return
                    captured_at = started_at + index / self.fps
                    if image is None:
                        self.unreadable += 1
                    else:
                        self.frames += 1
                        self._signal("frame")
                        self.mailbox.put(Frame(image, index, captured_at))
                    index += 1
                if not self._loop or self.frames == before:
                    return
        except InputError as error:  # it was readable at the start, and went away
            logger.error("%s", error)
        finally:
            self._signal("ended", f"{self.frames} frames read, {self.unreadable} unreadable")
            self.mailbox.close()

    def _signal(self, signal: Signal, reason: str = "") -> None:
        before = self.health
        self.health = before.after(signal, self._clock(), reason)
        if self.health.state != before.state:
            logger.info("camera %s: %s", self.name, reason or self.health.state)
            self.on_change()
