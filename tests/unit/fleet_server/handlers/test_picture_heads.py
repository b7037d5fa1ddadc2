import cv2
import numpy as np
import pytest
from fleet_pictures import jpeg, png
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.handlers.picture_heads import jpeg_size_px, png_size_px


@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 48), (1279, 721)])
@pytest.mark.parametrize("progressive", [0, 1])
def test_the_size_is_the_one_that_opencv_wrote(width, height, progressive):
    image = np.zeros((height, width, 3), np.uint8)
    parameters = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    assert jpeg_size_px(cv2.imencode(".jpg", image, parameters)[1].tobytes()) == (width, height)
    assert png_size_px(cv2.imencode(".png", image)[1].tobytes()) == (width, height)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg onload=alert(1)>",
        b"\xff\xd8\xff",
        jpeg()[:20],
        jpeg(0, 48),
        b"\xff\xd8\xff\xda\x00\x08" + jpeg()[2:],  # a scan before its frame
        b"\xff\xd8" + b"\xff" * 1_000,
        b"\xff\xd8\xff\xe0\x00\x00" * 10,
        png(),
    ],
)
def test_what_is_no_jpeg_has_no_size(content):
    assert jpeg_size_px(content) is None


@pytest.mark.parametrize("content", [b"", png()[:20], png(0, 5), jpeg(), b"GIF89a" + png()])
def test_what_is_no_png_has_no_size(content):
    assert png_size_px(content) is None


@given(st.binary(max_size=200))
def test_whatever_follows_a_head_ends(content):
    for size in (jpeg_size_px(b"\xff\xd8\xff" + content), png_size_px(png()[:8] + content)):
        assert size is None or min(size) > 0
