import cv2
import numpy as np
import pytest

from beltmark.datasets.checks.integrity import fault_of, open_picture


def jpeg() -> bytes:
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def png() -> bytes:
    return cv2.imencode(".png", np.full((60, 80, 3), 7, np.uint8))[1].tobytes()


def test_whole_files_are_opened() -> None:
    for content in (jpeg(), png()):
        picture, fault = open_picture(content)
        assert not fault
        assert picture is not None
        assert picture.shape == (60, 80, 3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (bytes(100), "zero"),
        (b"<html>no</html>", "not an image"),
        (jpeg()[:-2], "cut off"),
        (jpeg()[:700], "cut off"),
        (jpeg()[:1200] + bytes(2000), "cut off"),
        (b"\xff\xd8\xff", "cut off"),
        (png()[:-30], "damaged"),
        (png()[:60] + b"\x01" + png()[61:], "damaged"),
    ],
)
def test_what_is_wrong_is_told(content: bytes, told: str) -> None:
    assert told in fault_of(content)


def test_the_end_of_a_preview_is_not_the_end_of_the_file() -> None:
    preview = b"\xff\xe1" + (len(jpeg()) + 2).to_bytes(2, "big") + jpeg()
    whole = b"\xff\xd8" + preview + jpeg()[2:]
    assert not fault_of(whole)
    assert not fault_of(whole + b"notes of a camera")
    assert "cut off" in fault_of(whole[: len(whole) // 2 + 500])
