"""Makes a COCO dataset of the work that people did in Label Studio.

The latest answer to a task counts, unless it was skipped; a task without answer is left out, as an
unlabelled image is not an empty one. What a box can't be in COCO (turned, a polygon, without class)
is refused by name. Drawn boxes are judged in `drawn`; reading and writing files is left to `tasks`
and the command.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio import memory
from beltmark.datasets.label_studio.addresses import file_name_of, is_within
from beltmark.datasets.label_studio.drawn import DrawnBox, drawn_boxes
from beltmark.datasets.label_studio.labelled import (
    Ids,
    LabelledTask,
    annotation_rows,
    image_row,
    remembered_ids,
)
from beltmark.datasets.label_studio.regions import Size
from beltmark.datasets.label_studio.tasks import Task, Work
from beltmark.datasets.label_studio.words import (
    IMAGE,
    NONE_OF_THESE,
    UNSURE,
    Category,
    Row,
    check_distinct,
    numbered,
)
from beltmark.datasets.sizes import image_sizes


@dataclass(frozen=True)
class ImportPlan:
    """How an export is read.

    Attributes:
        source: The export, for messages.
        folder: Of the dataset; the images lie below it.
        categories: The classes; empty to take those that the tasks tell or use.
        images_prefix: What goes before the file names in the tasks' addresses.
        ignored_controls: Names of controls whose answers are passed over.
        is_of_project: The tasks come from a project, which has its classes and its images; whoever
            reads a file can say more of them.
    """

    source: Path
    folder: Path
    categories: Sequence[Category] = ()
    images_prefix: str = ""
    ignored_controls: frozenset[str] = frozenset()
    is_of_project: bool = False


@dataclass(frozen=True)
class Imported:
    """A COCO dataset made of tasks.

    Attributes:
        document: The dataset.
        unsure: How many regions are not judged.
        unanswered: Tasks that nobody answered: left out.
        skipped: Tasks whose every answer was skipped: left out.
        several: Tasks with more than one answer, of which the latest was taken.
        is_from_min: What was stored beside the boxes (such as `track_id`) was not in the export.
    """

    document: Row
    unsure: int
    unanswered: int
    skipped: int
    several: int
    is_from_min: bool


def to_coco(tasks: Sequence[Task], plan: ImportPlan) -> Imported:
    """Returns the dataset.

    Ids are those that the tasks remember; what is new gets the numbers after the highest. A box
    that nobody moved is the box that was exported, to the bit. Tasks keep their order.

    Raises:
        InputError: Names the export, the task, the region and the mend.
    """
    counts: Counter[str] = Counter()
    labelled: list[LabelledTask] = []
    header: Row | None = None
    for task in tasks:
        told = memory.dataset_of(task, plan.source)
        if header is not None and told is not None and told != header:
            raise InputError(
                "is of another dataset than the tasks before it",
                "export each dataset's tasks on their own, or join the datasets first",
                file=plan.source,
                field=task.name,
            )
        header = header or told
        answers = [work for work in task.works if not work.was_cancelled]
        counts["unanswered"] += not task.works
        counts["skipped"] += bool(task.works) and not answers
        counts["several"] += len(answers) > 1
        if answers:
            labelled.append(_label(task, latest(answers), plan))
    if not labelled:
        raise InputError("no task has an answer", "label some first", file=plan.source)
    _check_images(labelled, plan)
    categories = _categories(labelled, header, plan)
    document = {**(header or {}), **_rows(labelled, categories, plan.source)}
    unsure = sum(box.label == UNSURE for each in labelled for box in each.boxes)
    return Imported(
        document,
        unsure,
        counts["unanswered"],
        counts["skipped"],
        counts["several"],
        any(task.is_min for task in tasks),
    )


def _rows(tasks: list[LabelledTask], categories: list[Category], source: Path) -> Row:
    """Returns the three lists of the dataset."""
    category_ids = {row["name"]: row["id"] for row in categories}
    image_ids = Ids({task.image.get("id") or 0 for task in tasks})
    ids = Ids(remembered_ids(tasks, source))
    images: list[Row] = []
    annotations: list[Row] = []
    for task in tasks:
        images.append(image_row(task, image_ids, source))
        annotations += annotation_rows(task, images[-1]["id"], category_ids, ids, source)
    return {"categories": categories, "images": images, "annotations": annotations}


def latest(answers: Sequence[Work]) -> Work:
    """Returns the answer that was changed last.

    That it is marked as ground truth doesn't count: Label Studio marks so whatever is imported, and
    the correction of it would lose.
    """
    return max(answers, key=lambda work: (work.as_of, work.id or 0))


def _label(task: Task, work: Work, plan: ImportPlan) -> LabelledTask:
    boxes = drawn_boxes(work, task.name, plan.source, plan.ignored_controls)
    row = memory.image_of(task, plan.source)
    if row is None:
        address = task.data.get(IMAGE)
        if not isinstance(address, str):
            raise InputError(
                "names no image",
                f"its data needs the field {IMAGE!r}",
                file=plan.source,
                field=task.name,
            )
        row = {"file_name": file_name_of(address, plan.images_prefix)}
    if not is_within(row["file_name"]):
        raise InputError(
            f"{row['file_name']!r:.80} is no file below the dataset's folder",
            "push the image again"
            if plan.is_of_project
            else "say with --images-prefix what goes before the file name in the image's address",
            file=plan.source,
            field=task.name,
        )
    return LabelledTask(task.name, row, _size(task, row, boxes, plan), tuple(boxes))


def _size(task: Task, row: Row, boxes: Sequence[DrawnBox], plan: ImportPlan) -> Size:
    """Returns the image's size as the dataset, else the regions, else the image itself tell it."""
    told: dict[Size, str] = {}
    if "width" in row:
        told[row["width"], row["height"]] = "its row"
    for box in boxes:
        if box.region.original_width and box.region.original_height:
            told[box.region.original_width, box.region.original_height] = box.where
    if len(told) > 1:
        (first, one), (second, other) = list(told.items())[:2]
        raise InputError(
            f"its image has {first[0]}x{first[1]} pixels by {one}, "
            f"but {second[0]}x{second[1]} by {other}",
            "was the image replaced? label it anew",
            file=plan.source,
            field=task.name,
        )
    return next(iter(told)) if told else _size_of_file(task, row, plan)


def _size_of_file(task: Task, row: Row, plan: ImportPlan) -> Size:
    path = plan.folder / row["file_name"]
    if not path.is_file():
        raise InputError(
            "has no box, and nothing else tells its image's size",
            f"copy the image to {path}",
            file=plan.source,
            field=task.name,
        )
    return image_sizes([path])[0]


def _check_images(labelled: Sequence[LabelledTask], plan: ImportPlan) -> None:
    """Makes sure that no image comes twice."""
    first: dict[tuple[str, Any], str] = {}
    for each in labelled:
        for key in ("file_name", "id"):
            value = each.image.get(key)
            if value is None:
                continue
            if (key, value) in first:
                raise InputError(
                    f"is of the image that {first[key, value]} is of ({key} {value!r:.80})",
                    "remove one of them"
                    if plan.is_of_project
                    else "remove one of them; if their files differ, say --images-prefix",
                    file=plan.source,
                    field=each.name,
                )
            first[key, value] = each.name


def _categories(
    labelled: Sequence[LabelledTask], header: Row | None, plan: ImportPlan
) -> list[Category]:
    """Returns the classes: as told, or else those that were used; each label is one of them."""
    used = {box.label: box.where for each in labelled for box in each.boxes if box.label != UNSURE}
    categories = list(plan.categories) or memory.categories_of(header)
    if not categories:
        categories = numbered(sorted(used))
    check_distinct(categories, plan.source)
    known = {row["name"] for row in categories}
    if NONE_OF_THESE in used and NONE_OF_THESE not in known:
        next_id = max(row["id"] for row in categories) + 1
        categories.append({"id": next_id, "name": NONE_OF_THESE})
        known.add(NONE_OF_THESE)
    for label, where in used.items():
        if label not in known:
            raise InputError(
                f"{label!r:.80} is no class (known: {', '.join(sorted(known))})",
                "choose another label, or add the class with `beltmark-label project`"
                if plan.is_of_project
                else "choose another label, or name the classes with --classes",
                file=plan.source,
                field=where,
            )
    if not categories:
        raise InputError("names no class", "name them with --classes", file=plan.source)
    return categories
