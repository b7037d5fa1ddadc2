"""Fetches what changed in a project since the last time, page by page; see `kept` for restarts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from labeling.kept import Kept, Sweep
from labeling.projects import every_task
from labeling.studio.port import Studio

_MARGIN: Final = timedelta(seconds=30)
"""A change gets its time before it can be seen: so much earlier is looked at again."""


@dataclass(frozen=True)
class Pulled:
    """What came of it.

    Attributes:
        changed: Tasks that are new or have other answers, or other data but for our own marks.
        gone: Tasks that are gone from the server.
    """

    changed: int
    gone: int


def pull(
    studio: Studio, project: int, kept: Kept, advance: Callable[[int], None] = lambda _: None
) -> Pulled:
    """Fetches the tasks that changed since the last pull, with their annotations.

    Raises:
        InputError: The server does not answer; the next pull goes on where this one stopped.
    """
    sweep = kept.sweep()
    if sweep is None:
        # By the server's clock, and taken before: what changes during the sweep is in the next one.
        latest = studio.last_change(project)
        sweep = Sweep(kept.since(), None if latest is None else latest - _MARGIN)
        kept.begin(sweep)
    changed = 0
    for page in every_task(
        studio, project, after=sweep.after, since=sweep.since, with_answers=True
    ):
        sweep = replace(sweep, after=page[-1]["id"])
        changed += kept.take(page, sweep)
        advance(len(page))
    kept.finish(sweep)
    gone = 0
    if kept.count() != studio.count(project):
        ids = (row["id"] for page in every_task(studio, project) for row in page)
        gone = kept.keep_only(ids)
    return Pulled(changed, gone)
