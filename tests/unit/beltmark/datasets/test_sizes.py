import io
import zlib
from pathlib import Path

import pytest
from PIL import Image

from beltmark.contract.errors import InputError
from beltmark.datasets.images import decode_image
from beltmark.datasets.sizes import image_sizes

ORIENTATION = 0x112


def encoded(kind: str, orientation: int | None = None, **options: object) -> bytes:
    image = Image.new("RGB", (40, 30), (9, 90, 200))
    exif = image.getexif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
        options["exif"] = exif
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_sizes_agree_with_decoding_whatever_the_rotation_flag(
    kind: str, orientation: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "image"
    path.write_bytes(encoded(kind, orientation))
    decoded = decode_image(path.read_bytes())
    assert decoded is not None
    height_px, width_px = decoded.shape[:2]
    assert image_sizes([path]) == [(width_px, height_px)]


@pytest.mark.parametrize("kind", ["BMP", "GIF", "PPM"])
def test_other_formats_agree_too(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(encoded(kind))
    decoded = decode_image(path.read_bytes())
    assert decoded is not None
    assert image_sizes([path]) == [decoded.shape[1::-1]]


def test_a_cut_file_still_tells_its_size(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    content = io.BytesIO()
    Image.effect_noise((400, 300), 60).save(content, "JPEG")
    path.write_bytes(content.getvalue()[: len(content.getvalue()) // 2])
    assert image_sizes([path]) == [(400, 300)]


def test_all_that_cannot_be_read_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(encoded("PNG"))
    for index in range(7):
        (tmp_path / f"bad{index}.png").write_bytes(encoded("PNG")[: 10 + index])
    paths = [tmp_path / "good.png", *(tmp_path / f"bad{index}.png" for index in range(7))]
    with pytest.raises(InputError, match=r"6 others neither: bad1\.png, .*, \.\.\.") as caught:
        image_sizes(paths)
    assert caught.value.file == tmp_path / "bad0.png"


def claims(width_px: int, height_px: int) -> bytes:
    """A PNG of a few bytes that claims a size."""
    content = bytearray(encoded("PNG"))
    content[16:24] = width_px.to_bytes(4, "big") + height_px.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize("size", [(30_000, 30_000), (40_000, 2), (0, 5), (2**31 - 1, 2**31 - 1)])
def test_absurd_sizes_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(claims(*size))
    with pytest.raises(InputError, match="cannot be read as an image"):
        image_sizes([path])


@pytest.mark.parametrize("content", [b"", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as an image"):
        image_sizes([path])
