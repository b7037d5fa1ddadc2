"""One text file of YOLO: a line an object, in shares of the image's width and height.

`class x y width height` is a box by its centre. `class x1 y1 x2 y2 x3 y3 ...` is an outline, of
which the smallest upright box is taken. Where the dataset has points of a body (`kpt_shape`), a box
comes first and the points are left out. Writing is left to `yolo_writing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.datasets.checking import checked_box
from beltmark.datasets.dataset import Box, LabelledObject
from beltmark.datasets.sizes import Size
from beltmark.datasets.text import number, whole_number

_BOX_VALUES = 5
_MIN_OUTLINE_VALUES = 7


@dataclass(frozen=True)
class LabelPlan:
    """How lines are read.

    Attributes:
        class_index: Of each class by its id.
        class_names: For messages.
        has_keypoints: A box is followed by points.
    """

    class_index: Mapping[int, int]
    class_names: tuple[str, ...]
    has_keypoints: bool = False


def parse_labels(
    text: str, path: Path, size: Size, plan: LabelPlan
) -> tuple[tuple[LabelledObject, ...], int]:
    """Returns the objects of a text file, and how many of them were cut at the image's border.

    Raises:
        InputError: Names the line and the mend.
    """
    objects, clipped = [], 0
    for index, line in enumerate(text.splitlines(), 1):
        values = line.split()
        if not values:
            continue
        where = f"line {index}"
        class_id = whole_number(values[0])
        if class_id not in plan.class_index or class_id is None:
            known = len(plan.class_names)
            raise InputError(
                f"{values[0]!r:.60} is no class ({known} are named)",
                "correct it, or name the class in data.yaml",
                file=path,
                field=where,
            )
        shares = _corners(values, plan, path, where)
        corners = (
            shares[0] * size[0],
            shares[1] * size[1],
            shares[2] * size[0],
            shares[3] * size[1],
        )
        shown = " ".join(values[:_BOX_VALUES])[:60]
        box, was_clipped = checked_box(corners, size, path, where, shown=shown)
        clipped += was_clipped
        objects.append(LabelledObject(plan.class_index[class_id], box))
    return tuple(objects), clipped


def _corners(values: list[str], plan: LabelPlan, path: Path, where: str) -> Box:
    """Returns the corners of a line's box, in shares of the image."""
    count = len(values)
    is_box = count == _BOX_VALUES or (plan.has_keypoints and count > _BOX_VALUES)
    if not is_box and (count < _MIN_OUTLINE_VALUES or count % 2 == 0):
        raise InputError(
            f"has {count} values",
            "a box has 5: class, centre x and y, width, height; an outline has 7, 9, 11, ...",
            file=path,
            field=where,
        )
    numbers = []
    for text in values[1:_BOX_VALUES] if is_box else values[1:]:
        value = number(text)
        if value is None:
            raise InputError(f"{text!r:.60} is no number", "correct it", file=path, field=where)
        numbers.append(value)
    if is_box:
        x, y, width, height = numbers
        return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return (min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2]))
