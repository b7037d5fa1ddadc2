"""A belt for blob stations under a network camera: items come when they are fed, and not before."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from blob_station import FPS, RED, WIDTH_PX, picture
from waiting import until

from beltmark.simulation.mjpeg import MjpegServer

_STEP_PX = 6
_GAP_FRAMES = 12


class BlobBelt:
    """Carries blobs past a camera.

    Attributes:
        address: The camera's.
        fed: So many items were laid onto it.
        passed: So many have left it.
    """

    def __init__(self) -> None:
        self._server = MjpegServer()
        self.address = self._server.address
        self.fed = self.passed = 0
        self._items: queue.SimpleQueue[tuple[int, int, int]] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="belt", daemon=True)

    def start(self) -> None:
        self._server.start()
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        self._server.stop()

    def feed(self, *colours: tuple[int, int, int]) -> None:
        """Lays items onto the belt, one after the other with a gap between two."""
        for colour in colours:
            self.fed += 1
            self._items.put(colour)

    def run_empty(self) -> None:
        """Waits until all that was fed has left the belt."""
        until(lambda: self.passed == self.fed, "an empty belt")

    def _run(self) -> None:
        for seed, image in enumerate(self._frames()):
            noisy = image + np.random.default_rng(seed).integers(0, 3, image.shape, np.uint8)
            jpeg = cv2.imencode(".jpg", noisy)[1].tobytes()
            self._server.latest.publish(jpeg, time.time())
            if self._ending.wait(1 / FPS):
                return

    def _frames(self) -> Iterator[np.ndarray]:
        while True:
            try:
                colour = self._items.get_nowait()
            except queue.Empty:
                yield picture(None, RED, 0)
                continue
            for x_px in range(-20, WIDTH_PX + 21, _STEP_PX):
                yield picture(x_px, colour, 0)
            for _ in range(_GAP_FRAMES):
                yield picture(None, RED, 0)
            self.passed += 1


@contextmanager
def running_belt() -> Iterator[BlobBelt]:
    belt = BlobBelt()
    belt.start()
    try:
        yield belt
    finally:
        belt.stop()
