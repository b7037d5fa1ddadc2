"""A camera that goes on by itself: reads it, notices its silence, and connects anew.

One thread owns the device; another watches the clock, so that a read that hangs is told as well.
How a device is read is left to `readers`, what a silence means for the belt to the run permit.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_agent.capture.age import PictureAge
from edge_agent.capture.faults import PictureWatch
from edge_agent.capture.frame import Frame
from edge_agent.capture.health import CameraHealth, PictureHealth, Signal
from edge_agent.capture.mailbox import Mailbox
from edge_agent.capture.shot import Shot, SourceBroken

logger = logging.getLogger(__name__)

_PICTURE_EVERY_S = 0.5
_WATCH_EVERY_S = 0.1
_MAX_HUNG = 3
_FPS_WINDOW = 30


class LiveReader(Protocol):
    """One connection to a camera."""

    def read(self) -> Shot:
        """Waits for the next frame; raises SourceBroken when there will be none."""
        ...

    def close(self) -> None:
        """Lets go of the camera."""
        ...


@dataclass(frozen=True)
class LiveLimits:
    """How patient a live camera is.

    Attributes:
        stale_after_s: Time without a frame after which it counts as stale.
        down_after_s: Time without a frame after which it counts as down.
        hung_after_s: Time after which a read that does not return is abandoned.
        first_wait_s: Wait before the first attempt to connect anew; then it doubles.
        longest_wait_s: The longest such wait.
        steady_after_s: Time of delivery after which the waits begin from the first again, so that a
            camera which comes and goes is not connected to in a tight loop.
        frozen_after_s: Time of one and the same picture after which it counts as frozen.
    """

    stale_after_s: float = 1.0
    down_after_s: float = 2.5
    hung_after_s: float = 10.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 10.0
    steady_after_s: float = 5.0
    frozen_after_s: float = 2.0


class LiveCamera:
    """A camera over its connections.

    Args:
        name: Its address as it may be shown.
        open_reader: Connects; raises SourceBroken.
        limits: How patient it is.
        clock: Seconds since the epoch.
        watch: Judges its pictures; None judges each on its own.

    Attributes:
        on_change: Called after each change of health, on the camera's threads.
    """

    is_live = True

    def __init__(
        self,
        name: str,
        open_reader: Callable[[], LiveReader],
        limits: LiveLimits,
        clock: Callable[[], float] = time.time,
        watch: PictureWatch | None = None,
    ) -> None:
        self.name = name
        self.mailbox = Mailbox(1, drops_oldest=True)
        self.unreadable = 0
        self.on_change: Callable[[], None] = lambda: None
        self._open_reader, self._limits = open_reader, limits
        self._clock = clock
        self._lock = threading.Lock()
        self._health = CameraHealth("starting", clock())
        self._picture = PictureHealth(None, clock())
        self._picture_due = 0.0
        self._picture_watch = watch or PictureWatch(limits.frozen_after_s)
        self._age = PictureAge()
        self._arrivals: deque[float] = deque(maxlen=_FPS_WINDOW)
        self._frames = 0
        self._stopping = threading.Event()
        # A reader's turn ends when it is abandoned; what it says afterwards is not heard.
        self._turn = 0
        self._heard_at = self._returned_at = time.monotonic()
        self._readers: list[threading.Thread] = []
        self._watcher = threading.Thread(target=self._watch, name="camera-watch", daemon=True)

    @property
    def health(self) -> CameraHealth:
        """Whether frames come."""
        return self._health

    @property
    def picture(self) -> PictureHealth:
        """Whether they show anything."""
        return self._picture

    @property
    def frames(self) -> int:
        """Frames that came so far."""
        return self._frames

    @property
    def fps(self) -> float:
        """Frames a second of late; 0 when none come."""
        with self._lock:
            arrivals = tuple(self._arrivals)
        if self._health.state != "up" or len(arrivals) < 2:
            return 0.0
        return (len(arrivals) - 1) / max(1e-6, arrivals[-1] - arrivals[0])

    def start(self) -> None:
        """Begins to read and to watch."""
        self._heard_at = time.monotonic()
        self._start_reader()
        self._watcher.start()

    def stop(self) -> None:
        """Ends; a read that hangs is left to end by itself."""
        self._stopping.set()
        self.mailbox.close()
        for thread in (*self._readers, self._watcher):
            if thread.is_alive():
                thread.join(timeout=1.0)

    def _start_reader(self) -> None:
        self._returned_at = time.monotonic()
        thread = threading.Thread(
            target=self._capture, args=(self._turn,), name=f"camera-{self._turn}", daemon=True
        )
        self._readers = [*(t for t in self._readers if t.is_alive()), thread]
        thread.start()

    def _is_current(self, turn: int) -> bool:
        return turn == self._turn and not self._stopping.is_set()

    def _capture(self, turn: int) -> None:
        wait_s = self._limits.first_wait_s
        while self._is_current(turn):
            begun, frames_before = time.monotonic(), self._frames
            try:
                self._read_connection(turn)
            except SourceBroken as error:
                self._signal("failed", str(error), turn)
            lasted_s = time.monotonic() - begun
            if self._frames > frames_before and lasted_s > self._limits.steady_after_s:
                wait_s = self._limits.first_wait_s
            # Jitter: cameras behind one switch that failed do not all come back at one instant.
            self._pause(turn, wait_s * random.uniform(0.75, 1.25))
            wait_s = min(2 * wait_s, self._limits.longest_wait_s)

    def _pause(self, turn: int, wait_s: float) -> None:
        end = time.monotonic() + wait_s
        while self._is_current(turn) and (left := end - time.monotonic()) > 0:
            self._returned_at = time.monotonic()
            self._stopping.wait(min(left, _WATCH_EVERY_S))

    def _read_connection(self, turn: int) -> None:
        reader = self._open_reader()
        try:
            while self._is_current(turn):
                self._deliver(reader.read(), turn)
        finally:
            reader.close()

    def _deliver(self, shot: Shot, turn: int) -> None:
        now = time.monotonic()
        with self._lock:
            if not self._is_current(turn):
                return
            self._returned_at = now
            age_s = self._age.age_s(shot.stamped_at, shot.arrived_at)
            if age_s > self._limits.stale_after_s:
                return  # what a server kept from before a gap is no sign of life
            self._heard_at = now
            index, self._frames = self._frames, self._frames + 1
            self._arrivals.append(now)
        if now >= self._picture_due:
            self._picture_due = now + _PICTURE_EVERY_S
            self._look_at(shot)
        self._signal("frame", "", turn)
        self.mailbox.put(Frame(shot.image_bgr, index, shot.arrived_at - age_s))

    def _look_at(self, shot: Shot) -> None:
        before = self._picture
        fault = self._picture_watch.after(shot.image_bgr, shot.arrived_at)
        if fault != before.fault:
            self._picture = PictureHealth(fault, shot.arrived_at)
            if self._picture.fault:
                logger.warning("camera %s: the picture is %s", self.name, self._picture.fault)
            else:
                logger.info("camera %s: the picture is good again", self.name)
            self.on_change()

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_EVERY_S):
            now = time.monotonic()
            silent_s = now - self._heard_at
            if silent_s >= self._limits.down_after_s:
                self._signal("silent", f"no frame for {self._limits.down_after_s:g} s")
            elif silent_s >= self._limits.stale_after_s:
                self._signal("quiet", f"no frame for {self._limits.stale_after_s:g} s")
            if now - self._returned_at >= self._limits.hung_after_s:
                self._abandon_reader()

    def _abandon_reader(self) -> None:
        """A call into the driver does not return, and nothing can make it: another tries."""
        hung = sum(thread.is_alive() for thread in self._readers)
        self._returned_at = time.monotonic()
        if hung >= _MAX_HUNG:
            return
        logger.warning("camera %s: a read hangs; connecting anew beside it", self.name)
        with self._lock:
            self._turn += 1
        self._start_reader()

    def _signal(self, signal: Signal, reason: str = "", turn: int | None = None) -> None:
        with self._lock:
            if turn is not None and not self._is_current(turn):
                return
            before = self._health
            self._health = before.after(signal, self._clock(), reason)
            changed = self._health is not before
        if changed and self._health.state != before.state:
            _log_change(self.name, before, self._health)
            self.on_change()


def _log_change(name: str, before: CameraHealth, now: CameraHealth) -> None:
    match now.state:
        case "up" if before.state == "starting":
            logger.info("camera %s: up", name)
        case "up":
            away_s = now.since - before.since
            logger.warning("camera %s: up again (%s for %.1f s)", name, before.state, away_s)
        case _:
            logger.warning("camera %s: %s: %s", name, now.state, now.reason)
