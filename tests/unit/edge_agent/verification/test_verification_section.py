from pathlib import Path

import pytest
from blob_station import write_station

from beltmark.contract.errors import InputError
from edge_agent.settings import read_settings

RECT = "rect_xyxy_px = [0, 0, 100, 100]"


def written(tmp_path: Path, text: str) -> Path:
    return write_station(tmp_path, "0", verification=f"{RECT}\n{text}")


def test_a_window_is_said_in_seconds_or_as_a_way(tmp_path: Path) -> None:
    section = read_settings(written(tmp_path, "after_s = 1\nuntil_s = 2")).verification
    assert section is not None
    assert section.window_s == (1.0, 2.0)
    assert not section.has_own_camera
    way = "distance_mm = 300\nspeed_mm_s = 120\ngive_mm = 60"
    section = read_settings(written(tmp_path, way)).verification
    assert section is not None
    assert section.window_s == pytest.approx((2.0, 3.0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "after_s = 1",
        "after_s = 2\nuntil_s = 1",
        "after_s = 1\nuntil_s = 2\ndistance_mm = 3",
        "distance_mm = 300",
        'after_s = 1\nuntil_s = 2\non_mismatch = "pass"',
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        read_settings(written(tmp_path, text))


def test_a_scan_camera_that_is_a_file_is_beside_the_station_file(tmp_path: Path) -> None:
    text = 'source = "scan.mp4"\nafter_s = 1\nuntil_s = 2'
    section = read_settings(written(tmp_path, text)).verification
    assert section is not None
    assert section.source == str(tmp_path / "scan.mp4")
