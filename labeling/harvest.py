"""One pull as a whole: what changed, what it comes to, the queue told, images, a snapshot.

Killed at any point it is gone on with by doing it again; printing is left to the commands.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.words import numbered
from beltmark.datasets.snapshots.manifest import Source
from beltmark.datasets.snapshots.store import Store
from labeling.adjudication import Settlement, mark, settle_all
from labeling.gold_registers import known_gold
from labeling.kept import Kept
from labeling.project_config import class_names_of
from labeling.pull import Pulled, pull
from labeling.pulled_images import ensure_image
from labeling.settling import Rules
from labeling.snapshots import Taken, Terms, dataset_from, take_snapshot
from labeling.studio.port import Project, Studio

Counting = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""Shows how far something is: given what, and of how many, it gives what to call with more."""


def uncounted(what: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """Shows nothing."""
    return nullcontext(lambda _: None)


@dataclass(frozen=True)
class HarvestPlan:
    """What a pull is for.

    Attributes:
        store: Folder of the snapshots.
        work: Folder that keeps what was pulled.
        name: Of the snapshot.
        by: Who makes it.
        answers: So many people must have annotated an image.
        min_iou: From which on two boxes are of one thing.
        licence: Under which the images may be used.
    """

    store: Path
    work: Path
    name: str
    by: str
    answers: int = 1
    min_iou: float = 0.5
    licence: str | None = None


@dataclass(frozen=True)
class Harvest:
    """What came of it.

    Attributes:
        pulled: What changed.
        settlement: What all tasks come to.
        problems: What was left out, and why.
        taken: The snapshot; None where nothing is settled.
    """

    pulled: Pulled
    settlement: Settlement
    problems: tuple[str, ...]
    taken: Taken | None


def harvest(
    studio: Studio,
    project: Project,
    plan: HarvestPlan,
    now: Callable[[], datetime],
    counting: Counting = uncounted,
) -> Harvest:
    """Pulls a project, and makes a snapshot of what is settled.

    Raises:
        InputError: The server does not answer, or the folders cannot be used.
    """
    where = Path(f"project {project.title}")
    names = class_names_of(project.config, f"{studio.address}: {where}")
    rules = Rules(where, numbered(names), studio.people(), plan.answers, plan.min_iou)
    kept = Kept(plan.work / "tasks.sqlite", f"{project.id} {project.created_at}")
    try:
        with counting("pulling", None) as advance:
            pulled = pull(studio, project.id, kept, advance)
        gold = known_gold(studio, project.id, kept)
        settlement = settle_all(kept.rows(), rules, gold)
    finally:
        kept.close()
    mark(studio, settlement)
    problems = [problem for each in settlement.unusable for problem in each.problems]
    images = plan.work / "images"
    settled = []
    task_of: dict[str, int] = {}
    with counting("images", len(settlement.settled)) as advance:
        for each in settlement.settled:
            try:
                name = ensure_image(studio, each, images, where)
            except InputError as error:
                if not error.field:  # of the server, not of this task
                    raise
                problems.append(str(error))
            else:
                first = task_of.setdefault(name, each.id)
                if first == each.id:
                    settled.append(each)
                else:  # two pushes at once
                    problems.append(
                        f"{where}: task {each.id}: left out, as it is of the image of task {first} "
                        "(delete one of them)"
                    )
            advance(1)
    taken = None
    if settled:
        told = {
            "path": f"label-studio:{project.title}",
            "format": "label_studio",
            "licence": plan.licence,
        }
        terms = Terms(parse(told, Source, "source"), plan.name, plan.by, now())
        taken = take_snapshot(Store.create(plan.store), dataset_from(settled, rules, images), terms)
    return Harvest(pulled, settlement, tuple(problems), taken)
