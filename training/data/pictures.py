"""Pictures at the size that training needs; large ones are kept so on disk, within a limit.

Decoding a photograph of twelve megapixels takes many times as long as everything else that is done
to it. Only pictures that are scaled down are kept: others decode in about a millisecond. What a
picture looks like does not depend on whether it was kept.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import LabelledImage
from beltmark.datasets.images import decode_image, read_image
from training.data.disk_cache import DiskCache

QUALITY = 95
"""JPEG; every picture that is scaled down goes through it, kept or not."""

VERSION = 1
"""Of how pictures are scaled: what another version kept is not used."""


def load_picture(
    image: LabelledImage, longest_px: int | None, cache: DiskCache | None
) -> tuple[NDArray[np.uint8], float]:
    """Returns an image's picture, scaled down where it is larger than needed, and the scale.

    Args:
        image: Which.
        longest_px: What its longer side may have; None leaves it as it is.
        cache: Where scaled pictures are kept.

    Returns:
        uint8 [H, W, 3], 0..255, BGR; and how its size relates to the image's, at most 1.

    Raises:
        InputError: Missing, not an image, or of another size than the dataset says.
    """
    longest = max(image.width_px, image.height_px)
    if longest_px is None or longest <= longest_px:
        return read_image(image), 1.0
    scale = longest_px / longest
    key = identity(image, longest_px)
    kept = cache.get(key) if cache else None
    picture = None if kept is None else decode_image(kept)
    if picture is None:
        size = round(image.width_px * scale), round(image.height_px * scale)
        scaled = cv2.resize(read_image(image), size, interpolation=cv2.INTER_AREA)
        written, encoded = cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        assert written, "a picture in memory can be encoded"
        if cache:
            cache.put(key, encoded.tobytes())
        picture = decode_image(encoded.tobytes())
        assert picture is not None, "was encoded just now"
    return picture, scale


def identity(image: LabelledImage, longest_px: int | None) -> str:
    """Names a picture as its file is now, by path, size and time: 64 hexadecimal digits.

    Digesting its content would take as long as keeping it saves.

    Raises:
        InputError: It is missing.
    """
    try:
        seen = image.path.stat()
    except OSError:
        raise InputError("no such file", "check the path", file=image.path) from None
    told = (image.path.resolve(), seen.st_size, seen.st_mtime_ns, image.width_px, image.height_px)
    return sha256_of("\n".join(map(str, (VERSION, longest_px, *told))).encode())
