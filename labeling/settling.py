"""What the answers to a task come to: settled, contested, waiting, or not usable. Pure.

A person's latest answer counts; skipped ones don't, nor those from before a task was sent back
(`review`). Where all who answered agree, one answer stands for all. Where they don't, the task goes
to adjudication: it is settled once somebody stars an answer (Label Studio's "ground truth"), or the
annotators correct theirs until they agree. A starred answer settles a task whatever the others are.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.drawn import drawn_boxes
from beltmark.datasets.label_studio.importing import ImportPlan, latest, to_coco
from beltmark.datasets.label_studio.tasks import Task, Work, tasks_of
from beltmark.datasets.label_studio.words import Category
from labeling.agreement import Judged, Tally, consensus

IN_REVIEW: Final = "in_review"
"""Field of a task's data that says that somebody is to answer it anew; see `review`."""

REVIEW_REASON: Final = "review_reason"
REVIEW_RANK: Final = "review_rank"
OF_REVIEW: Final = frozenset((IN_REVIEW, REVIEW_REASON, REVIEW_RANK))
"""Fields that go when a task has been answered anew."""

REVIEW_AFTER: Final = "review_after"
"""Field of a task's data: only answers after this time count; `NOT_YET`, and none does."""

NOT_YET: Final = "not yet"


@dataclass(frozen=True)
class Rules:
    """How answers are judged.

    Attributes:
        where: What to name in messages.
        categories: The project's classes.
        people: Addresses of the users by their numbers.
        answers: So many people must have answered.
        min_iou: From which on two boxes are of the same thing.
    """

    where: Path
    categories: Sequence[Category]
    people: Mapping[int, str]
    answers: int = 1
    min_iou: float = 0.5


@dataclass(frozen=True)
class Settled:
    """A task with the answer that counts; packed, as all of a project's are held at once.

    Attributes:
        id: The task's number.
        packed: The task with that answer alone, as JSON, compressed.
        annotator: Whose it is.
        agreed_by: Who else gave the same.
    """

    id: int
    packed: bytes
    annotator: str
    agreed_by: tuple[str, ...]

    @property
    def task(self) -> Task:
        """The task with that answer alone."""
        (task,) = tasks_of([json.loads(zlib.decompress(self.packed))], Path(f"task {self.id}"))
        return task


def packed(row: Mapping[str, Any], work: Work) -> bytes:
    """Returns a task as it was pulled, with one of its answers, packed."""
    answers = [each for each in row["annotations"] if each.get("id") == work.id]
    told = {"id": row["id"], "data": row["data"], "annotations": answers[:1]}
    return zlib.compress(json.dumps(told, default=str).encode(), 1)


@dataclass(frozen=True)
class Contested:
    """A task on which people disagree."""

    id: int
    people: tuple[str, ...]


@dataclass(frozen=True)
class Unusable:
    """A task with an answer that can be no box of a dataset, and why."""

    id: int
    problems: tuple[str, ...]


def settle(
    row: Mapping[str, Any], rules: Rules, tally: Tally
) -> Settled | Contested | Unusable | None:
    """Returns what a task's answers come to; None where too few have answered.

    Args:
        row: The task as it was pulled.
        rules: How answers are judged.
        tally: Counts who agrees with whom.
    """
    try:
        (task,) = tasks_of([dict(row)], rules.where)
    except InputError as error:
        return Unusable(row["id"], (str(error),))
    works = by_person(_since_review(task), rules.people)
    told = {name: _problem(task, work, rules) for name, work in works.items()}
    problems = tuple(problem for problem in told.values() if problem)
    usable = [name for name in works if told[name] is None]
    starred = [name for name in usable if works[name].ground_truth]
    if problems and not starred:
        return Unusable(row["id"], problems)
    if len(usable) < rules.answers and not starred:
        return None
    judged = [(name, judged_boxes(task, works[name], rules)) for name in usable]
    chosen = consensus(judged, rules.min_iou, tally)
    others: tuple[str, ...] = ()
    if len(starred) == 1:
        name = starred[0]
    elif chosen is None:
        return Contested(row["id"], tuple(usable))
    else:
        name = usable[chosen]
        others = tuple(sorted(set(usable) - {name}))
    return Settled(row["id"], packed(row, works[name]), name, others)


def _since_review(task: Task) -> Task:
    """Returns a task with the answers that count: those since it was last sent back."""
    if task.data.get(REVIEW_AFTER) == NOT_YET:
        return replace(task, works=())
    try:
        after = datetime.fromisoformat(str(task.data[REVIEW_AFTER]))
        counting = tuple(work for work in task.works if work.as_of > after)
    except (KeyError, ValueError, TypeError):  # never, or somebody else's field of that name
        return task
    return replace(task, works=counting)


def by_person(task: Task, people: Mapping[int, str]) -> dict[str, Work]:
    """Returns each person's latest answer, the earliest first."""
    answers: dict[str, list[Work]] = {}
    for work in task.works:
        if not work.was_cancelled:
            told = work.completed_by
            name = people.get(told) if isinstance(told, int) else None
            answers.setdefault(name or work.annotator or "unknown", []).append(work)
    found = {name: latest(works) for name, works in answers.items()}
    return dict(sorted(found.items(), key=lambda each: (each[1].as_of, each[0])))


def _problem(task: Task, work: Work, rules: Rules) -> str | None:
    """Returns why an answer can be no dataset's, if so."""
    try:
        to_coco(
            [replace(task, works=(work,))],
            ImportPlan(rules.where, rules.where.parent, list(rules.categories), is_of_project=True),
        )
    except InputError as error:
        return str(error)
    return None


def judged_boxes(task: Task, work: Work, rules: Rules) -> list[Judged]:
    """Returns the boxes of an answer, in percent of the image.

    Raises:
        InputError: One of them is none.
    """
    boxes = drawn_boxes(work, task.name, rules.where, frozenset())
    # In percent: IoU is the same in every unit.
    return [Judged(box.label, box.box_xywh_percent) for box in boxes]
