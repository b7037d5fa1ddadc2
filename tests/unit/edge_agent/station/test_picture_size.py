from edge_agent.station.footprint import BeltPlane
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.picture_size import PictureSize

BELT = StationGeometry((0, 0, 480, 320))


def test_pictures_of_the_size_that_the_zone_was_drawn_for_are_fine() -> None:
    size = PictureSize(BELT)
    for _ in range(2):
        size.observe(640, 480)
        assert size.problem is None


def test_a_zone_beyond_the_picture_is_told_until_it_fits() -> None:
    size = PictureSize(BELT)
    size.observe(240, 160)
    assert size.problem == "the zone reaches to 480, 320, beyond the picture of 240 x 160"


def test_a_picture_that_grows_would_leave_items_outside_the_zone() -> None:
    size = PictureSize(BELT)
    size.observe(480, 320)
    size.observe(1600, 1200)
    assert size.problem is not None
    assert "was 480 x 320 and is now 1600 x 1200" in size.problem
    size.observe(480, 320)
    assert size.problem is None


def test_a_calibration_holds_for_pictures_of_its_own_size_only() -> None:
    scale = BeltPlane.of_scale(0.8)
    calibrated = BeltPlane(scale.px_to_mm, picture_px=(640, 480))
    size = PictureSize(StationGeometry((0, 0, 480, 320), plane=calibrated))
    size.observe(1280, 960)
    assert size.problem is not None
    assert "made with pictures of 640 x 480, this one is 1280 x 960" in size.problem
    size = PictureSize(StationGeometry((0, 0, 480, 320), plane=calibrated))
    size.observe(640, 480)
    assert size.problem is None
    size = PictureSize(StationGeometry((0, 0, 480, 320), plane=scale))
    size.observe(1280, 960)
    assert size.problem is None
