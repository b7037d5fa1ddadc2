"""Times the stages from capture to decision, and notices a frame that is not done with.

Pure but for the steady clock that it is given.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_agent.station.detected import Detected
from edge_agent.station_loop_ports import DetectorPort

Stage = Literal["wait", "detect", "decide", "capture_to_decision", "scan"]
"""wait: from capture until the loop takes the frame (live only); detect: the detector; decide: all
else in the loop's step; capture_to_decision: the whole (live only); scan: reading a label after it
was printed, beside the loop."""

_WINDOW = 1_000


class StageTimes:
    """The latest times of each stage."""

    def __init__(self) -> None:
        self._times: dict[Stage, deque[float]] = {}

    def add(self, stage: Stage, seconds: float) -> None:
        """Notes one time."""
        self._times.setdefault(stage, deque(maxlen=_WINDOW)).append(seconds)

    def latest_s(self, stage: Stage) -> float:
        """Returns the latest time of a stage, in seconds; 0 where there is none yet."""
        times = self._times.get(stage)
        return times[-1] if times else 0.0

    def percentiles_ms(self) -> dict[str, dict[str, float]]:
        """Returns p50 and p99 of each stage, in milliseconds."""
        told: dict[str, dict[str, float]] = {}
        for stage, times in tuple(self._times.items()):
            p50, p99 = np.percentile(tuple(times), (50, 99))
            told[stage] = {"p50": round(1_000 * float(p50), 2), "p99": round(1_000 * float(p99), 2)}
        return told


class TimedDetector:
    """A detector that notes how long it takes.

    Args:
        detector: The detector itself.
        times: Where to note.
        steady: Seconds on a clock that is never set.
    """

    def __init__(
        self,
        detector: DetectorPort,
        times: StageTimes,
        steady: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._detector, self._times, self._steady = detector, times, steady

    def detect(self, image_bgr: NDArray[np.uint8]) -> Sequence[Detected]:
        """Finds items in an image (uint8 [height, width, 3], BGR)."""
        begun = self._steady()
        found = self._detector.detect(image_bgr)
        self._times.add("detect", self._steady() - begun)
        return found


class Pulse:
    """Notices when the loop does not come back from a frame.

    Args:
        stuck_after_s: How long a frame may take.
        steady: Seconds on a clock that is never set.
    """

    def __init__(self, stuck_after_s: float, steady: Callable[[], float] = time.monotonic) -> None:
        self._stuck_after_s, self._steady = stuck_after_s, steady
        self._busy_since: float | None = None
        self.frames = 0

    @contextmanager
    def beat(self) -> Iterator[None]:
        """Surrounds the work on one frame."""
        self._busy_since = self._steady()
        yield
        self._busy_since = None
        self.frames += 1

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None while the loop keeps up."""
        busy_since = self._busy_since
        if busy_since is not None and self._steady() - busy_since > self._stuck_after_s:
            return f"a frame takes longer than {self._stuck_after_s:g} s"
        return None if self.frames else "no frame has been looked at yet"
