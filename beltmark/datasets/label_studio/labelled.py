"""An answered task as COCO's rows: its image, and an annotation for each box.

What the task remembers of the rows it was made of comes back as it was, where people left it so.
Which answer counts, and which classes there are, is left to `importing`.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.datasets.checking import TOLERATED_OVERSHOOT_PX
from beltmark.datasets.label_studio import memory
from beltmark.datasets.label_studio.drawn import DrawnBox
from beltmark.datasets.label_studio.regions import Box, Size, is_same, to_percent, to_pixels
from beltmark.datasets.label_studio.words import FLAGS, PERCENT_FIELD, UNSURE, Row


@dataclass(frozen=True)
class LabelledTask:
    """A task and the answer to it.

    Attributes:
        name: What people find the task by.
        image: Row of its image; `id`, `width` and `height` may be missing.
        size: The image's.
        boxes: The answer, in its order.
    """

    name: str
    image: Row
    size: Size
    boxes: tuple[DrawnBox, ...]


class Ids:
    """Gives each row an id: the one that it had, as long as no other has it, else a new one.

    Args:
        taken: Ids that rows had; new ones come after the highest.
    """

    def __init__(self, taken: Set[int]) -> None:
        self._next = max(taken, default=0) + 1
        self._given: set[int] = set()

    def claim(self, known: int | None) -> int:
        """Returns the id of a row that had `known` before, if any."""
        if known is None or known in self._given:
            known, self._next = self._next, self._next + 1
        self._given.add(known)
        return known


def image_row(task: LabelledTask, ids: Ids, source: Path) -> Row:
    """Returns the row of a task's image, with its regions in which nothing is judged.

    Raises:
        InputError: Such a region has no area, or lies beside the image.
    """
    row = {
        **task.image,
        "id": ids.claim(task.image.get("id")),
        "width": task.size[0],
        "height": task.size[1],
    }
    ignored = [list(_pixels(box, task.size, source)) for box in task.boxes if box.label == UNSURE]
    return {**row, "ignore": ignored} if ignored or "ignore" in row else row


def annotation_rows(
    task: LabelledTask, image_id: int, category_ids: Mapping[str, int], ids: Ids, source: Path
) -> list[Row]:
    """Returns the annotations of a task.

    Raises:
        InputError: A box has no area, or leaves the image.
    """
    rows = []
    for box in task.boxes:
        if box.label == UNSURE:
            continue
        known = _known_row(box, source)
        bbox = _pixels(box, task.size, source)
        row: Row = {
            **known,
            "id": ids.claim(known.get("id")),
            "image_id": image_id,
            "category_id": category_ids[box.label],
            "bbox": list(bbox),
        }
        if not known or not is_same(known["bbox"], box.box_xywh_percent, task.size):
            row.pop("segmentation", None)  # it is the outline of where the box was
            row["area"] = bbox[2] * bbox[3]
            row.setdefault("iscrowd", 0)
        for flag in FLAGS:
            if flag in row or flag in box.flags:
                row[flag] = flag in box.flags
        if to_percent(bbox, task.size) != box.box_xywh_percent:
            row[PERCENT_FIELD] = list(box.box_xywh_percent)
        rows.append(row)
    return rows


def remembered_ids(tasks: list[LabelledTask], source: Path) -> set[int]:
    """Returns the ids of the annotations that the tasks were made of."""
    return {row["id"] for task in tasks for box in task.boxes if (row := _known_row(box, source))}


def _known_row(box: DrawnBox, source: Path) -> Row:
    """Returns the annotation that a box was made of; a copy was made of none, nor was a new box."""
    row, is_copy = memory.annotation_of(box.region, f"{source}: {box.where}")
    return {} if row is None or is_copy else row


def _pixels(box: DrawnBox, size: Size, source: Path) -> Box:
    """Returns a box in pixels; one that nobody moved is as good as it was before."""
    where = f"{source}: {box.where}"
    row, _ = memory.annotation_of(box.region, where)
    known = memory.ignored_of(box.region, where)
    if row is not None:
        left, top, wide, high = row["bbox"]
        known = (left, top, wide, high)
    if known is not None and is_same(known, box.box_xywh_percent, size):
        return known
    x, y, width, height = to_pixels(box.box_xywh_percent, size)
    if width <= 0 or height <= 0:
        raise InputError("has no area", "draw it anew or remove it", file=source, field=box.where)
    overshoot = max(-x, -y, x + width - size[0], y + height - size[1])
    if overshoot >= TOLERATED_OVERSHOOT_PX or x >= size[0] or y >= size[1] or x + width <= 0:
        raise InputError(
            f"leaves its image of {size[0]}x{size[1]} pixels by {overshoot:.1f}",
            "draw it within the image",
            file=source,
            field=box.where,
        )
    return (x, y, width, height)
