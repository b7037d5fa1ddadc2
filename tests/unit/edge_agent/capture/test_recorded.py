"""Recordings: every frame in order, and what is wrong with them is told."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from beltmark.contract.errors import InputError
from edge_agent.capture.camera import Camera, open_camera


def write_pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / f"{index:03d}.png"), np.full((20, 30, 3), 10 * index, np.uint8))
    return folder


def write_video(path: Path, frames: int) -> Path:
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), fourcc, 20.0, (64, 48))
    noise = np.random.default_rng(0)
    for _ in range(frames):
        writer.write(noise.integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    return path


def played(camera: Camera) -> list[tuple[int, float]]:
    camera.start()
    taken = []
    while (frame := camera.mailbox.take(10.0)) is not None:
        taken.append((frame.index, frame.captured_at))
    camera.stop()
    return taken


def test_pictures_come_in_the_order_of_their_names_at_their_pace(tmp_path: Path) -> None:
    camera = open_camera(str(write_pictures(tmp_path / "p", 5)), fps=4.0)
    taken = played(camera)
    start = taken[0][1]
    assert [(index, at - start) for index, at in taken] == [
        (index, pytest.approx(index / 4, abs=1e-5)) for index in range(5)
    ]
    assert camera.health.state == "ended"


def test_an_unreadable_picture_is_passed_over_and_counted(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "p", 3)
    (folder / "001.png").write_bytes(b"no picture")
    camera = open_camera(str(folder))
    assert [index for index, _ in played(camera)] == [0, 2]
    assert (camera.frames, camera.unreadable) == (2, 1)


def test_a_loop_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    camera = open_camera(str(write_pictures(tmp_path / "p", 2)), loop=True)
    camera.start()
    frames = [camera.mailbox.take(10.0) for _ in range(5)]
    camera.stop()
    assert [frame.index for frame in frames if frame] == [0, 1, 2, 3, 4]


def test_a_video_is_read_to_its_end(tmp_path: Path) -> None:
    camera = open_camera(str(write_video(tmp_path / "v.avi", 12)))
    assert len(played(camera)) == 12
    assert camera.fps == 20.0


def test_a_video_that_was_cut_off_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_video(tmp_path / "v.avi", 20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        frames = len(played(open_camera(str(path))))
    assert 0 < frames < 20
    assert f"ends after {frames} of 20 frames" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no video" * 500])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_camera(str(path))
    assert (caught.value.file, caught.value.field) == (path, "camera.source")


@pytest.mark.parametrize("names", [(), ("a.png", "b.jpg"), ("readme.txt",)])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_text("no picture")
    with pytest.raises(InputError):
        open_camera(str(tmp_path))
