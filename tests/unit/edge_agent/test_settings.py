"""Station files: what stands in them, what the environment changes, and how problems are told."""

from pathlib import Path

import pytest

from beltmark.contract.errors import InputError, UnknownVersionError
from edge_agent.settings import read_settings

STATION = """
[station]
name = "line-1"
release = "release"
data = "data"
[camera]
source = "frames"
[zone]
rect_xyxy_px = [0, 0, 480, 320]
[printer]
address = "file:labels.zpl"
"""


def write(folder: Path, text: str = STATION) -> Path:
    path = folder / "station.toml"
    path.write_text(text)
    return path


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    calibrated = STATION.replace("320]", '320]\ncalibration = "calibration.json"')
    settings = read_settings(write(tmp_path, calibrated), {})
    assert settings.zone.calibration == tmp_path / "calibration.json"
    assert settings.station.release == tmp_path / "release"
    assert settings.journal_path == tmp_path / "data" / "journal.sqlite"
    assert settings.camera.source == str(tmp_path / "frames")
    assert settings.printer.address == f"file:{tmp_path / 'labels.zpl'}"


@pytest.mark.parametrize("source", ["0", "/dev/video2", "rtsp://camera/1", "http://camera/a.mjpg"])
def test_devices_and_addresses_stay_as_they_are(tmp_path: Path, source: str) -> None:
    settings = read_settings(write(tmp_path, STATION.replace("frames", source)), {})
    assert settings.camera.source == source


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    environment = {
        "BELTMARK_EDGE__CAMERA__SOURCE": "0",
        "BELTMARK_EDGE__ZONE__RECT_XYXY_PX": "[1, 2, 30, 40]",
        "BELTMARK_EDGE__BELT__SPEED_PX_S": "90.5",
        "BELTMARK_EDGE__PRINTER__HOLDS_BELT": "false",
    }
    settings = read_settings(write(tmp_path), environment)
    assert settings.camera.source == "0"
    assert settings.zone.rect_xyxy_px == (1, 2, 30, 40)
    assert settings.belt.speed_px_s == 90.5
    assert settings.printer.holds_belt is False


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ('name = "line-1"', 'name = "line 1"', "station.name"),
        ('source = "frames"', 'source = "frames"\nspeed = 3', "camera.speed"),
        ('source = "frames"', 'source = "frames"\nfps = 0', "camera.fps"),
        ("[0, 0, 480, 320]", "[0, 0, 0, 320]", "zone"),
        ("320]", '320]\nmm_per_px = 1\ncalibration = "c.json"', "zone"),
        ('address = "file:labels.zpl"', "dpmm = 8", "printer.address"),
        ("[zone]", "[serials]\nleased = true\n[zone]", "serials.leased"),
        ('data = "data"', 'data = "da\\u0000ta"', "station.data"),
        ("[zone]", "[serials]\nlease_size = 0\n[zone]", "serials.lease_size"),
        ("[zone]", '[warehouse]\nurl = ""\n[zone]', "warehouse.url"),
        ('address = "file:labels.zpl"', 'address = "x"\ndpmm = 9', "printer.dpmm"),
    ],
)
def test_problems_name_file_and_field(tmp_path: Path, before: str, after: str, field: str) -> None:
    path = write(tmp_path, STATION.replace(before, after))
    with pytest.raises(InputError) as caught:
        read_settings(path, {})
    assert (caught.value.file, caught.value.field) == (path, field)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("BELTMARK_EDGE__CAMERA__FPS", "fast"),
        ("BELTMARK_EDGE__CAMERA__SPEED", "3"),
        ("BELTMARK_EDGE__CAMERA", "x"),
    ],
)
def test_problems_of_the_environment_name_the_variable(
    tmp_path: Path, variable: str, text: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(write(tmp_path), {variable: text})
    assert variable in str(caught.value)


def test_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownVersionError):
        read_settings(write(tmp_path, "format_version = 2\n" + STATION), {})


@pytest.mark.parametrize("name", ["station", "frames"])
def test_the_examples_in_the_documentation_are_right(name: str) -> None:
    documents = Path(__file__).parents[3] / "docs"
    assert read_settings(documents / f"{name}.example.toml", {}).camera.source
