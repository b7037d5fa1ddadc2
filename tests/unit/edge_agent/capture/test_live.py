"""The live camera with readers that fall silent, break and hang."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edge_agent.capture.health import CameraState
from edge_agent.capture.live import LiveCamera, LiveLimits
from edge_agent.capture.shot import Shot, SourceBroken

LIMITS = LiveLimits(
    stale_after_s=0.2,
    down_after_s=0.5,
    hung_after_s=0.6,
    first_wait_s=0.02,
    longest_wait_s=0.05,
)
PATIENCE_S = 20.0


class FakeReader:
    """Gives the frames of a script; an exception in it is raised, an Event is waited for."""

    def __init__(self, script: Iterator[object]) -> None:
        self._script = script
        self.closed = False

    def read(self) -> Shot:
        step = next(self._script)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, threading.Event):
            step.wait(PATIENCE_S)
            raise SourceBroken("it stopped sending")
        time.sleep(0.01)
        stamp = step if isinstance(step, float) else None
        noise = np.random.default_rng().integers(0, 255, (8, 8, 3), np.uint8)
        return Shot(noise, time.time(), stamp)

    def close(self) -> None:
        self.closed = True


class FakeDevice:
    """Gives one script after the other to those who connect; None refuses the connection."""

    def __init__(self, *scripts: Iterator[object] | None) -> None:
        self._scripts = iter(scripts)
        self.readers: list[FakeReader] = []

    def __call__(self) -> FakeReader:
        script = next(self._scripts, None)
        if script is None:
            raise SourceBroken("it cannot be opened")
        self.readers.append(FakeReader(script))
        return self.readers[-1]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def states() -> list[CameraState]:
    return []


def started(device: FakeDevice, states: list[CameraState]) -> LiveCamera:
    camera = LiveCamera("fake", device, LIMITS)
    camera.on_change = lambda: states.append(camera.health.state)
    camera.start()
    return camera


def frames(count: int) -> list[object]:
    return ["frame"] * count


def test_a_broken_connection_is_told_and_made_anew(states: list[CameraState]) -> None:
    device = FakeDevice(iter([*frames(3), SourceBroken("unplugged")]), itertools.repeat("frame"))
    camera = started(device, states)
    wait_until(lambda: states[:3] == ["up", "down", "up"])
    camera.stop()
    assert device.readers[0].closed
    assert camera.frames > 3


def test_a_camera_that_is_not_there_is_down_and_told_once(states: list[CameraState]) -> None:
    refused: list[None] = [None] * 5
    camera = started(FakeDevice(*refused, itertools.repeat("frame")), states)
    wait_until(lambda: camera.health.state == "up")
    camera.stop()
    assert states[:2] == ["down", "up"]


def test_a_read_that_hangs_is_told_and_abandoned(states: list[CameraState]) -> None:
    release = threading.Event()
    device = FakeDevice(iter([*frames(3), release]), itertools.repeat("frame"))
    camera = started(device, states)
    wait_until(lambda: states[:4] == ["up", "stale", "down", "up"])
    release.set()
    wait_until(lambda: device.readers[0].closed)
    camera.stop()
    assert "unplugged" not in camera.health.reason


def test_hanging_reads_do_not_pile_up(states: list[CameraState]) -> None:
    release = threading.Event()
    device = FakeDevice(*(iter([release]) for _ in range(10)))
    limits = LiveLimits(down_after_s=0.1, stale_after_s=0.05, hung_after_s=0.1)
    camera = LiveCamera("fake", device, limits)
    camera.start()
    wait_until(lambda: len(device.readers) == 3)
    time.sleep(0.5)
    assert len(device.readers) == 3
    assert camera.health.state == "down"
    release.set()
    camera.stop()


def test_a_slow_consumer_gets_the_newest_frame(states: list[CameraState]) -> None:
    camera = started(FakeDevice(itertools.repeat("frame")), states)
    wait_until(lambda: camera.frames >= 10)
    camera.stop()
    assert camera.mailbox.dropped >= 8


def test_a_picture_from_before_the_gap_is_no_sign_of_life(states: list[CameraState]) -> None:
    begun = time.time()
    fresh = (time.time() - begun + 7.0 for _ in itertools.count())  # a clock of the camera's own
    device = FakeDevice(
        itertools.chain(itertools.islice(fresh, 5), [SourceBroken("frozen")]),
        itertools.repeat(7.0),
    )
    camera = started(device, states)
    wait_until(lambda: states[:2] == ["up", "down"])
    wait_until(lambda: len(device.readers) == 2)
    time.sleep(0.5)
    assert states[:2] == ["up", "down"]
    before = camera.frames
    time.sleep(0.3)
    assert (camera.frames, camera.health.state) == (before, "down")
    camera.stop()
