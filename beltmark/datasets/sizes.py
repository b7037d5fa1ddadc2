"""How large images are, told from the first bytes of their files without decoding them.

Sizes are those of the stored pixels, as `images.decode_image` returns them: rotation flags of
cameras are ignored by both. (A TIFF's orientation is part of how its pixels are stored; both heed
it.)
"""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError

Size = tuple[int, int]
"""Width and height, in pixels."""

MAX_SIDE_PX: Final = 32_768
_FORMATS: Final = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM")
_NAMED = 5


class UnreadableImagesError(InputError):
    """Some images are no images, or claim to be huge; names the first ones, counts them all.

    Args:
        paths: All of them.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        others = ", ".join(path.name for path in paths[1:_NAMED])
        more = f"; {len(paths) - 1} others neither: {others}" if len(paths) > 1 else ""
        more += ", ..." if len(paths) > _NAMED else ""
        super().__init__(
            f"cannot be read as an image{more}", "replace or remove such files", file=paths[0]
        )
        self.paths = tuple(paths)


def image_sizes(paths: Sequence[Path]) -> list[Size]:
    """Returns the sizes of images, in their order.

    Raises:
        UnreadableImagesError: Some are no images, or claim to be huge.
    """
    from PIL import Image  # noqa: PLC0415 - most datasets tell the sizes

    sizes: list[Size] = []
    bad: list[Path] = []
    with warnings.catch_warnings():
        # Pillow warns of pictures that claim a lot of pixels; other warnings tell of odd metadata.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for path in paths:
            size = _size_of(path)
            if size is None:
                bad.append(path)
            else:
                sizes.append(size)
    if bad:
        raise UnreadableImagesError(bad)
    return sizes


def _size_of(path: Path) -> Size | None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    try:
        with Image.open(os.fspath(path), formats=_FORMATS) as image:
            width_px, height_px = image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, TypeError, KeyError):
        return None  # whatever Pillow's readers of headers make of damaged ones
    fits = 0 < width_px <= MAX_SIDE_PX and 0 < height_px <= MAX_SIDE_PX
    return (width_px, height_px) if fits else None
