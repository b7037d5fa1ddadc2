"""Frames of a video file, and pictures of a folder: in their order, beginning anywhere.

What is kept of them is left to `from_files`.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.files import IMAGE_SUFFIXES, DatasetFiles, is_image
from beltmark.datasets.images import MAX_IMAGE_BYTES, decode_upright
from labeling.collecting.record import MAX_NAMES

_USUAL_FPS: Final = 25.0
_MAX_FPS: Final = 1_000


@dataclass(frozen=True, eq=False)
class Look:
    """A frame, or a file.

    Attributes:
        name: Of the file, or the frame's number.
        image_bgr: uint8 [H, W, 3]; None if it cannot be read.
        sha256: Digest of a file.
    """

    name: str
    image_bgr: NDArray[np.uint8] | None
    sha256: str | None = None


class Video:
    """A video file.

    Args:
        path: Where it lies.
        every_s: One frame is looked at in so many seconds; 0 looks at each.

    Raises:
        InputError: It cannot be read as a video.
    """

    def __init__(self, path: Path, every_s: float) -> None:
        self._path = path
        capture = self._open()
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        count = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        is_readable = bool(capture.grab())
        capture.release()
        if not is_readable:
            raise self._unreadable("holds no frame that can be read")
        self.frames = int(count) if 0 < count < 1e9 else 0
        self._step = max(1, round(every_s * (fps if 0 < fps <= _MAX_FPS else _USUAL_FPS)))

    def looks(self, after: int) -> Iterator[tuple[int, Look | None]]:
        """Returns all frames, with how many were passed after each; None for those between.

        Args:
            after: So many frames were passed already.
        """
        capture = self._open()
        try:
            number = 0
            while capture.grab():
                is_due = number % self._step == 0 and number >= after
                number += 1
                look = None
                if is_due:
                    done, image = capture.retrieve()
                    look = Look(f"{number - 1}", np.asarray(image, np.uint8) if done else None)
                if number > after:
                    yield number, look
        finally:
            capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise self._unreadable("cannot be read as a video")
        return capture

    def _unreadable(self, problem: str) -> InputError:
        return InputError(problem, "copy it anew, or convert it to MP4 (H.264)", file=self._path)


class Pictures:
    """The pictures of a folder and of those in it, by their names.

    Args:
        folder: Where they lie.

    Raises:
        InputError: There is none, or there are too many.

    Attributes:
        names: Of the pictures.
        others: Files that are none, as far as their names tell.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        names = list(DatasetFiles(folder).below())
        self.names = [name for name in names if is_image(name)]
        self.others = len(names) - len(self.names)
        if not self.names:
            known = ", ".join(sorted(IMAGE_SUFFIXES))
            raise InputError("holds no picture", f"save them as one of {known}", file=folder)
        if len(self.names) > MAX_NAMES:
            raise InputError(f"holds more than {MAX_NAMES} pictures", "part them", file=folder)

    def looks(self, without: Collection[str]) -> Iterator[Look]:
        """Returns the pictures, turned upright, but for those of some names."""
        for name in self.names:
            if name not in without:
                try:
                    content = read_bytes(self._folder / name, limit=MAX_IMAGE_BYTES)
                except InputError:  # too large, or not for us to read
                    yield Look(name, None)
                else:
                    yield Look(name, decode_upright(content), sha256_of(content))
