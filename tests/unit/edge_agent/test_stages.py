"""Times of the stages, and the loop's pulse."""

import numpy as np
import pytest

from edge_agent.stages import Pulse, StageTimes, TimedDetector
from edge_agent.station.detected import Detected


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_percentiles_are_in_milliseconds() -> None:
    times = StageTimes()
    for milliseconds in range(101):
        times.add("detect", milliseconds / 1_000)
    assert times.percentiles_ms() == {"detect": {"p50": 50.0, "p99": 99.0}}


def test_a_timed_detector_notes_what_it_took() -> None:
    clock, times = Clock(), StageTimes()

    class SlowDetector:
        def detect(self, image_bgr: np.ndarray) -> list[Detected]:
            clock.now += 0.25
            return []

    detector = TimedDetector(SlowDetector(), times, clock)
    assert times.latest_s("detect") == 0.0
    assert detector.detect(np.zeros((2, 2, 3), np.uint8)) == []
    assert times.latest_s("detect") == 0.25
    assert times.percentiles_ms()["detect"]["p50"] == 250.0


def test_the_pulse_holds_the_belt_before_the_first_frame_and_while_one_is_stuck() -> None:
    clock = Clock()
    pulse = Pulse(2.0, clock)
    assert pulse.hold_reason == "no frame has been looked at yet"
    with pulse.beat():
        clock.now += 1.0
    assert pulse.hold_reason is None
    with pulse.beat():
        clock.now += 1.0
        assert pulse.hold_reason is None
        clock.now += 1.5
        assert pulse.hold_reason == "a frame takes longer than 2 s"
    assert pulse.hold_reason is None


def test_a_loop_that_broke_never_counts_as_well_again() -> None:
    clock = Clock()
    pulse = Pulse(2.0, clock)
    with pulse.beat():
        pass
    with pytest.raises(RuntimeError), pulse.beat():
        raise RuntimeError
    clock.now += 3.0
    assert pulse.hold_reason is not None
