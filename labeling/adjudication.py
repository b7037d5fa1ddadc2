"""The queue of tasks on which people disagree: seen in Label Studio as a tab of the project.

A field of a task's data says so; it goes when the task is settled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.agreement import Tally
from labeling.projects import DISAGREEMENT, REVIEW_FIELD
from labeling.settling import Contested, Rules, Settled, Unusable, settle
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
        marks: New data of tasks whose place in the queue changes, by task.
    """

    settled: list[Settled] = field(default_factory=list)
    contested: list[Contested] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    waiting: int = 0
    tally: Tally = field(default_factory=Tally)
    marks: dict[int, Mapping[str, Any]] = field(default_factory=dict)


def settle_all(rows: Iterable[Mapping[str, Any]], rules: Rules) -> Settlement:
    """Returns what tasks come to; of those that are not settled no answer stays in memory."""
    found = Settlement()
    for row in rows:
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
        is_marked = row["data"].get(REVIEW_FIELD) == DISAGREEMENT
        if isinstance(outcome, Contested) != is_marked:
            data = {key: value for key, value in row["data"].items() if key != REVIEW_FIELD}
            found.marks[row["id"]] = data if is_marked else {**data, REVIEW_FIELD: DISAGREEMENT}
    return found


def mark(studio: Studio, settlement: Settlement) -> None:
    """Tells the server which tasks are in the queue.

    Raises:
        InputError: It does not answer; what was told stays.
    """
    for task, data in settlement.marks.items():
        studio.set_data(task, data)
