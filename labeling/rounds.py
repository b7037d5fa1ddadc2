"""One round of a sync: new images to tasks within the day's budget, annotations to a snapshot.

Pushing and pulling are `push`'s and `harvest`'s, which lose and double nothing wherever they are
cut off; so what is left to do is always found on the server, and a round keeps nothing itself but
what spares looking twice.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.words import NONE_OF_THESE
from labeling.harvest import Harvest, HarvestPlan, harvest
from labeling.looks import Looks
from labeling.project_config import class_names_of
from labeling.projects import find_project
from labeling.push import Pushed, PushPlan, push
from labeling.registering import TITLE
from labeling.samples import Seen
from labeling.sources import Source, Supply
from labeling.studio.port import Project, Studio, StudioAway
from labeling.views import Models

_UNSEEN: Final = timedelta(seconds=30)
"""A change gets its time before it can be seen: so long after one is looked again."""


class Eyes(Protocol):
    """A model; see `Champion`."""

    version: str

    def key(self, class_names: Set[str]) -> str:
        """Tells what it shows to a project of these classes from what others do."""
        ...

    def look(self, image_bgr: NDArray[np.uint8], class_names: Set[str] | None = None) -> Seen:
        """Looks at one image, uint8 [H, W, 3] 0..255 BGR."""
        ...


@dataclass(frozen=True)
class SyncPlan:
    """What a sync is for.

    Attributes:
        title: The project's.
        a_day: At most so many new tasks a day, by the clock of where it runs.
        random_share: See `PushPlan`.
        seed: See `PushPlan`.
        harvest: What becomes of annotations.
    """

    title: str
    a_day: int
    random_share: float
    seed: int
    harvest: HarvestPlan


@dataclass
class Round:
    """What a round came to.

    Attributes:
        made: Tasks that it made.
        today: Tasks that were made today in all.
        a_day: The day's budget.
        queued: Images that wait for another day, as far as is known.
        waiting: Tasks that wait for annotations.
        settled: Tasks with an answer that counts.
        contested: Tasks for adjudication.
        unusable: Tasks with an answer that can be no dataset's.
        snapshot: Digest of the latest snapshot, where there is one.
        images: Images in it.
        problems: What was left out, and why.
    """

    a_day: int
    made: int = 0
    today: int = 0
    queued: int = 0
    waiting: int = 0
    settled: int = 0
    contested: int = 0
    unusable: int = 0
    snapshot: str = ""
    images: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = (
            f"{self.waiting} waiting, {self.settled} settled, {self.contested} contested"
            f"{f', {self.unusable} unusable' if self.unusable else ''}; "
            f"{self.today} of {self.a_day} tasks made today"
        )
        if self.queued:
            told += f", {self.queued} images queued"
        return (
            f"{told}; snapshot {self.snapshot[:12]}, {self.images} images"
            if self.snapshot
            else told
        )


class Rounds:
    """Makes round after round.

    Args:
        open_studio: Connects to the server.
        plan: What for.
        sources: Where images come from, the most valuable first.
        eyes: The champion.
        clock: Local time, with its offset.
        meet: Is told the project in each round, before anything is done.
        cache: Folder that keeps what the champion saw: what waits for another day is then not
            looked at again in each round.
    """

    def __init__(
        self,
        open_studio: Callable[[], Studio],
        plan: SyncPlan,
        sources: Sequence[Source],
        eyes: Eyes | None,
        clock: Callable[[], datetime],
        *,
        meet: Callable[[Project], None] = lambda _: None,
        cache: Path | None = None,
    ) -> None:
        self._open, self._plan, self._sources, self._eyes = open_studio, plan, sources, eyes
        self._clock, self._meet, self._cache = clock, meet, cache
        self._studio: Studio | None = None
        self._queued: dict[Source, int] = {}
        self._latest: Harvest | None = None
        self._seen: tuple[object, datetime, datetime] | None = None

    def reconnect(self) -> None:
        """Opens the connection anew in the next round: there may be another token."""
        self._studio = None

    def run(self, check: Callable[[], None] = lambda: None) -> Round:
        """Makes a round.

        Args:
            check: Is called between steps, and may raise what ends the round; nothing is lost.

        Raises:
            StudioAway: The server does not answer.
            InputError: It refuses, or nothing can be kept.
        """
        self._studio = studio = self._studio or self._open()
        project = find_project(studio, self._plan.title)
        self._meet(project)
        told = Round(self._plan.a_day)
        self._push(studio, project, told, check)
        self._harvest(studio, project, told, check)
        return told

    def _push(
        self, studio: Studio, project: Project, told: Round, check: Callable[[], None]
    ) -> None:
        names = frozenset(class_names_of(project.config, studio.address))
        told.today = studio.made_since(project.id, _midnight(self._clock()))
        with self._looking(names) as models:
            self._push_all(studio, project, models, told, check)
        if told.made and self._eyes is not None:
            now = find_project(studio, self._plan.title)
            if now.shown != TITLE:  # else the server asks the champion itself
                studio.show_predictions(project.id, self._eyes.version)

    @contextmanager
    def _looking(self, names: frozenset[str]) -> Iterator[Models | None]:
        if self._eyes is None:
            yield None
            return
        with closing(Looks(self._cache, self._eyes.key(names))) as looks:
            yield Models(_ProjectEyes(self._eyes, names), looks)

    def _push_all(
        self,
        studio: Studio,
        project: Project,
        models: Models | None,
        told: Round,
        check: Callable[[], None],
    ) -> None:

        def make(supply: Supply) -> Pushed:
            left = told.a_day - told.today
            plan = PushPlan(left, self._plan.random_share, self._plan.seed, supply.reason)
            return push(
                studio, project.id, supply.dataset, plan, eyes=models, advance=lambda _: check()
            )

        for source in self._sources:
            with _telling(told.problems):
                told.problems += source.refresh()
                check()
                self._push_from(source, make, told)

    def _push_from(self, source: Source, make: Callable[[Supply], Pushed], told: Round) -> None:
        if told.today >= told.a_day:
            told.queued += self._queued.get(source, 0)
            return
        queued = 0
        for supply in source.read():
            if told.today >= told.a_day:
                queued += len(supply.dataset.images)
                continue
            pushed = make(supply)
            told.made += pushed.made
            told.today += pushed.made
            told.problems += pushed.problems
            queued += pushed.waiting
        if not queued:
            source.done()
        self._queued[source] = queued
        told.queued += queued

    def _harvest(
        self, studio: Studio, project: Project, told: Round, check: Callable[[], None]
    ) -> None:
        now = self._clock()
        state = (
            project.id,
            project.config,
            studio.last_change(project.id),
            studio.count(project.id),
        )
        known = self._seen
        first_seen = known[1] if known and known[0] == state else now
        if (
            self._latest is None
            or known is None
            or known[0] != state
            or known[2] < first_seen + _UNSEEN
        ):

            @contextmanager
            def counting(_what: str, _total: int | None) -> Iterator[Callable[[int], None]]:
                yield lambda _: check()

            plan = self._plan.harvest
            self._latest = harvest(
                studio, project, plan, lambda: self._clock().astimezone(UTC), counting
            )
            self._seen = (state, first_seen, now)
        latest = self._latest
        settlement, taken = latest.settlement, latest.taken
        told.waiting, told.settled = settlement.waiting, len(settlement.settled)
        told.contested, told.unusable = len(settlement.contested), len(settlement.unusable)
        told.problems += latest.problems
        if taken is not None:
            told.snapshot, told.images = taken.digest, taken.images


@dataclass(frozen=True)
class _ProjectEyes:
    """The champion, showing what the project knows."""

    eyes: Eyes
    class_names: frozenset[str]

    def look(self, image_bgr: NDArray[np.uint8]) -> Seen:
        return self.eyes.look(image_bgr, self.class_names)


def check_classes(known: Set[str], project: Set[str], where: str) -> list[str]:
    """Returns what is to be told of a package whose classes are not quite the project's.

    Raises:
        InputError: They have none in common: it is of something else.
    """
    ours, theirs = known - {NONE_OF_THESE}, project - {NONE_OF_THESE}
    if not ours & theirs:
        raise InputError(
            f"knows no class of the project, but {', '.join(sorted(ours))[:200]}",
            "give the package of this project, or another --title",
            file=where,
        )
    told = []
    if ours - theirs:
        told.append(f"{where}: not classes of the project: {', '.join(sorted(ours - theirs))}")
    if theirs - ours:
        told.append(f"{where}: does not know: {', '.join(sorted(theirs - ours))}")
    return told


@contextmanager
def _telling(problems: list[str]) -> Iterator[None]:
    """Lets a source that cannot be read hold up nothing else."""
    try:
        yield
    except StudioAway:
        raise
    except InputError as error:
        problems.append(str(error))


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
