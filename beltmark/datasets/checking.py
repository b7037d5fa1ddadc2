"""What every format's reader makes sure of: boxes lie within their images, classes are told apart.

Where boxes and names come from is left to the readers.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Box
from beltmark.datasets.sizes import Size

TOLERATED_OVERSHOOT_PX: Final = 2.0
"""Boxes may leave the image by less than this: they are cut at its border, and counted."""

ROUNDING_PX: Final = 0.01
"""What leaves the image by no more than this comes of rounding: it is cut, but not counted."""

MAX_CLASSES: Final = 10_000
MAX_NAME_LENGTH: Final = 200


def checked_box(
    corners: Box, size: Size, file: Path, field: str, *, shown: object = None
) -> tuple[Box, bool]:
    """Returns a box within its image, and whether it had to be cut by more than rounding.

    Args:
        corners: Left, top, right, bottom, in pixels.
        size: The image's.
        file: For messages.
        field: Likewise.
        shown: The box as the file has it, for messages.

    Raises:
        InputError: It has no area, or leaves its image by `TOLERATED_OVERSHOOT_PX` or more.
    """
    shown = list(corners) if shown is None else shown
    left, top, right, bottom = corners
    if not all(map(math.isfinite, corners)) or right <= left or bottom <= top:
        raise InputError(
            f"{shown} has no area", "draw it anew or remove it", file=file, field=field
        )
    box = (max(left, 0.0), max(top, 0.0), min(right, float(size[0])), min(bottom, float(size[1])))
    if box == corners:
        return box, False
    overshoot = max(abs(a - b) for a, b in zip(corners, box, strict=True))
    if overshoot >= TOLERATED_OVERSHOOT_PX or box[0] >= box[2] or box[1] >= box[3]:
        raise InputError(
            f"{shown} leaves its image of {size[0]}x{size[1]} pixels",
            "correct the box; is it drawn on this image, and in the units of this format?",
            file=file,
            field=field,
        )
    return box, overshoot > ROUNDING_PX


def check_class_names(
    names: Iterable[tuple[str, str]], file: Path, field: str | None = None
) -> None:
    """Makes sure that class names are text, and differ by more than upper and lower case.

    Args:
        names: Each with the field it stands in.
        file: For messages.
        field: Of them all, for messages.

    Raises:
        InputError: Names the class and the field.
    """
    seen: dict[str, str] = {}
    for name, where in names:
        if (
            not name
            or name != name.strip()
            or not name.isprintable()
            or len(name) > MAX_NAME_LENGTH
        ):
            raise InputError(
                f"{name!r:.80} is no name of a class",
                f"rename it: printable text of up to {MAX_NAME_LENGTH} characters",
                file=file,
                field=where,
            )
        known = seen.get(name.casefold())
        if known is not None:
            told = (
                f"{name!r} is the name of two categories"
                if known == name
                else f"{name!r} and {known!r} differ only in upper and lower case"
            )
            raise InputError(told, "join them, or name them apart", file=file, field=where)
        seen[name.casefold()] = name
    if not seen:
        raise InputError("names no class", "add the classes", file=file, field=field)
    if len(seen) > MAX_CLASSES:
        raise InputError(
            f"names {len(seen)} classes, more than {MAX_CLASSES}",
            "is this the right file?",
            file=file,
            field=field,
        )
