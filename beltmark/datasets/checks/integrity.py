"""Tells what is wrong with an image file. Pure.

Decoders are lenient: half a JPEG becomes a picture that is grey below, and nobody is told.
"""

import io
import re
import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from beltmark.datasets.images import decode_image

_JPEG_START: Final = b"\xff\xd8\xff"
_MARKER: Final = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_END_OF_IMAGE: Final = 0xD9


def open_picture(content: bytes) -> tuple[NDArray[np.uint8] | None, str]:
    """Decodes an image file.

    Returns:
        The picture, uint8 [H, W, 3], 0..255, BGR, or None; and then what is wrong with the file.
    """
    fault = fault_of(content)
    if fault:
        return None, fault
    picture = decode_image(content)
    return picture, "" if picture is not None else "no image of a kind that is read here"


def fault_of(content: bytes) -> str:
    """Returns what is wrong with a file that should be an image; nothing if it looks whole."""
    if not content:
        return "empty"
    if not content.strip(b"\x00"):
        return "nothing but zero bytes"
    if content.startswith(_JPEG_START):
        return "" if _has_end(content) else "a JPEG that is cut off"
    return _pillows_fault(content)


def _pillows_fault(content: bytes) -> str:
    """Decodes it with Pillow, which is strict with everything but JPEG."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                image.load()
    except UnidentifiedImageError:
        return "not an image"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "claims to be larger than is read here"
    except Exception as error:
        return f"damaged: {error}"
    return ""


def _has_end(content: bytes) -> bool:
    """Whether the markers of a JPEG lead to its end (ITU-T T.81, annex B).

    What follows the end is not looked at: cameras put previews and notes there. The end of a
    preview inside a segment is not taken for the file's.
    """
    at = 2
    while match := _MARKER.search(content, at):
        marker = match[1][0]
        if marker == _END_OF_IMAGE:
            return True
        length = int.from_bytes(content[match.end() : match.end() + 2], "big")
        # After the header of a scan comes its data, in which only a marker ends the search.
        at = match.end() + max(length, 2)
    return False
