"""The page of the rollouts: how far each is, what it waits for, and what a person can do."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from fleet_server.pages.context import PageContext
from fleet_server.pages.rendering import Page, parts_of
from fleet_server.releases.states import USABLE
from fleet_server.rollouts.state import LOST, Member
from fleet_server.storage.rollouts import StoredRollout

MAX_SHOWN: Final = 20
MAX_TROUBLED: Final = 12

_TONES: Final = {
    "running": "running",
    "paused": "attention",
    "stopped": "stopped",
    "aborted": "off",
    "done": "off",
}


@dataclass(frozen=True)
class WaveView:
    """A wave as it is shown.

    Attributes:
        name: As people write it.
        is_current: Whether it is the one that goes on.
        total: How many devices it has.
        running: How many of them run the release.
        told: The others, in words.
    """

    name: str
    is_current: bool
    total: int
    running: int
    told: str


@dataclass(frozen=True)
class RolloutView:
    """A rollout as it is shown.

    Attributes:
        stored: The rollout.
        tone: How it is.
        waves: Its waves.
        troubled: Devices that failed or are taken back, and why; some of them.
        more: How many more there are.
        acts: What a person can do: pause, resume, retry, abort, recall.
        is_suspect: Whether its release may have to be recalled.
    """

    stored: StoredRollout
    tone: str
    waves: tuple[WaveView, ...]
    troubled: tuple[tuple[str, Member], ...]
    more: int
    acts: frozenset[str]
    is_suspect: bool = False


def rollouts_page(context: PageContext) -> Page:
    """Makes the page.

    Raises:
        StorageUnavailable: The database cannot be read.
    """
    when = context.moments()
    stored = context.rollouts.all()
    latest = {each.plan.release: each.rollout for each in reversed(stored)}
    standings = context.releases.book.all()
    names = [name for name, each in standings.items() if each.state in USABLE]
    views = [
        replace(
            rollout_view(each),
            is_suspect=each.state.status in ("stopped", "aborted")
            and each.plan.release in names
            and latest[each.plan.release] == each.rollout,
        )
        for each in stored[:MAX_SHOWN]
    ]
    draw = parts_of("rollouts_parts.html", when)
    goes_on = any(view.stored.state.status in ("running", "paused") for view in views)
    rows = {f"rollout-{view.stored.rollout}": draw("rollout", view) for view in views}
    return Page(
        path="/rollouts",
        title="Rollouts",
        template="rollouts.html",
        fragments={"start": draw("start", names, goes_on), **rows},
        lists={"rollouts": list(rows)},
        now=when.now,
        troubles=context.troubles(),
    )


def rollout_view(stored: StoredRollout) -> RolloutView:
    """Returns a rollout as it is shown."""
    state = stored.state
    waves = []
    for index, wave in enumerate(stored.plan.waves):
        members = state.of_wave(index)
        phases = Counter(each.phase for each in members.values())
        running = phases.pop("running", 0)
        told = ", ".join(f"{number} {phase}" for phase, number in sorted(phases.items()))
        is_current = index == state.wave and state.status in ("running", "paused")
        waves.append(WaveView(str(wave), is_current, len(members), running, told))
    troubled = [
        (name, each)
        for name, each in sorted(state.members.items())
        if each.phase in LOST | {"recalling"} and each.reason
    ]
    shown = tuple(troubled[:MAX_TROUBLED])
    more = len(troubled) - len(shown)
    return RolloutView(stored, _TONES[state.status], tuple(waves), shown, more, _acts(stored))


def _acts(stored: StoredRollout) -> frozenset[str]:
    state = stored.state
    acts = {"running": {"pause", "abort"}, "paused": {"resume", "abort"}}.get(state.status, set())
    is_to_retry = state.count(("failed", "overdue", "back", "recalling")) > 0
    if state.status == "stopped" or (state.status in ("running", "paused") and is_to_retry):
        acts = acts | {"retry"}
    if state.status in ("stopped", "aborted", "done") and state.count(("running",)):
        acts = acts | {"recall"}
    return frozenset(acts)
