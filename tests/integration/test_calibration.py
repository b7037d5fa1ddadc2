"""From the target on the belt to items that are told apart by what they measure on it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from calibration_target import target_seen

from beltmark.contract.errors import InputError
from beltmark.simulation.appearance import live_scene
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.scene import Placement, Scene
from beltmark.simulation.shapes.families import make_item
from beltmark.simulation.solid import TEXELS_PER_MM
from beltmark.simulation.view import View
from edge_agent.calibration.document import belt_plane
from edge_agent.cli import main
from edge_agent.settings import read_settings
from edge_agent.station.footprint import median_footprint
from edge_agent.vision.outline import outline_px

ASLANT = View(640, 480, px_per_mm=1.4, distance_mm=900.0, pitch_rad=0.3, yaw_rad=0.05)
STATION = """
[station]
name = "line-1"
release = "release"
data = "data"
[camera]
source = "frames"
[zone]
rect_xyxy_px = [0, 0, 640, 480]
[printer]
address = "file:labels.zpl"
"""


def station(folder: Path, zone: str = "") -> Path:
    path = folder / "station.toml"
    path.write_text(STATION.replace("480]", f"480]\n{zone}"))
    return path


def pictures(folder: Path, *, of_target: bool) -> Path:
    frames = folder / "frames"
    frames.mkdir()
    empty = np.full((480, 640, 3), 80, np.uint8)
    cv2.imwrite(str(frames / "0.png"), empty)
    cv2.imwrite(str(frames / "1.png"), target_seen(ASLANT) if of_target else empty)
    return frames


def sizes_mm(posed: Posed) -> tuple[float, float]:
    """What an item's foot measures in truth."""
    rows, columns = np.nonzero(posed.solid.column_mm[..., 1] > 0)
    _, sides, _ = cv2.minAreaRect(np.stack([columns, rows], axis=1).astype(np.float32))
    return (max(sides) + 1) / TEXELS_PER_MM, (min(sides) + 1) / TEXELS_PER_MM


def test_a_calibrated_station_measures_flat_items_wherever_they_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(tmp_path, of_target=True)
    assert main(["calibrate", str(station(tmp_path))]) == 0
    told = capsys.readouterr().out
    assert "calibration.json: pictures of 640 x 480, corners within 0." in told
    assert 'write calibration = "calibration.json" under [zone]' in told
    path = station(tmp_path, 'calibration = "calibration.json"')
    plane = belt_plane(read_settings(path, {}).zone)
    assert plane is not None

    rng = np.random.default_rng(3)
    scene, light = live_scene(rng, ASLANT)
    assert isinstance(scene, Scene)
    wrong_mm = []
    for _ in range(8):
        posed = Posed(make_item("pouch", rng), float(rng.uniform(0, 6.28)), light)
        views = []
        for x_mm, y_mm in ((-90.0, -30.0), (0.0, 30.0), (90.0, 0.0)):
            picture = scene.render([Placement(1, posed, x_mm, y_mm)], 0.0, rng)
            (seen,) = picture.seen
            outline = outline_px(picture.image_bgr, seen.box_xyxy_px)
            views.append(None if outline is None else plane.footprint(outline))
        measured = median_footprint(views)
        if measured is not None:
            length_mm, width_mm = sizes_mm(posed)
            wrong_mm.append((measured.length_mm - length_mm, measured.width_mm - width_mm))
    assert len(wrong_mm) >= 6
    assert np.median(np.abs(wrong_mm), axis=0) == pytest.approx([0, 0], abs=3.0)


def test_without_a_target_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(tmp_path, of_target=False)
    assert main(["calibrate", str(station(tmp_path))]) == 2
    error = capsys.readouterr().err
    assert "no calibration target in the picture (lay it flat on the belt" in error
    assert not (tmp_path / "calibration.json").exists()


def test_a_photo_will_do_and_the_file_goes_where_the_station_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "photo.jpg"
    cv2.imwrite(str(photo), target_seen(ASLANT))
    path = station(tmp_path, 'calibration = "lens.json"')
    assert main(["calibrate", str(path), "--picture", str(photo), "--square-mm", "24.5"]) == 0
    assert "write calibration" not in capsys.readouterr().out
    written = json.loads((tmp_path / "lens.json").read_text())
    assert (written["format_version"], written["square_mm"]) == (1, 24.5)
    assert written["picture_px"] == [640, 480]
    photo.write_bytes(b"no picture")
    assert main(["calibrate", str(path), "--picture", str(photo)]) == 2
    assert json.loads((tmp_path / "lens.json").read_text()) == written


@pytest.mark.parametrize("content", [None, "{", '{"format_version": 1}'])
def test_a_calibration_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    path = station(tmp_path, 'calibration = "calibration.json"')
    if content is not None:
        (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(InputError, match=r"calibration\.json"):
        belt_plane(read_settings(path, {}).zone)


@pytest.mark.parametrize("name", ["target.pdf", "target.PNG"])
def test_the_target_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["target", str(tmp_path / name), "--paper", "a3"]) == 0
    assert "print it at 100 %; its squares are 35 mm" in capsys.readouterr().out
    assert (tmp_path / name).read_bytes()[:4] in (b"%PDF", b"\x89PNG")


def test_a_target_of_another_kind_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["target", str(tmp_path / "target.svg")]) == 2
    assert "neither .pdf nor .png" in capsys.readouterr().err
