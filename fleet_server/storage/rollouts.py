"""Keeps rollouts, and carries out what follows from looking at one: all in one transaction.

What devices are asked, and that the rollout knows of it, are committed together: killed at any
moment, it goes on from one of two states in which both agree.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from beltmark.contract.errors import InputError
from beltmark.contract.messages import Birth, Reported
from beltmark.contract.records import Counters
from fleet_server.domain.presence import Signs, presence
from fleet_server.rollouts.advance import Moment, Step, abort, advance, asked, pause, resume, retry
from fleet_server.rollouts.books import Books, CountedMinute, Minutes, add_before, begun_anew, count
from fleet_server.rollouts.figures import Evidence, weigh
from fleet_server.rollouts.plan import Plan
from fleet_server.rollouts.state import Fact, Order, State
from fleet_server.storage.engine import reading, writing
from fleet_server.storage.fleet_writes import write_desired
from fleet_server.storage.overview import FAR_OFF_S
from fleet_server.storage.release_book import champion_of, check_usable, states_in
from fleet_server.storage.tables import desired, devices, log, minutes, rollouts

GOES_ON: Final = ("running", "paused")
_AT_ONCE: Final = 500  # values that a statement surely has room for


@dataclass(frozen=True)
class StoredRollout:
    """A rollout.

    Attributes:
        rollout: Its number.
        started_at: In seconds since the epoch.
        started_by: Who began it.
        plan: What it is to do.
        state: How far it is.
        evidence: What the floor's figures say.
    """

    rollout: int
    started_at: float
    started_by: str
    plan: Plan
    state: State
    evidence: Evidence


class RolloutStore:
    """The fleet's rollouts. For use from any thread.

    Every call may raise `StorageUnavailable`.

    Args:
        engine: The database, as `open_database` gives it.
        server_started_at: Devices that were not heard since then count as off-line.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        engine: sa.Engine,
        server_started_at: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._started_at, self._clock = engine, server_started_at, clock

    def start(self, plan: Plan, by: str) -> int:
        """Begins a rollout; returns its number. It is the driver that goes on with it.

        Raises:
            InputError: Release or devices are not known, or another one goes on.
        """
        with writing(self._engine) as connection:
            _check(connection, plan)
            now = self._clock()
            number: int = connection.execute(
                rollouts.insert()
                .values(
                    release=plan.release,
                    status="running",
                    started_at=now,
                    started_by=by,
                    plan=plan.model_dump_json(),
                    state=State().model_dump_json(),
                    books=Books().model_dump_json(),
                )
                .returning(rollouts.c.rollout)
            ).scalar_one()
            waves = ", ".join(str(wave) for wave in plan.waves)
            _note(connection, by, now, f"began rollout {number} of {plan.release}: {waves}")
        return number

    def going_on(self) -> list[int]:
        """Numbers of those that are to be looked at: also recalls are followed to their end."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                sa.select(rollouts.c.rollout, rollouts.c.status, rollouts.c.state).order_by(
                    rollouts.c.rollout.desc()
                )
            ).all()
        wanted = [row.rollout for row in rows if row.status in GOES_ON]
        for row in rows[:1]:  # nobody else tells those devices what to run
            state = State.model_validate_json(row.state)
            if row.rollout not in wanted and state.count(("asked", "updating", "recalling")):
                wanted.append(row.rollout)
        return sorted(wanted)

    def look(self, number: int, passed_s: float, is_open: Callable[[Plan], bool]) -> list[str]:
        """Does what follows from what is known now; returns what happened.

        Args:
            number: The rollout's.
            passed_s: Time since the last look by a clock that nobody sets.
            is_open: Whether devices may be asked now.
        """
        with writing(self._engine) as connection:
            plan, state, books = _read(connection, number)
            facts = _facts(connection, self._started_at, self._clock())
            now = self._clock()
            seen = Minutes(lambda *which: _minutes(connection, *which), now)
            books = count(books, plan, state, facts, seen)
            moment = Moment(passed_s, now, is_open(plan))
            step = advance(plan, state, facts, weigh(plan.gates, books.measured), moment)
            first = [
                order.device
                for order in step.orders
                if not order.is_recall and step.state.members[order.device].asked_at == now
            ]
            books = add_before(books, plan, first, seen)
            self._write(connection, number, step, books, f"rollout {number}")
        return step.told

    def pause(self, number: int, by: str) -> None:
        """Lets it ask nobody any more.

        Raises:
            InputError: It does not run.
        """
        self._change(number, by, "paused", lambda _plan, state: pause(state, by))

    def resume(self, number: int, by: str) -> None:
        """Lets it go on.

        Raises:
            InputError: It is not paused.
        """
        self._change(number, by, "resumed", lambda _plan, state: resume(state))

    def retry(self, number: int, by: str) -> None:
        """Lets it try again with the devices that failed or went back.

        Raises:
            InputError: There is nothing to try again, or another rollout goes on.
        """

        def change(plan: Plan, state: State) -> State | None:
            return retry(state)

        self._change(number, by, "retried", change, is_anew=True)

    def abort(self, number: int, by: str, *, everywhere: bool = False) -> list[str]:
        """Ends it: devices that are updating are asked to go back; `everywhere`, all of them.

        Returns:
            Devices that are asked to go back.

        Raises:
            InputError: It is not known.
        """
        with writing(self._engine) as connection:
            plan, state, books = _read(connection, number)
            moment = Moment(0, self._clock())
            step = abort(plan, state, by, moment, everywhere=everywhere)
            self._write(connection, number, step, books, by)
        return [order.device for order in step.orders]

    def all(self) -> list[StoredRollout]:
        """All rollouts, the latest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(rollouts).order_by(rollouts.c.rollout.desc()))
            return [_stored(row) for row in rows]

    def one(self, number: int) -> StoredRollout | None:
        """One rollout; None if there is none of that number."""
        with reading(self._engine) as connection:
            row = connection.execute(
                sa.select(rollouts).where(rollouts.c.rollout == number)
            ).one_or_none()
        return None if row is None else _stored(row)

    def _change(
        self,
        number: int,
        by: str,
        what: str,
        change: Callable[[Plan, State], State | None],
        *,
        is_anew: bool = False,
    ) -> None:
        with writing(self._engine) as connection:
            plan, state, books = _read(connection, number)
            changed = change(plan, state)
            if changed is None:
                raise InputError(
                    f"rollout {number} is {state.status}: it cannot be {what}",
                    "see beltmark-fleet rollout show",
                    field="rollout",
                )
            if what != "paused":
                check_usable(connection, plan.release)
            if is_anew:
                _check_alone(connection, number)
                books = begun_anew(books)
            self._write(connection, number, Step(changed), books, by)
            _note(connection, by, self._clock(), f"{what} rollout {number} of {plan.release}")

    def _write(
        self, connection: sa.Connection, number: int, step: Step, books: Books, by: str
    ) -> None:
        now, state = self._clock(), step.state
        for wanted in step.orders:
            state, order = _not_to_a_recalled_one(connection, state, wanted)
            row = write_desired(connection, order.device, order.release, by, now)
            state = asked(state, order.device, row.version)
        connection.execute(
            rollouts.update()
            .where(rollouts.c.rollout == number)
            .values(
                status=state.status, state=state.model_dump_json(), books=books.model_dump_json()
            )
        )
        for told in step.told:
            _note(connection, by, now, told)


def _not_to_a_recalled_one(
    connection: sa.Connection, state: State, order: Order
) -> tuple[State, Order]:
    """What a device goes back to may have been recalled meanwhile: then it goes to the champion."""
    champion = champion_of(connection) if order.is_recall else None
    if champion is None or states_in(connection).get(order.release) != "recalled":
        return state, order
    member = state.members[order.device].model_copy(update={"previous": champion})
    members = {**state.members, order.device: member}
    return state.model_copy(update={"members": members}), replace(order, release=champion)


def _check(connection: sa.Connection, plan: Plan) -> None:
    check_usable(connection, plan.release)
    there = set(connection.execute(sa.select(devices.c.device)).scalars())
    named = [name for wave in plan.waves for name in wave.devices]
    for name in named:
        if name not in there:
            raise InputError(
                f"there is no device {name!r}", "see beltmark-fleet devices", field="waves"
            )
    if not there:
        raise InputError("there is no device yet", "connect a station first", field="waves")
    _check_alone(connection, None)


def _check_alone(connection: sa.Connection, number: int | None) -> None:
    for row in connection.execute(
        sa.select(rollouts.c.rollout, rollouts.c.release).where(rollouts.c.status.in_(GOES_ON))
    ):
        if row.rollout != number:
            raise InputError(
                f"rollout {row.rollout} of {row.release} goes on",
                "wait for its end, or abort it",
                field="rollout",
            )


def _read(connection: sa.Connection, number: int) -> tuple[Plan, State, Books]:
    row = connection.execute(
        sa.select(rollouts.c.plan, rollouts.c.state, rollouts.c.books)
        .where(rollouts.c.rollout == number)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise InputError(
            f"there is no rollout {number}", "see beltmark-fleet rollout list", field="rollout"
        )
    return (
        Plan.model_validate_json(row.plan),
        State.model_validate_json(row.state),
        Books.model_validate_json(row.books),
    )


def _facts(connection: sa.Connection, started_at: float, now: float) -> dict[str, Fact]:
    wanted = sa.select(devices, desired.c.release.label("wanted"), desired.c.version).outerjoin(
        desired, desired.c.device == devices.c.device
    )
    rows = connection.execute(
        wanted.where(devices.c.heard_at.is_not(None)).order_by(devices.c.device)
    )
    return {row.device: _fact(row, started_at, now) for row in rows}


def _fact(row: sa.Row[Any], started_at: float, now: float) -> Fact:
    said = Reported.model_validate_json(row.reported) if row.reported else None
    running = said.release if said else None
    if running is None and row.birth:
        running = Birth.model_validate_json(row.birth).release or None
    signs = Signs(row.born_at, row.heard_at, row.ended_at, row.end_reason)
    return Fact(
        running=running or None,
        desired=row.wanted,
        version=row.version or 0,
        answered=said.desired_version if said else 0,
        update=said.state if said else None,
        reason=said.reason if said else "",
        is_online=presence(signs, started_at, now).state == "online",
    )


def _minutes(
    connection: sa.Connection, names: Collection[str], begin: float, end: float
) -> Iterator[CountedMinute]:
    """Reads minutes; a device whose clock is far off is put right by what it differs."""
    if begin >= end:
        return
    offset_s = devices.c.clock_offset_s
    shift = sa.case((sa.func.abs(offset_s) > FAR_OFF_S, offset_s), else_=0.0).label("shift_s")
    for some in _parts(names):
        rows = connection.execute(
            sa.select(minutes.c.device, minutes.c.start_at, minutes.c.counters, shift)
            .join(devices, devices.c.device == minutes.c.device)
            .where(
                minutes.c.device.in_(some),
                minutes.c.start_at >= begin + shift,
                minutes.c.start_at < end + shift,
            )
        )
        for row in rows:
            counters = Counters.model_validate_json(row.counters)
            yield CountedMinute(row.device, row.start_at - row.shift_s, counters)


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    every = sorted(names)
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]


def _note(connection: sa.Connection, who: str, at: float, what: str) -> None:
    connection.execute(log.insert().values(at=at, who=who[:200], what=what))


def _stored(row: sa.Row[Any]) -> StoredRollout:
    plan, books = Plan.model_validate_json(row.plan), Books.model_validate_json(row.books)
    state = State.model_validate_json(row.state)
    evidence = weigh(plan.gates, books.measured)
    return StoredRollout(row.rollout, row.started_at, row.started_by, plan, state, evidence)
