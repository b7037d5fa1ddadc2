"""The page of the releases: how each stands, what it rests on, and what a person can do to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleet_server.domain.presence import presence
from fleet_server.pages.context import PageContext
from fleet_server.pages.rendering import Page, parts_of
from fleet_server.pages.updates import Update, update_of
from fleet_server.releases.states import USABLE, acts
from fleet_server.storage.fleet import StoredRelease
from fleet_server.storage.release_book import Standing
from fleet_server.storage.rollouts import StoredRollout
from fleet_server.storage.site_reads import ReleasePage, read_releases

_TONES = {"champion": "running", "recalled": "stopped", "draft": "attention", "retired": "off"}


@dataclass(frozen=True)
class ReleaseView:
    """A release as it is shown.

    Attributes:
        stored: The release.
        standing: How it stands.
        running: Stations that run it.
        wanting: Stations that are asked to run it and do not yet, and how far they are.
        suspect: Why it may have to be recalled; empty for no reason.
    """

    stored: StoredRelease
    standing: Standing
    running: tuple[str, ...]
    wanting: tuple[tuple[str, Update], ...]
    suspect: str

    @property
    def tone(self) -> str:
        """How it is."""
        return _TONES.get(self.standing.state, "")

    @property
    def acts(self) -> tuple[str, ...]:
        """What a person can do to it."""
        return acts(self.standing.state)

    @property
    def is_usable(self) -> bool:
        """Whether stations may be asked to run it."""
        return self.standing.state in USABLE

    @property
    def needs_override(self) -> bool:
        """Whether no gate has passed it."""
        return self.standing.evidence.verdict in ("failed", "none")


def releases_page(context: PageContext) -> Page:
    """Makes the page.

    Raises:
        StorageUnavailable: The database cannot be read.
    """
    when = context.moments()
    known = read_releases(context.engine)
    standings, rollouts = context.releases.book.all(), context.rollouts.all()
    draw = parts_of("releases_parts.html", when)
    views = release_views(known, standings, rollouts, context.started_at, when.now)
    rows = {
        f"release-{view.stored.release}": draw("release", view, len(known.stations))
        for view in views
    }
    return Page(
        path="/releases",
        title="Releases",
        template="releases.html",
        fragments={"hint": draw("hint", len(rows)), **rows},
        lists={"releases": list(rows)},
        now=when.now,
        troubles=context.troubles(),
    )


def release_views(
    known: ReleasePage,
    standings: Mapping[str, Standing],
    rollouts: Sequence[StoredRollout],
    started_at: float,
    now: float,
) -> list[ReleaseView]:
    """Returns the releases with the stations that have to do with them.

    Args:
        known: The releases and stations.
        standings: How each release stands.
        rollouts: The latest first.
        started_at: When the server started, in seconds since the epoch.
        now: Likewise.
    """
    running: dict[str, list[str]] = {}
    wanting: dict[str, list[tuple[str, Update]]] = {}
    for stored, desired in known.stations:
        update = update_of(stored, desired, presence(stored.signs, started_at, now).state)
        if update.running is not None:
            running.setdefault(update.running, []).append(stored.device)
        if update.wanted is not None:
            wanting.setdefault(update.wanted, []).append((stored.device, update))
    return [
        ReleaseView(
            one,
            standings[one.release],
            tuple(running.get(one.release, ())),
            tuple(wanting.get(one.release, ())),
            suspicion(one.release, standings[one.release], rollouts),
        )
        for one in known.releases
    ]


def suspicion(release: str, standing: Standing, rollouts: Sequence[StoredRollout]) -> str:
    """Why a release may have to be recalled: its latest rollout did not come to its end."""
    if standing.state not in USABLE:
        return ""
    for each in rollouts:
        if each.plan.release == release:
            state = each.state
            is_bad = state.status in ("stopped", "aborted")
            return f"rollout {each.rollout} {state.status}: {state.reason}" if is_bad else ""
    return ""
