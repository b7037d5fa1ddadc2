"""The camera's states as pure rules, and what can be wrong with a picture."""

import numpy as np
import pytest

from edge_agent.capture.health import CameraHealth, CameraState, PictureHealth, Signal


@pytest.mark.parametrize(
    ("state", "signal", "after"),
    [
        ("starting", "frame", "up"),
        ("starting", "quiet", "starting"),
        ("starting", "silent", "down"),
        ("up", "quiet", "stale"),
        ("stale", "frame", "up"),
        ("stale", "silent", "down"),
        ("down", "quiet", "down"),
        ("down", "frame", "up"),
        ("ended", "frame", "ended"),
    ],
)
def test_signals_change_states(state: CameraState, signal: Signal, after: CameraState) -> None:
    assert CameraHealth(state, 1.0).after(signal, 2.0).state == after


def test_since_and_reason_stay_while_nothing_changes() -> None:
    down = CameraHealth("up", 1.0).after("failed", 2.0, "it stopped sending")
    assert down == CameraHealth("down", 2.0, "it stopped sending")
    assert down.after("silent", 9.0, "no frame for 2.5 s") is down


def picture(seed: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 255, (40, 60, 3), np.uint8)


def test_a_lively_picture_is_good() -> None:
    health = PictureHealth(None, 0.0)
    for at in range(5):
        health = health.after(picture(at), float(at), frozen_after_s=2.0)
    assert health.fault is None


def test_the_same_picture_again_and_again_is_frozen_until_it_moves() -> None:
    health = PictureHealth(None, 0.0)
    for at in range(4):
        health = health.after(picture(0), float(at), frozen_after_s=2.0)
    assert (health.fault, health.since) == ("frozen", 3.0)
    assert health.after(picture(1), 4.0, frozen_after_s=2.0).fault is None


def test_dark_and_blurred_pictures_are_told() -> None:
    dark = np.full((40, 60, 3), 3, np.uint8)
    grey = np.full((40, 60, 3), 128, np.uint8)
    assert PictureHealth(None, 0.0).after(dark, 1.0, frozen_after_s=2.0).fault == "black"
    assert PictureHealth(None, 0.0).after(grey, 1.0, frozen_after_s=2.0).fault == "blurred"
