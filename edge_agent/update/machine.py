"""From a desired release to one that runs: the states and the ways between them. Pure.

downloading  signed metadata and files are fetched into the free slot
verifying    what lies in the slot is read back and held against its receipt
accepting    it is tried on this device, in a process of its own
waiting      it was accepted, and waits for a moment between two items
running      it runs
refused      it will not run; the one before still does

`advance` says what comes next; who acts on it notes the state first. Each piece of work is told its
desired version, and a result of other work than the current one's changes nothing.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from beltmark.contract.documents import Document
from beltmark.contract.terms import Count, UpdateState

Effect = Literal[
    "fetch",
    "fetch_in_turn",
    "fetch_later",
    "verify",
    "accept",
    "offer",
    "withdraw",
    "activate",
    "drop",
    "tell_stale",
]
"""What is to be done: fetch and stage it (now, when its turn comes, or
after a while); verify what is staged; try it on
this device; offer it to the station; take the offer back; note durably that it runs; clean away
what is staged; say that a desired state is older than one that was dealt with."""

ResultKind = Literal[
    "staged", "unreachable", "retry", "refused", "damaged", "verified", "accepted", "adopted"
]

MAX_STARTS = 5
"""A release before whose first run the station is started again so often is not tried any more: it
may be what takes the station down."""

_LONGEST_PAUSE_S = 300.0
_LONGEST_REASON = 1_500


class Progress(Document):
    """How far the device is with what is desired; as it is kept over restarts.

    Attributes:
        desired_version: The latest desired state that was dealt with; 0 for none.
        release: The release that it names.
        state: How far it is.
        reason: Why it was refused, or what is waited for.
        attempts: How often fetching it came to nothing.
        starts: How often the station was started before it ran.
    """

    format_version: Literal[1] = 1
    desired_version: Count = 0
    release: str = ""
    state: UpdateState = "idle"
    reason: Annotated[str, Field(max_length=2_000)] = ""
    attempts: Count = 0
    starts: Count = 0


@dataclass(frozen=True)
class Wanted:
    """A release is desired.

    Attributes:
        version: The desired version.
        release: The release's name.
        running: The release that runs.
        wait_s: Its turn to be fetched comes in so long.
    """

    version: int
    release: str
    running: str
    wait_s: float = 0.0


@dataclass(frozen=True)
class Started:
    """The station was started.

    Attributes:
        running: The release that runs.
        trouble: Why it is another than the one that should; empty if it is that one.
    """

    running: str
    trouble: str = ""


@dataclass(frozen=True)
class Result:
    """A piece of work has ended.

    Attributes:
        kind: How.
        version: The desired version that it was for.
        reason: Why it came to nothing.
    """

    kind: ResultKind
    version: int
    reason: str = ""


Event = Wanted | Started | Result


@dataclass(frozen=True)
class Way:
    """Where a result leads, what is to be done then, and what is told of it."""

    state: UpdateState
    effects: tuple[Effect, ...] = ()
    told: str = ""


TABLE: dict[tuple[UpdateState, ResultKind], Way] = {
    ("downloading", "staged"): Way("verifying", ("verify",)),
    ("downloading", "unreachable"): Way("downloading", ("fetch_later",)),
    ("downloading", "retry"): Way("downloading", ("fetch",)),
    ("downloading", "refused"): Way("refused", ("drop",)),
    ("verifying", "verified"): Way("accepting", ("accept",)),
    ("verifying", "damaged"): Way("downloading", ("fetch_later",)),
    ("verifying", "refused"): Way("refused", ("drop",)),
    ("accepting", "accepted"): Way("waiting", ("offer",), "for a moment between two items"),
    ("accepting", "refused"): Way("refused", ("drop",)),
    ("waiting", "adopted"): Way("running", ("activate",)),
    # Its files are read once more when it is loaded.
    ("waiting", "damaged"): Way("downloading", ("fetch_later",)),
    ("waiting", "refused"): Way("refused", ("withdraw", "drop")),
}
"""What work leads to. What is not here changes nothing."""

LEAVING: dict[UpdateState, tuple[Effect, ...]] = {"waiting": ("withdraw",)}
"""What is to be done when another release is desired in the midst of a state."""

RESUMING: dict[UpdateState, Way] = {
    "downloading": Way("downloading", ("fetch",)),
    # What was true of the slot before the restart must be found true again.
    "verifying": Way("verifying", ("verify",)),
    "accepting": Way("verifying", ("verify",)),
    "waiting": Way("verifying", ("verify",)),
    # It ran, and something else does now: it was not noted any more, or its slot is damaged.
    "running": Way("verifying", ("verify",)),
}
"""Where a start leads while another release runs than the one desired."""


def advance(progress: Progress, event: Event) -> tuple[Progress, tuple[Effect, ...]]:
    """Returns how things stand after an event, and what is to be done, in this order."""
    match event:
        case Wanted():
            return _want(progress, event)
        case Started():
            return _start(progress, event)
        case Result():
            return _follow(progress, event)


def pause_s(attempts: int, jitter: float) -> float:
    """How long to wait before the next attempt: twice as long each time, but never for long.

    Args:
        attempts: How many came to nothing.
        jitter: 0..1, so that the devices of a site do not all ask at once.
    """
    return min(_LONGEST_PAUSE_S, 2.0 ** min(attempts, 16)) * (0.5 + 0.5 * jitter)


def _want(progress: Progress, event: Wanted) -> tuple[Progress, tuple[Effect, ...]]:
    if event.version == progress.desired_version and event.release == progress.release:
        if event.wait_s and progress.state == "downloading" and not progress.attempts:
            return progress, ()  # its turn is still to come, or it is being fetched
        # Said again, as brokers do when a connection is back: a good moment to try again.
        return advance(progress, Result("retry", event.version))
    if event.version <= progress.desired_version:
        return progress, ("tell_stale",)
    leaving = LEAVING.get(progress.state, ())
    wanted = Progress(desired_version=event.version, release=event.release, state="downloading")
    if event.release == event.running:
        runs = wanted.model_copy(update={"state": "running", "reason": "it runs already"})
        return runs, leaving
    if event.wait_s:
        reason = f"its turn to be fetched comes in {event.wait_s:.0f} s"
        return wanted.model_copy(update={"reason": reason}), (*leaving, "fetch_in_turn")
    return wanted, (*leaving, "fetch")


def _start(progress: Progress, event: Started) -> tuple[Progress, tuple[Effect, ...]]:
    if progress.desired_version and progress.release == event.running:
        return progress.model_copy(update={"state": "running", "reason": _short(event.trouble)}), ()
    way = RESUMING.get(progress.state)
    if way is None:
        reason = "; ".join(filter(None, (progress.reason, event.trouble)))
        return progress.model_copy(update={"reason": _short(reason)}), ()
    starts = progress.starts + (way.state == "verifying")
    if starts > MAX_STARTS:
        reason = f"the station was started {starts} times before this release ran"
        refused = {"state": "refused", "reason": reason, "starts": starts}
        return progress.model_copy(update=refused), ("drop",)
    resumed = {"state": way.state, "reason": _short(event.trouble), "starts": starts}
    return progress.model_copy(update=resumed), way.effects


def _follow(progress: Progress, event: Result) -> tuple[Progress, tuple[Effect, ...]]:
    way = TABLE.get((progress.state, event.kind))
    if way is None or event.version != progress.desired_version:
        return progress, ()
    # Trying again is no news: what was in the way is told until something else is.
    reason = progress.reason if event.kind == "retry" else event.reason or way.told
    came_to_nothing = event.kind in ("unreachable", "damaged")
    changes: dict[str, object] = {
        "state": way.state,
        "reason": _short(reason),
        "attempts": progress.attempts + came_to_nothing,
    }
    if way.state == "running":
        changes["starts"] = 0
    return progress.model_copy(update=changes), way.effects


def _short(reason: str) -> str:
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"
