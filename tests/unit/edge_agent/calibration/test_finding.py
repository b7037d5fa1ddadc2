"""The plane of the belt from a picture of the target, held against the camera that took it."""

from datetime import UTC, datetime

import numpy as np
import pytest
from calibration_target import target_seen

from beltmark.contract.errors import InputError
from beltmark.simulation.view import View
from edge_agent.calibration.finding import calibrate, find_corners

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    "view",
    [
        View(distance_mm=800, pitch_rad=0.14),
        View(distance_mm=700, pitch_rad=0.4, yaw_rad=0.1, roll_rad=0.2),
        View(px_per_mm=0.6, distance_mm=800),
        View(1280, 960, px_per_mm=2.5, distance_mm=900, pitch_rad=0.3),
        View(2400, 1800, px_per_mm=6.0, distance_mm=900, pitch_rad=0.3),
    ],
)
def test_distances_on_the_belt_are_right_wherever_they_lie(view: View) -> None:
    corners_px = find_corners(target_seen(view))
    assert corners_px is not None
    found = calibrate(corners_px, (view.width_px, view.height_px), 25.0, NOW)
    assert found.error_mm < 0.4
    truth_mm = np.array([[-120, -80], [120, -80], [120, 80], [-120, 80], [0, 0]], float)
    seen_px = view.project(np.column_stack([truth_mm, np.zeros(5)])).astype(np.float32)
    measured_mm = found.plane.to_mm(seen_px)
    distances = np.linalg.norm(np.diff(measured_mm, axis=0), axis=1)
    expected = np.linalg.norm(np.diff(truth_mm, axis=0), axis=1)
    assert distances == pytest.approx(expected, abs=0.8)


def test_squares_printed_smaller_make_everything_smaller() -> None:
    view = View(distance_mm=800)
    corners_px = find_corners(target_seen(view))
    assert corners_px is not None
    full, less = (calibrate(corners_px, (480, 320), side, NOW) for side in (25.0, 24.0))
    pixels = np.array([[100, 100], [300, 200]], np.float32)
    full_mm, less_mm = (np.ptp(found.plane.to_mm(pixels), axis=0) for found in (full, less))
    assert less_mm == pytest.approx(full_mm * 24 / 25, rel=1e-3)


def test_a_target_that_is_not_there_or_cut_off_is_not_found() -> None:
    picture = target_seen(View(distance_mm=800))
    assert find_corners(np.full_like(picture, 90)) is None
    assert find_corners(np.ascontiguousarray(picture[:, :200])) is None


def test_a_target_that_fills_little_of_the_picture_is_refused() -> None:
    view = View(px_per_mm=0.35, distance_mm=1200)
    corners_px = find_corners(target_seen(view))
    assert corners_px is not None
    with pytest.raises(InputError, match=r"fills 2\.\d% of the picture.*--paper a3"):
        calibrate(corners_px, (480, 320), 25.0, NOW)


def test_a_bent_picture_is_refused_with_its_error() -> None:
    view = View(distance_mm=800)
    corners_px = find_corners(target_seen(view))
    assert corners_px is not None
    from_middle = corners_px - (240, 160)
    radius2 = (from_middle**2).sum(axis=1, keepdims=True) / 240**2
    bent = (from_middle * (1 - 0.6 * radius2) + (240, 160)).astype(np.float32)
    with pytest.raises(InputError, match=r"mm from their places, more than the 1\.00 mm allowed"):
        calibrate(bent, (480, 320), 25.0, NOW)
