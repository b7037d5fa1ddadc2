import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.station.footprint import BeltPlane, Footprint, median_footprint


def rectangle(
    length: float, width: float, turned_rad: float, centre: tuple[float, float]
) -> NDArray[np.float32]:
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (length / 2, width / 2)
    cos, sin = np.cos(turned_rad), np.sin(turned_rad)
    return np.asarray(half @ np.array([[cos, sin], [-sin, cos]]) + centre, np.float32)


@pytest.mark.parametrize("turned_rad", [0.0, 0.3, 0.8, 1.2, np.pi / 2, 2.9])
def test_an_item_measures_the_same_however_it_lies(turned_rad: float) -> None:
    footprint = BeltPlane.of_scale(0.5).footprint(rectangle(200, 80, turned_rad, (240, 160)))
    assert (footprint.length_mm, footprint.width_mm) == pytest.approx((100, 40), rel=1e-4)
    assert str(footprint) == "100 x 40 mm"


def test_a_camera_that_looks_aslant_is_undone() -> None:
    to_mm = np.array([[0.9, 0.1, 5.0], [0.05, 1.1, -3.0], [1e-4, 8e-4, 1.0]])
    rows = [(float(a), float(b), float(c)) for a, b, c in to_mm]
    plane = BeltPlane((rows[0], rows[1], rows[2]))
    for centre in ((60.0, 60.0), (300.0, 200.0)):
        corners = np.column_stack([rectangle(80, 50, 0.4, centre), np.ones(4)])
        seen = corners @ np.linalg.inv(to_mm).T
        footprint = plane.footprint(np.asarray(seen[:, :2] / seen[:, 2:], np.float32))
        assert (footprint.length_mm, footprint.width_mm) == pytest.approx((80, 50), rel=1e-3)


def test_a_round_item_is_as_long_as_wide() -> None:
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32) * 30
    footprint = BeltPlane.of_scale(1.0).footprint(circle)
    assert (footprint.length_mm, footprint.width_mm) == pytest.approx((60, 60), abs=0.2)


def test_one_view_gone_wrong_does_not_count() -> None:
    views = [Footprint(100, 50), Footprint(101, 51), Footprint(180, 20), None]
    assert median_footprint(views) == Footprint(101, 50)


def test_a_size_that_most_views_could_not_tell_is_not_known() -> None:
    assert median_footprint([]) is None
    assert median_footprint([Footprint(100, 50), None]) == Footprint(100, 50)
    assert median_footprint([Footprint(100, 50), None, None]) is None
