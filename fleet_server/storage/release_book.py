"""Keeps how releases stand: their states, who changed them and why, and what they rest on.

Which ways there are is `releases.states`'; signing is the repository's. Each change is one
transaction with its entries in the history and the log.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from beltmark.contract.bundle import Bundle
from beltmark.contract.errors import InputError
from fleet_server.releases.evidence import Evidence
from fleet_server.releases.states import USABLE, ReleaseAct, ReleaseState, acts, after
from fleet_server.storage.engine import insert, reading, writing
from fleet_server.storage.fleet_writes import write_release
from fleet_server.storage.tables import log, release_changes, release_states, releases

_OF_BEFORE: Final[ReleaseState] = "approved"
_DONE: Final[dict[str, str]] = {
    "approve": "approved",
    "challenge": "made a challenger",
    "promote": "made the champion",
    "replace": "replaced",
    "retire": "retired",
    "recall": "recalled",
}


@dataclass(frozen=True)
class Standing:
    """How a release stands.

    Attributes:
        release: Its name.
        state: Its state.
        since: Since when, in seconds since the epoch.
        by: Who put it there.
        why: Their word.
        added_by: Who added it.
        evidence: What it rests on.
    """

    release: str
    state: ReleaseState
    since: float
    by: str
    why: str
    added_by: str
    evidence: Evidence


@dataclass(frozen=True)
class Change:
    """Something that was done to a release.

    Attributes:
        at: When, in seconds since the epoch.
        by: By whom.
        act: What.
        state: The state that it led to.
        why: Their word.
    """

    at: float
    by: str
    act: ReleaseAct | Literal["add"]
    state: ReleaseState
    why: str


class ReleaseBook:
    """How the site's releases stand. For use from any thread.

    Every call may raise `StorageUnavailable`.

    Args:
        engine: The database, as `open_database` gives it.
        clock: Seconds since the epoch.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def add(
        self, bundle: Bundle, bundle_sha256: str, by: str, evidence: Evidence | None = None
    ) -> None:
        """Adds a release as a draft; one that is there already with the same content stays.

        Raises:
            InputError: The name belongs to other content.
        """
        now, rests_on = self._clock(), evidence or Evidence()
        with writing(self._engine) as connection:
            known = connection.execute(
                sa.select(releases.c.bundle_sha256).where(releases.c.release == bundle.release)
            ).scalar_one_or_none()
            holder = write_release(connection, bundle, bundle_sha256, by, now)
            if holder != bundle_sha256:
                raise InputError(
                    f"release {bundle.release} is known with other content",
                    "give the changed release a name of its own",
                    field="name",
                )
            if known is not None:
                return
            connection.execute(
                insert(connection, release_states)
                .values(
                    release=bundle.release,
                    state="draft",
                    since=now,
                    by=by,
                    why="",
                    evidence=rests_on.model_dump_json(exclude_none=True),
                )
                .on_conflict_do_nothing()
            )
            told = f"added release {bundle.release}: {rests_on.told}"
            _note(connection, bundle.release, Change(now, by[:200], "add", "draft", ""), told)

    def change(self, release: str, act: ReleaseAct, by: str, why: str = "") -> Standing:
        """Does something to a release; the champion before a new one is replaced with it.

        Returns:
            How it stands then.

        Raises:
            InputError: It is not known, or is in a state in which that cannot be done.
        """
        with writing(self._engine) as connection:
            now = self._clock()
            _lock(connection)
            held = _one(connection, release)
            state = after(held.state, act)
            if state is None:
                possible = ", ".join(acts(held.state)) or "nothing: this is for good"
                raise InputError(
                    f"release {release} is {held.state}: it cannot be {_DONE[act]}",
                    f"what can be done to it: {possible}",
                    field="release",
                )
            if state == "champion":
                for other in _all(connection):
                    if other.state == "champion":
                        replaced = Change(now, by[:200], "replace", "approved", f"by {release}")
                        _write(connection, other, replaced)
            _write(connection, held, Change(now, by[:200], act, state, why))
            return _one(connection, release)

    def all(self) -> dict[str, Standing]:
        """How each release stands, by its name; the latest first."""
        with reading(self._engine) as connection:
            return {one.release: one for one in _all(connection)}

    def one(self, release: str) -> Standing:
        """How a release stands.

        Raises:
            InputError: It is not known.
        """
        with reading(self._engine) as connection:
            return _one(connection, release)

    def champion(self) -> str | None:
        """Name of the site's champion; None where there is none."""
        with reading(self._engine) as connection:
            return champion_of(connection)

    def history(self, release: str) -> list[Change]:
        """What was done to a release, the earliest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                sa.select(release_changes)
                .where(release_changes.c.release == release)
                .order_by(release_changes.c.change)
            )
            return [Change(row.at, row.by, row.act, row.state, row.why) for row in rows]


def check_usable(connection: sa.Connection, release: str) -> None:
    """Finds out whether devices may be asked to run a release.

    Raises:
        InputError: It is not known, or in a state in which they may not.
    """
    held = _one(connection, release)
    if held.state in USABLE:
        return
    mends = {
        "draft": f"approve it first: beltmark-fleet release approve SITE {release}",
        "retired": f"approve it anew: beltmark-fleet release approve SITE {release}",
    }
    raise InputError(
        f"release {release} is {held.state}: no station may be asked to run it",
        mends.get(held.state, "choose another one; a recalled release cannot come back"),
        field="release",
    )


def champion_of(connection: sa.Connection) -> str | None:
    """Name of the site's champion; None where there is none."""
    found: str | None = connection.execute(
        sa.select(release_states.c.release).where(release_states.c.state == "champion")
    ).scalar_one_or_none()
    return found


def states_in(connection: sa.Connection) -> dict[str, ReleaseState]:
    """The state of each release, by its name."""
    return {one.release: one.state for one in _all(connection)}


def _lock(connection: sa.Connection) -> None:
    """One change after the other, so that there are never two champions; SQLite does it anyhow."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE release_states IN SHARE ROW EXCLUSIVE MODE")


def _all(connection: sa.Connection) -> list[Standing]:
    return [_standing(row) for row in connection.execute(_standings())]


def _one(connection: sa.Connection, release: str) -> Standing:
    row = connection.execute(_standings().where(releases.c.release == release)).one_or_none()
    if row is None:
        raise InputError(
            f"there is no release {release!r}",
            "add it with beltmark-fleet release add",
            field="release",
        )
    return _standing(row)


def _standings() -> "sa.Select[Any]":
    return (
        sa.select(
            releases.c.release,
            releases.c.added_at,
            releases.c.added_by,
            release_states.c.state,
            release_states.c.since,
            release_states.c.by,
            release_states.c.why,
            release_states.c.evidence,
        )
        .outerjoin(release_states, release_states.c.release == releases.c.release)
        .order_by(releases.c.added_at.desc(), releases.c.release)
    )


def _standing(row: sa.Row[Any]) -> Standing:
    if row.state is None:
        by, why = row.added_by, "added when that was approving it"
        return Standing(row.release, _OF_BEFORE, row.added_at, by, why, by, Evidence())
    evidence = Evidence.model_validate_json(row.evidence)
    return Standing(row.release, row.state, row.since, row.by, row.why, row.added_by, evidence)


def _write(connection: sa.Connection, held: Standing, change: Change) -> None:
    new = {"state": change.state, "since": change.at, "by": change.by, "why": change.why}
    connection.execute(
        insert(connection, release_states)
        .values(release=held.release, evidence=held.evidence.model_dump_json(), **new)
        .on_conflict_do_update(index_elements=[release_states.c.release], set_=new)
    )
    done = _DONE[change.act]
    told = f"release {held.release} {done}" + (f": {change.why}" if change.why else "")
    _note(connection, held.release, change, told)


def _note(connection: sa.Connection, release: str, change: Change, told: str) -> None:
    connection.execute(release_changes.insert().values(release=release, **asdict(change)))
    connection.execute(log.insert().values(at=change.at, who=change.by, what=told))
