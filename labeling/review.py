"""Sends annotations that are probably wrong back to people: a tab of the project, the worst first.

What is suspected comes from `beltmark-train data check --deep` (`training/suspects`). An image that
is a task is marked, and answers from before the mark count no more; one that is none becomes a
task first. A task without an answer gets its boxes as one, so that they are seen. Once somebody has
answered anew it is settled like any other.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.checks.finding import name_of
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.images import MAX_IMAGE_BYTES
from beltmark.datasets.label_studio.tasks import Task, tasks_of
from labeling.importing import answered_task, regions
from labeling.making import make_tasks, tasks_there
from labeling.projects import every_task
from labeling.samples import DIGEST_FIELD, Sample, decode_sample, sample_of
from labeling.settling import IN_REVIEW, NOT_YET, REVIEW_AFTER, REVIEW_RANK, REVIEW_REASON
from labeling.studio.port import Studio, TaskRow

TAB_TITLE: Final = "Review"
REVIEW_OF: Final = "review_of"
"""Field of a task's data: by which check it was last sent back. Once is enough."""

KINDS: Final = ("wrong-class", "outlier")
"""What is suspected unless told otherwise."""

_MAX_REPORT_BYTES: Final = 1024 * 1024 * 1024
_MAX_REASON: Final = 1_000


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _Place(_Read):
    image: str


class _Finding(_Read):
    kind: str
    told: str
    places: tuple[_Place, ...] = ()


class _Report(_Read):
    dataset: str = Field(min_length=1)
    sha256: str
    findings: tuple[_Finding, ...]


@dataclass(frozen=True)
class Suspicion:
    """An image whose annotations are probably wrong.

    Attributes:
        image: Its name in the dataset.
        reason: What is wrong.
    """

    image: str
    reason: str


@dataclass(frozen=True)
class Suspicions:
    """What a check suspects.

    Attributes:
        dataset: The path of what was checked.
        sha256: Of what its annotations said.
        images: The worst first.
    """

    dataset: Path
    sha256: str
    images: tuple[Suspicion, ...]


@dataclass
class Reviewed:
    """What came of it.

    Attributes:
        marked: How many tasks are in the tab now that were not.
        there: How many were in it before, or were answered anew since the check.
        made: How many images became tasks.
        problems: Images that can't be reviewed, and why.
    """

    marked: int = 0
    there: int = 0
    made: int = 0
    problems: list[str] = field(default_factory=list)


def read_suspicions(path: Path, kinds: Collection[str] = KINDS) -> Suspicions:
    """Reads what a check wrote.

    Args:
        path: Its `report.json`.
        kinds: Which of its findings count.

    Raises:
        InputError: It is none, or found nothing of these kinds.
    """
    try:
        report = _Report.model_validate_json(read_bytes(path, limit=_MAX_REPORT_BYTES))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InputError(
            f"is no report of a check: {first['msg']}",
            "give the report.json of `beltmark-train data check --deep`",
            file=path,
            field=".".join(map(str, first["loc"])) or None,
        ) from None
    reasons: dict[str, list[str]] = {}
    for finding in report.findings:  # they stand in the order in which people are to look
        if finding.kind in kinds and finding.places:
            told = finding.told if finding.kind != "outlier" else f"outlier: {finding.told}"
            reasons.setdefault(finding.places[0].image, []).append(told)
    if not reasons:
        raise InputError(
            f"suspects nothing ({', '.join(kinds)})",
            "was it made with --deep? or name other --kinds",
            file=path,
        )
    images = tuple(Suspicion(name, "; ".join(told)[:_MAX_REASON]) for name, told in reasons.items())
    return Suspicions(Path(report.dataset), report.sha256, images)


def review(
    studio: Studio,
    project: int,
    dataset: Dataset,
    suspicions: Sequence[Suspicion],
    advance: Callable[[int], None] = lambda _: None,
) -> Reviewed:
    """Puts suspected images into the tab, each with its reason; done twice it changes nothing.

    Args:
        studio: Where.
        project: In which project; it has the dataset's classes.
        dataset: What was checked.
        suspicions: The worst first.
        advance: Is told how many more are done.

    Raises:
        InputError: The server does not answer; what was done stays.
    """
    reviewed = Reviewed()
    samples, marks = _samples(dataset, suspicions, reviewed)
    studio.ensure_tab(project, TAB_TITLE, {IN_REVIEW: "yes"}, order=REVIEW_RANK)
    there = tasks_there(studio, project)
    missing = []
    for sample in samples.values():
        try:
            if sample.digest not in there.digests:
                content = read_bytes(sample.image.path, limit=MAX_IMAGE_BYTES)
                decode_sample(content, sample.image)
                missing.append(sample)
        except InputError as error:
            reviewed.problems.append(f"{error}: left out")

    def build(sample: Sample, address: str) -> dict[str, Any]:
        task = answered_task(sample, address, dataset, "annotations", there.names)
        there.names.add(sample.file_name)
        # When its answer was given only the server knows: until that is asked for, none counts.
        mark = {**marks[sample.digest], REVIEW_AFTER: NOT_YET}
        return {**task, "data": {**task["data"], **mark}}

    reviewed.made = make_tasks(
        studio, project, missing, build, there=there, problems=reviewed.problems
    )
    for page in every_task(studio, project):
        for row in page:
            digest = str(row["data"].get(DIGEST_FIELD))
            if digest in marks:
                shown = regions(samples[digest].image, dataset, "annotations")
                _mark(studio, project, row, marks[digest], shown, reviewed=reviewed)
                advance(1)
    reviewed.marked -= reviewed.made
    return reviewed


def _samples(
    dataset: Dataset, suspicions: Sequence[Suspicion], reviewed: Reviewed
) -> tuple[dict[str, Sample], dict[str, dict[str, str]]]:
    """Returns suspected images, the worst first, and what their tasks' data is to say."""
    images = {name_of(image, dataset): image for image in dataset.images}
    samples: dict[str, Sample] = {}
    marks: dict[str, dict[str, str]] = {}
    for rank, each in enumerate(suspicions, 1):
        image = images.get(each.image)
        try:
            if image is None:
                raise InputError("is no image of the dataset", "check it again", file=each.image)
            sample, _ = sample_of(image, dataset)
        except InputError as error:
            reviewed.problems.append(f"{error}: left out")
            continue
        if sample.digest not in samples:
            samples[sample.digest] = sample
            # Label Studio sorts fields of the data as texts.
            marks[sample.digest] = {
                IN_REVIEW: "yes",
                REVIEW_REASON: each.reason,
                REVIEW_RANK: f"{rank:06d}",
                REVIEW_OF: dataset.sha256[:16],
            }
    return samples, marks


def _mark(
    studio: Studio,
    project: int,
    row: TaskRow,
    mark: dict[str, str],
    shown: Sequence[Mapping[str, Any]],
    *,
    reviewed: Reviewed,
) -> None:
    data = dict(row["data"])
    is_new = data.get(REVIEW_AFTER) == NOT_YET
    if not is_new and (data.get(IN_REVIEW) or data.get(REVIEW_OF) == mark[REVIEW_OF]):
        reviewed.there += 1
        if data.get(IN_REVIEW) and any(data.get(key) != value for key, value in mark.items()):
            studio.set_data(row["id"], {**data, **mark})
        return
    data.pop(REVIEW_AFTER, None)
    task = _answered(studio, project, row["id"])
    if all(work.was_cancelled for work in task.works):
        # What is suspected is to be seen. Marked first: it must never count as somebody's answer.
        studio.set_data(row["id"], {**data, **mark, REVIEW_AFTER: NOT_YET})
        studio.add_answer(row["id"], shown)
        task = _answered(studio, project, row["id"])
    answered = [work.as_of for work in task.works]
    after = {REVIEW_AFTER: max(answered).isoformat()} if answered else {}
    studio.set_data(row["id"], {**data, **mark, **after})
    reviewed.marked += 1


def _answered(studio: Studio, project: int, number: int) -> Task:
    """Returns a task with its answers."""
    (full,) = studio.tasks(project, after=number - 1, limit=1, with_answers=True)
    (task,) = tasks_of([dict(full)], Path(f"{studio.address}/projects/{project}"))
    return task
