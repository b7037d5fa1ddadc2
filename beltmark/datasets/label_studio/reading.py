"""Reads an export of Label Studio (JSON or JSON-MIN) as a dataset.

What becomes of boxes is what `beltmark-label from-tasks` makes of them (`importing`): the latest
answer to a task counts, skipped answers and tasks without answer are left out, a box that is turned
is refused. It is not widened to its upright hull: that of a long item turned by 45 degrees is
mostly background and many times the item's size, so a model would learn, and be judged by, boxes
that nobody drew. Besides:

* whose answer it is, is the image's attribute `annotator`; `read_each_annotator` gives the answers
  of each person as a dataset of its own, to compare them;
* a choice for the image as a whole is its class where the export has no boxes: the choice of the
  only such control, or of that named `choice`, `class` or `label`. Other choices, and the fields
  of the task's data that splits go by (`session` and the like), are its attributes;
* choices for a box other than its flags are left out, and counted in `notes`.

Images lie beside the export or in `images` there, under the last part of their address.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from beltmark.contract.documents import parse, read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.coco import ATTRIBUTES, dataset_of
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.files import DatasetFiles
from beltmark.datasets.label_studio import memory
from beltmark.datasets.label_studio.addresses import file_name_of
from beltmark.datasets.label_studio.importing import ImportPlan, latest, to_coco
from beltmark.datasets.label_studio.tasks import Choices, Task, Work, tasks_of
from beltmark.datasets.label_studio.words import (
    FLAGS_CONTROL,
    IMAGE,
    UNSURE,
    Category,
    numbered,
)
from beltmark.datasets.text import MAX_ANNOTATION_BYTES, parse_json

_CLASS_CONTROLS: Final = ("choice", "class", "label")
_OF_DATA: Final = (*ATTRIBUTES, "scene", "sequence")


@dataclass(frozen=True)
class _Answer:
    """The answer to a task that counts.

    Attributes:
        task: With this answer alone, without what is said of the image as a whole.
        annotator: Whose it is.
        said: What is said of the image as a whole, by control.
        left_out: How many choices for boxes have no place in a dataset.
    """

    task: Task
    annotator: str | None
    said: Mapping[str, tuple[str, ...]]
    left_out: int = 0


@dataclass(frozen=True)
class _Classes:
    """The classes of an export.

    Attributes:
        control: Which choice for the whole image is its class; None where boxes are drawn.
        categories: The classes; empty to take those that the tasks tell or use.
    """

    control: str | None
    categories: Sequence[Category]


def read_label_studio(path: Path) -> Dataset:
    """Reads an export: of each task the latest answer.

    Raises:
        InputError: Names task, region and mend.
    """
    tasks, sha256 = _read(path)
    dataset = _dataset(tasks, path, sha256, _counts)
    cancelled = sum(work.was_cancelled for task in tasks for work in task.works)
    notes = list(dataset.notes)
    if cancelled:
        notes.append(f"left out {cancelled} skipped answers")
    if any(task.is_min for task in tasks):
        notes.append("JSON-MIN tells of a box only itself: export JSON to keep flags and tracks")
    return replace(dataset, notes=tuple(notes))


def read_each_annotator(path: Path) -> dict[str, Dataset]:
    """Reads an export: the answers of each person, by the name `annotator` has.

    All of these datasets have the same classes; a person's latest answer to a task counts.

    Raises:
        InputError: Names task, region and mend; or no answer tells whose it is.
    """
    tasks, sha256 = _read(path)
    works = [(task, work) for task in tasks for work in task.works if _counts(work)]
    people = sorted({work.annotator for _, work in works if work.annotator is not None})
    if not people:
        raise InputError("no answer tells whose it is", "export it from Label Studio", file=path)
    classes = _classes([_answer(task, work, path) for task, work in works], tasks, path)
    return {
        name: _dataset(tasks, path, sha256, functools.partial(_is_by, name), classes)
        for name in people
    }


def _read(path: Path) -> tuple[list[Task], str]:
    content = read_bytes(path, limit=MAX_ANNOTATION_BYTES)
    return tasks_of(parse_json(content, path), path), sha256_of(content)


def _counts(work: Work) -> bool:
    return not work.was_cancelled


def _is_by(annotator: str, work: Work) -> bool:
    return not work.was_cancelled and work.annotator == annotator


def _dataset(
    tasks: Sequence[Task],
    path: Path,
    sha256: str,
    counts: Callable[[Work], bool],
    classes: _Classes | None = None,
) -> Dataset:
    """Returns the dataset of the latest of the answers that count."""
    answered = [
        _answer(task, latest(works), path)
        for task in tasks
        if (works := [work for work in task.works if counts(work)])
    ]
    folder = _folder(answered, path)
    classes = classes or _classes(answered, tasks, path)
    # JSON-MIN doesn't tell of which box a flag is true.
    passed_over = {FLAGS_CONTROL} if any(task.is_min for task in tasks) else set()
    plan = ImportPlan(path, folder, classes.categories, ignored_controls=frozenset(passed_over))
    document = to_coco([each.task for each in answered], plan).document
    ids = {row["name"]: row["id"] for row in document["categories"]}
    for row, each in zip(document["images"], answered, strict=True):
        _tell(row, each, classes.control, ids, path)
    dataset = dataset_of(
        document, path, sha256=sha256, folders=[folder], format_name="label_studio"
    )
    without = len(tasks) - len(answered)
    several = sum(len(list(filter(counts, task.works))) > 1 for task in tasks)
    left_out = sum(each.left_out for each in answered)
    notes = [
        told
        for count, told in (
            (without, f"left out {without} tasks without answer"),
            (several, f"took the latest of several answers to {several} tasks"),
            (left_out, f"left out {left_out} choices for boxes"),
        )
        if count
    ]
    return replace(dataset, notes=tuple(notes))


def _answer(task: Task, work: Work, path: Path) -> _Answer:
    """Parts an answer into what is said of regions and what is said of the image as a whole."""
    boxes = {region.id for region in work.result if region.type == "rectanglelabels"}
    said: dict[str, tuple[str, ...]] = {}
    regions = []
    left_out = 0
    for region in work.result:
        if region.type != "choices" or region.from_name == FLAGS_CONTROL:
            regions.append(region)
            continue
        if "x" in region.value or (region.id is not None and region.id in boxes):
            left_out += 1
            continue
        where = f"{path}: {task.name}, {region.from_name}"
        said[region.from_name or ""] = parse(region.value, Choices, where).choices
    if task.is_min:  # a choice of one stands among the fields of the task's data
        said |= {
            name: (value,)
            for name in _CLASS_CONTROLS
            if isinstance(value := task.data.get(name), str) and name not in said
        }
    kept = work.model_copy(update={"result": tuple(regions)})
    return _Answer(replace(task, works=(kept,)), work.annotator, said, left_out)


def _classes(answers: Sequence[_Answer], tasks: Sequence[Task], path: Path) -> _Classes:
    """Returns the classes that these answers use, or that the tasks tell."""
    control = _class_control(answers, path)
    if control is not None:
        chosen = {name for each in answers for name in each.said.get(control, ())}
        return _Classes(control, numbered(sorted(chosen)))
    told = next((d for task in tasks if (d := memory.dataset_of(task, path)) is not None), None)
    labels = _labels(work for each in answers for work in each.task.works)
    return _Classes(None, memory.categories_of(told) or numbered(sorted(labels)))


def _class_control(answered: Sequence[_Answer], path: Path) -> str | None:
    """Returns which control tells the class of an image; None where boxes do."""
    if _labels(work for each in answered for work in each.task.works):
        return None
    controls = {name for each in answered for name in each.said}
    if len(controls) <= 1:
        return next(iter(controls), None)
    for name in _CLASS_CONTROLS:
        if name in controls:
            return name
    raise InputError(
        f"the choices {', '.join(sorted(controls)):.200}: none is known to be the class",
        "call the one that is `class` in the label configuration",
        file=path,
    )


def _labels(works: Iterable[Work]) -> set[str]:
    """Returns the labels of boxes that were drawn."""
    return {
        label
        for work in works
        for region in work.result
        if region.type == "rectanglelabels"
        if isinstance(labels := region.value.get("rectanglelabels"), list)
        for label in labels
        if isinstance(label, str) and label != UNSURE
    }


def _tell(
    row: dict[str, Any],
    each: _Answer,
    class_control: str | None,
    ids: Mapping[str, int],
    path: Path,
) -> None:
    """Adds what is told of an image as a whole to its row."""
    data = each.task.data
    for name in _OF_DATA:
        if name not in row and isinstance(data.get(name), str | int | float):
            row[name] = str(data[name])
    if each.annotator is not None:
        row["annotator"] = each.annotator
    said = dict(each.said)
    chosen = said.pop(class_control, ()) if class_control is not None else ()
    if len(chosen) > 1:
        raise InputError(
            f"{', '.join(chosen):.200}: several classes for one image",
            "choose one",
            file=path,
            field=f"{each.task.name}, {class_control}",
        )
    if chosen:
        row["category_id"] = ids[chosen[0]]
    if said:
        texts = {name: ", ".join(choices) for name, choices in said.items()}
        row["attributes"] = {**row.get("attributes", {}), **texts}


def _folder(answered: Sequence[_Answer], path: Path) -> Path:
    """Returns where the images lie: beside the export, or in `images` there."""
    if answered:
        task = answered[0].task
        row = memory.image_of(task, path)
        name = row["file_name"] if row else file_name_of(str(task.data.get(IMAGE, "")), "")
        images = path.parent / "images"
        if not DatasetFiles(path.parent).has(name) and DatasetFiles(images).has(name):
            return images
    return path.parent
