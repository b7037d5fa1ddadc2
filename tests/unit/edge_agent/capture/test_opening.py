"""Addresses of cameras."""

from pathlib import Path

import pytest

from beltmark.contract.errors import InputError
from edge_agent.capture.opening import parse_source


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    video = tmp_path / "belt.mp4"
    video.touch()
    kinds = {
        "0": "device",
        "/dev/video3": "device",
        "rtsp://10.0.0.2/1": "stream",
        "http://camera.local:81/stream": "stream",
        str(video): "video",
        str(tmp_path): "folder",
    }
    assert {text: parse_source(text).kind for text in kinds} == kinds


def test_a_number_names_a_device() -> None:
    assert parse_source("2").text == "/dev/video2"


def test_a_password_is_not_shown() -> None:
    source = parse_source("rtsp://viewer:secret@10.0.0.2:554/1?channel=2")
    assert source.shown == "rtsp://viewer:***@10.0.0.2:554/1?channel=2"


@pytest.mark.parametrize(
    "text", ["ftp://camera/1", "http://", "http://[1/x", "http://h:x/", "missing.mp4"]
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_source(text)
    assert caught.value.field == "camera.source"


@pytest.mark.parametrize("source", ["htp://anna:hunter2@host/x", "http://anna:hunter2@:80"])
def test_a_source_that_is_no_camera_is_named_without_its_password(source: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_source(source)
    assert "hunter2" not in str(raised.value)
    assert "***@" in str(raised.value)
