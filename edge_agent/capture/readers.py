"""Reads live cameras: one connection, one frame at a time.

Connecting anew and noticing silence are left to `live`.
"""

import os
import time

import cv2
import numpy as np

from edge_agent.capture.mjpeg import MjpegReader, NoMjpeg
from edge_agent.capture.opening import SourceAddress
from edge_agent.capture.shot import Shot, SourceBroken

OPEN_TIMEOUT_S = 4.0


def silence_drivers() -> None:
    """Keeps OpenCV and FFmpeg from writing to the terminal: a camera's state tells it, once."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.setLogLevel(0)


def open_reader(source: SourceAddress, read_timeout_s: float) -> "OpenCvReader | MjpegReader":
    """Connects to a live camera.

    Args:
        source: Where it is.
        read_timeout_s: How long a stream may take over one frame.

    Raises:
        SourceBroken: It cannot be opened.
    """
    if source.kind == "stream" and source.text.lower().startswith("http"):
        try:
            return MjpegReader(source.text, read_timeout_s)
        except NoMjpeg:
            pass  # another kind of stream, perhaps HLS: FFmpeg knows many
    return OpenCvReader(source, read_timeout_s)


class OpenCvReader:
    """A V4L2 device, or an RTSP (over TCP) or HTTP stream.

    Args:
        source: Where it is.
        read_timeout_s: How long a stream may take over one frame.

    Raises:
        SourceBroken: It cannot be opened.
    """

    def __init__(self, source: SourceAddress, read_timeout_s: float) -> None:
        if source.kind == "device":
            if not os.path.exists(source.text):
                raise SourceBroken("there is no such device")
            self._capture = cv2.VideoCapture(source.text, cv2.CAP_V4L2)
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        else:
            # One thread: FFmpeg's frame threads would hold frames back.
            self._capture = cv2.VideoCapture(
                source.text,
                cv2.CAP_FFMPEG,
                [
                    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(1_000 * OPEN_TIMEOUT_S)),
                    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(1_000 * read_timeout_s)),
                    *(cv2.CAP_PROP_N_THREADS, 1),
                ],
            )
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceBroken("it cannot be opened")

    def read(self) -> Shot:
        """Waits for the next frame.

        Raises:
            SourceBroken: The stream ended or stalled, or the device went away.
        """
        if not self._capture.grab():
            raise SourceBroken("it stopped sending")
        arrived_at = time.time()
        ok, image = self._capture.retrieve()
        if not ok or image is None:
            raise SourceBroken("it sent something that is no image")
        return Shot(np.asarray(image, np.uint8), arrived_at)

    def close(self) -> None:
        """Lets go of the camera."""
        self._capture.release()
