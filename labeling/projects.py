"""Finds a project by its title, makes it, and lets it follow its class list.

What a configuration becomes is decided in `project_config`; here the server is asked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.tasks import tasks_of
from labeling.config import label_config
from labeling.project_config import config_change
from labeling.studio.port import Project, Studio, TaskRow

PAGE: Final = 200
"""Tasks that are asked for at once."""

REVIEW_FIELD: Final = "review"
"""Field of a task's data that says why somebody is to look at it again."""

DISAGREEMENT: Final = "annotators disagree"
TAB_TITLE: Final = "Adjudication"


@dataclass(frozen=True)
class ProjectChange:
    """What became of a project.

    Attributes:
        project: As it is now.
        what: Whether it was made, changed, or stayed.
        added: Classes that it did not have.
        removed: Classes that it had, and nobody used.
    """

    project: Project
    what: Literal["made", "changed", "unchanged"]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def find_project(studio: Studio, title: str) -> Project:
    """Finds a project.

    Raises:
        InputError: There is none, or there are several.
    """
    found = _find(studio, title)
    if found is None:
        raise InputError(
            f"has no project {title!r:.80}",
            "make it with `beltmark-label project CLASSES`",
            file=studio.address,
        )
    return found


def ensure_project(studio: Studio, title: str, class_names: Sequence[str]) -> ProjectChange:
    """Makes the project, or lets it follow the class list; done twice it changes nothing.

    Raises:
        InputError: A class that is gone from the list is in use; the project is as it was.
    """
    project = _find(studio, title)
    if project is None:
        project = studio.make_project(title, label_config(class_names))
        _ensure_tabs(studio, project)
        return ProjectChange(project, "made")
    where = f"{studio.address}: project {title!r:.80}"
    change = config_change(project.config, class_names, where)
    if change.removed:
        _check_unused(studio, project, change.removed, where)
    if change:
        studio.set_config(project.id, change.config)
        project = replace(project, config=change.config)
    _ensure_tabs(studio, project)
    return ProjectChange(
        project, "changed" if change else "unchanged", change.added, change.removed
    )


def every_task(
    studio: Studio,
    project: int,
    *,
    after: int = 0,
    since: datetime | None = None,
    with_answers: bool = False,
) -> Iterator[list[TaskRow]]:
    """Gives a project's tasks page by page, in the order of their ids; see `Studio.tasks`.

    By ids and not by numbers of pages: tasks that come and go meanwhile shift nothing.
    """
    while True:
        page = studio.tasks(
            project, after=after, since=since, limit=PAGE, with_answers=with_answers
        )
        if not page:
            return
        yield page
        after = page[-1]["id"]


def _find(studio: Studio, title: str) -> Project | None:
    found = [project for project in studio.projects() if project.title == title]
    if len(found) > 1:
        raise InputError(
            f"has {len(found)} projects {title!r:.80}", "rename one of them", file=studio.address
        )
    return found[0] if found else None


def _ensure_tabs(studio: Studio, project: Project) -> None:
    # Label Studio shows all tasks of its own accord only where there is no tab.
    studio.ensure_tab(project.id, "All tasks", {})
    studio.ensure_tab(project.id, TAB_TITLE, {REVIEW_FIELD: DISAGREEMENT})


def _check_unused(studio: Studio, project: Project, names: Sequence[str], where: str) -> None:
    """Makes sure that nobody has drawn a box of these classes: Label Studio itself does not mind.

    It looks at the annotations themselves; the server's own summary leaves out imported ones.
    """
    used: Counter[str] = Counter()
    for page in every_task(studio, project.id, with_answers=True):
        for task in tasks_of(page, Path(where)):
            for work in task.works:
                for region in work.result:
                    used.update(region.value.get("rectanglelabels", ()))
    in_use = {name: used[name] for name in names if used[name]}
    if in_use:
        told = ", ".join(f"{name!r:.80} ({count} boxes)" for name, count in in_use.items())
        raise InputError(
            f"would lose classes that are in use: {told}",
            "leave them in the list, or give their boxes another class first",
            file=where,
        )
