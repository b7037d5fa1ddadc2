"""Label Studio's tasks as it exports them (JSON, JSON-MIN): read, checked in form, and named.

Which of a task's annotations counts, and what its regions mean, is left to `importing`. What a
model predicted is never read: it is nobody's work.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.words import FLAGS_CONTROL
from beltmark.datasets.text import load_json

_MAX_SIZE_PX: Final = 32_768
_MIN_ONLY: Final = frozenset({"annotator", "annotation_id", "created_at", "updated_at"})
"""Fields of JSON-MIN by which it is known."""

_SIZE_FIELDS: Final = ("original_width", "original_height")
_BOX_FIELDS: Final = frozenset({"x", "y", "width", "height"})


class _Read(BaseModel):
    """Base: frozen, and tolerant of Label Studio's many other fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Region(_Read):
    """One entry of a `result`: a box, or something that is said of one.

    Attributes:
        id: What is said of one region shares its id.
        type: Of the control that made it, in lower case.
        from_name: Name of that control.
        original_width: Of the image, in pixels.
        original_height: Likewise.
        image_rotation: By how much the image was turned while people drew.
        value: What was drawn or chosen.
        meta: Whatever was stored beside it.
    """

    id: str | None = None
    type: str
    from_name: str | None = None
    original_width: int | None = Field(default=None, gt=0, le=_MAX_SIZE_PX)
    original_height: int | None = Field(default=None, gt=0, le=_MAX_SIZE_PX)
    image_rotation: float = 0
    value: dict[str, Any] = {}
    meta: dict[str, Any] | None = None


class Choices(_Read):
    """The value of a region of type `choices`: what was chosen, for a box or for the image."""

    choices: tuple[str, ...]


class Work(_Read):
    """One person's answer to a task; Label Studio calls it an annotation.

    Attributes:
        id: Its number in Label Studio.
        result: The regions.
        was_cancelled: The task was skipped.
        ground_truth: Somebody starred it; Label Studio itself does so with whatever is imported.
        completed_by: Who gave it: a number, or what Label Studio tells of the person.
        created_at: When it was begun.
        updated_at: When it was last changed.
    """

    id: int | None = None
    result: tuple[Region, ...]
    was_cancelled: bool = False
    ground_truth: bool = False
    completed_by: int | str | dict[str, Any] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def annotator(self) -> str | None:
        """Who gave it, by address where that is told, else by number."""
        told = self.completed_by
        if isinstance(told, dict):
            told = told.get("email") or told.get("id")
        return None if told is None else str(told)

    @property
    def as_of(self) -> datetime:
        """When it was last changed, as far as is known."""
        known = self.updated_at or self.created_at or datetime.min
        return known if known.tzinfo else known.replace(tzinfo=UTC)


class _Task(_Read):
    id: int | None = None
    data: dict[str, Any]
    annotations: tuple[Work, ...] = ()


@dataclass(frozen=True)
class Task:
    """A task as it was exported.

    Attributes:
        name: What people find it by, such as `task 12`.
        data: What it was made of; `image` is the address of its picture.
        works: The answers to it.
        is_min: It comes from JSON-MIN, without what was stored beside its regions.
    """

    name: str
    data: Mapping[str, Any]
    works: tuple[Work, ...]
    is_min: bool = False


def read_tasks(path: Path) -> list[Task]:
    """Reads an export of a project: JSON or JSON-MIN, found out by what is in it.

    Raises:
        InputError: Not such an export; names the task and the field.
    """
    return tasks_of(load_json(path), path)


def tasks_of(document: object, path: Path) -> list[Task]:
    """Returns the tasks of an export's content, as `json.loads` returns it.

    Raises:
        InputError: Not such an export; names the task and the field.
    """
    if isinstance(document, dict) and "images" in document:
        raise InputError("this is a COCO dataset", "give what Label Studio exported", file=path)
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise InputError(
            "not Label Studio's tasks", "export the project as JSON or JSON-MIN", file=path
        )
    if any(row.keys() >= _MIN_ONLY for row in document):
        return list(_from_min(document, path))
    return [_task(row, index, path) for index, row in enumerate(document)]


def _task(row: Mapping[str, Any], index: int, path: Path) -> Task:
    name = f"task {row['id']}" if isinstance(row.get("id"), int) else f"tasks[{index}]"
    try:
        read = parse(row, _Task, path)
    except InputError as error:
        field = ", ".join(part for part in (name, error.field) if part)
        raise InputError(error.problem, error.mend, file=path, field=field) from None
    return Task(name, read.data, read.annotations)


def _from_min(document: list[dict[str, Any]], path: Path) -> Iterator[Task]:
    """Makes tasks of JSON-MIN: a row an answer, its controls beside the fields of the task's data.

    Boxes are there with all that was drawn; what was stored beside each of them is not, nor which
    box a flag was set for.
    """
    answers: dict[object, list[dict[str, Any]]] = {}
    for index, row in enumerate(document):
        told = row.get("id")
        key = told if isinstance(told, int | str) else f"row {index}"
        answers.setdefault(key, []).append(row)
    for index, rows in enumerate(answers.values()):
        works = [_min_work(row) for row in rows if row.get("annotation_id") is not None]
        task = {"id": rows[0].get("id"), "data": rows[0], "annotations": works}
        yield replace(_task(task, index, path), is_min=True)


def _min_work(row: Mapping[str, Any]) -> dict[str, Any]:
    result = []
    for control, given in row.items():
        values = given if isinstance(given, list) else [given]
        if control == FLAGS_CONTROL:
            values = [{"choices": [value]} if isinstance(value, str) else value for value in values]
        for index, value in enumerate(values):
            if (kind := _kind_of(value)) is not None:
                size = {key: value[key] for key in _SIZE_FIELDS if key in value}
                result.append(
                    {
                        "id": f"{control}[{index}]",
                        "type": kind,
                        "from_name": control,
                        "value": value,
                        **size,
                    }
                )
    return {
        "id": row["annotation_id"],
        "result": result,
        "completed_by": row.get("annotator"),
        "created_at": row.get("created_at"),
        "updated_at": row.get("updated_at"),
    }


def _kind_of(value: object) -> str | None:
    """Returns the type of control that a value of JSON-MIN is of; None for a field of the data."""
    if not isinstance(value, dict):
        return None
    if "choices" in value:
        return "choices"
    if value.keys() >= _BOX_FIELDS:
        return next((key for key in value if key.endswith("labels")), "rectangle")
    return next((key for key in value if key.endswith("labels")), None)
