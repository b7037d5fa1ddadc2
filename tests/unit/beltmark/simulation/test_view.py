import numpy as np
import pytest

from beltmark.simulation.view import View

VIEWS = (
    View(),
    View(pitch_rad=0.4),
    View(pitch_rad=-0.3, yaw_rad=0.2, roll_rad=0.5, px_per_mm=1.3, distance_mm=500),
)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("height_mm", [0.0, 60.0])
def test_a_ray_meets_the_point_that_projects_to_its_pixel(view: View, height_mm: float) -> None:
    x0, y0, dx, dy = view.rays(-30, -20, 540, 360)
    points = np.stack([x0 + height_mm * dx, y0 + height_mm * dy, np.full_like(x0, height_mm)], -1)
    rows, columns = np.array([0, 100, 359]), np.array([3, 500, 539])
    pixels = view.project(points[rows, columns].astype(np.float64))
    expected = np.stack([columns - 30 + 0.5, rows - 20 + 0.5], 1)
    np.testing.assert_allclose(pixels, expected, atol=0.01)


@pytest.mark.parametrize("view", VIEWS)
def test_the_image_centre_shows_the_origin(view: View) -> None:
    np.testing.assert_allclose(view.project(np.zeros((1, 3))), [[240, 160]], atol=1e-6)


def test_travel_goes_right_and_high_things_look_larger() -> None:
    view = View(distance_mm=700)
    low, high = view.project(np.array([[100.0, 0, 0], [100.0, 0, 70]]))
    assert low[0] == pytest.approx(340)
    assert high[0] == pytest.approx(240 + 100 * 700 / 630)
