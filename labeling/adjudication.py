"""The queue of tasks on which people disagree: seen in Label Studio as a tab of the project.

A field of a task's data says so; it goes when the task is settled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.tasks import tasks_of
from labeling.agreement import Tally
from labeling.gold import Accuracy, GoldImage
from labeling.projects import DISAGREEMENT, REVIEW_FIELD
from labeling.samples import DIGEST_FIELD
from labeling.settling import (
    OF_REVIEW,
    Contested,
    Rules,
    Settled,
    Unusable,
    by_person,
    judged_boxes,
    settle,
)
from labeling.studio.port import Studio


@dataclass
class Settlement:
    """What all tasks come to.

    Attributes:
        settled: Those with an answer that counts.
        contested: Those for adjudication.
        unusable: Those with an answer that can be no dataset's.
        waiting: How many wait for answers.
        tally: Who agrees with whom.
        accuracy: How near to the truth each person comes in gold tasks.
        marks: New data of tasks whose place in the queue changes, by task.
    """

    settled: list[Settled] = field(default_factory=list)
    contested: list[Contested] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    waiting: int = 0
    tally: Tally = field(default_factory=Tally)
    accuracy: dict[str, Accuracy] = field(default_factory=dict)
    marks: dict[int, Mapping[str, Any]] = field(default_factory=dict)


def settle_all(
    rows: Iterable[Mapping[str, Any]], rules: Rules, gold: Mapping[str, GoldImage] | None = None
) -> Settlement:
    """Returns what tasks come to; of those that are not settled no answer stays in memory.

    Args:
        rows: The tasks as they were pulled.
        rules: How answers are judged.
        gold: What is known to be in images, by digest: answers to these are measured, and no more.
    """
    found = Settlement()
    for row in rows:
        truth = gold.get(str(row["data"].get(DIGEST_FIELD))) if gold else None
        if truth is not None:
            _measure(row, truth, rules, found)
            continue
        outcome = settle(row, rules, found.tally)
        match outcome:
            case Settled():
                found.settled.append(outcome)
            case Contested():
                found.contested.append(outcome)
            case Unusable():
                found.unusable.append(outcome)
            case None:
                found.waiting += 1
        data = _marked(row["data"], outcome)
        if data != row["data"]:
            found.marks[row["id"]] = data
    return found


def _marked(
    data: Mapping[str, Any], outcome: Settled | Contested | Unusable | None
) -> dict[str, Any]:
    """Returns a task's data as it is to be: what is in a queue, and what has been answered anew."""
    gone = {REVIEW_FIELD}
    if isinstance(outcome, Settled | Contested):
        gone |= OF_REVIEW
    kept = {key: value for key, value in data.items() if key not in gone}
    return {**kept, REVIEW_FIELD: DISAGREEMENT} if isinstance(outcome, Contested) else kept


def _measure(row: Mapping[str, Any], truth: GoldImage, rules: Rules, found: Settlement) -> None:
    try:
        (task,) = tasks_of([dict(row)], rules.where)
        for person, work in by_person(task, rules.people).items():
            boxes = judged_boxes(task, work, rules)
            found.accuracy.setdefault(person, Accuracy()).add(truth, boxes, rules.min_iou)
    except InputError as error:
        found.unusable.append(Unusable(row["id"], (str(error),)))


def mark(studio: Studio, settlement: Settlement) -> None:
    """Tells the server which tasks are in the queue.

    Raises:
        InputError: It does not answer; what was told stays.
    """
    for task, data in settlement.marks.items():
        studio.set_data(task, data)
