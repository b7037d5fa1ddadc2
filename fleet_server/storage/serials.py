"""Keeps which numbers were given to whom: never the same twice, the same answer to a question asked
again. What is to be given is `domain.serials`'.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from beltmark.contract.errors import InputError
from beltmark.contract.serials import LeaseRequest, NumberKind, NumberRange
from fleet_server.domain.serials import Allotment, Pool, allot, seconds_left, skip
from fleet_server.storage.engine import insert, reading, writing
from fleet_server.storage.tables import leases, pools

MAX_LEASES_AN_HOUR: Final = 20
"""Of a device and a kind: one that asks for more has lost its mind, or its disk."""
_RATE_OVER_S: Final = 7 * 86_400.0
_LEAST_RATE_OVER_S: Final = 86_400.0
SKIPPED: Final = "skipped"
"""Stands for the device where numbers were passed over."""


class NoNumbers(Exception):  # noqa: N818 - the state's own name
    """All numbers are given."""


class TooManyLeases(Exception):  # noqa: N818 - likewise
    """A device asks too often."""


@dataclass(frozen=True)
class PoolLevel:
    """How much is left of the numbers of a kind.

    Attributes:
        kind: What they number.
        pools: Its pools, in the order in which they are used.
        given_lately: How many were given in the time that `over_s` says.
        over_s: Seconds.
    """

    kind: NumberKind
    pools: tuple[Pool, ...]
    given_lately: int
    over_s: float

    @property
    def capacity(self) -> int:
        """How many numbers there ever were."""
        return sum(pool.capacity for pool in self.pools)

    @property
    def left(self) -> int:
        """How many are left."""
        return sum(pool.left for pool in self.pools)

    @property
    def seconds_left(self) -> float | None:
        """When they run out at the present rate; None where there is none."""
        return seconds_left(self.left, self.given_lately, self.over_s)


class SerialStore:
    """The numbers of a site. For use from any thread; every call may raise `StorageUnavailable`.

    Args:
        engine: The database, as `open_database` gives it.
        clock: Seconds since the epoch.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def lease(self, device: str, asked: LeaseRequest, offered: Sequence[Pool]) -> NumberRange:
        """Gives a device a range; the same one to the same question, however often it comes.

        Args:
            device: The device.
            asked: What it asks for.
            offered: The site's pools of this kind, in the order in which they are used.

        Raises:
            InputError: The request was another one before.
            NoNumbers: All are given.
            TooManyLeases: It asks too often.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            current = _locked(connection, offered)
            known = connection.execute(
                sa.select(leases).where(
                    leases.c.device == device, leases.c.request == asked.request
                )
            ).one_or_none()
            if known is not None:
                if known.kind != asked.kind:
                    raise InputError(
                        f"request {asked.request} was for {known.kind} before",
                        "give each request an identity of its own",
                    )
                return _range(known.kind, known.head, known.width, known.first, known.last)
            if _leases_since(connection, device, asked.kind, now - 3_600) >= MAX_LEASES_AN_HOUR:
                raise TooManyLeases(f"more than {MAX_LEASES_AN_HOUR} ranges in an hour")
            allotted = allot(current, asked.count)
            if allotted is None:
                raise NoNumbers(f"no {asked.kind} is left")
            _write(connection, device, asked.request, allotted, now)
        pool = allotted.pool
        return _range(pool.kind, pool.head, pool.width, allotted.first, allotted.last)

    def skip(self, offered: Sequence[Pool], count: int, request: str) -> int:
        """Passes over numbers that may have been given before the database was lost.

        Args:
            offered: The site's pools of this kind, in the order in which they are used.
            count: How many.
            request: An identity for it.

        Returns:
            How many were passed over: fewer where fewer were left.
        """
        passed = 0
        with writing(self._engine) as connection:
            for number, allotted in enumerate(skip(_locked(connection, offered), count)):
                _write(connection, SKIPPED, f"{request}-{number}", allotted, self._clock())
                passed += allotted.last - allotted.first + 1
        return passed

    def level(self, kind: NumberKind, offered: Sequence[Pool]) -> PoolLevel:
        """How much is left, and how fast it goes."""
        now = self._clock()
        lately = (
            leases.c.kind == kind,
            leases.c.device != SKIPPED,
            leases.c.leased_at >= now - _RATE_OVER_S,
        )
        with reading(self._engine) as connection:
            begun = {
                row.head: row.next
                for row in connection.execute(sa.select(pools).where(pools.c.kind == kind))
            }
            given, since = connection.execute(
                sa.select(
                    sa.func.coalesce(sa.func.sum(leases.c.last - leases.c.first + 1), 0),
                    sa.func.min(leases.c.leased_at),
                ).where(*lately)
            ).one()
        over_s = max(_LEAST_RATE_OVER_S, now - since) if since is not None else _RATE_OVER_S
        current = tuple(replace(pool, next=begun.get(pool.head, 0)) for pool in offered)
        return PoolLevel(kind, current, int(given), over_s)


def _locked(connection: sa.Connection, offered: Sequence[Pool]) -> list[Pool]:
    """The pools as they stand; nobody else changes them until the transaction ends."""
    current: list[Pool] = []
    for pool in offered:
        connection.execute(
            insert(connection, pools)
            .values(kind=pool.kind, head=pool.head, next=0)
            .on_conflict_do_nothing()
        )
        begun = connection.execute(
            sa.select(pools.c.next)
            .where(pools.c.kind == pool.kind, pools.c.head == pool.head)
            .with_for_update()
        ).scalar_one()
        current.append(replace(pool, next=begun))
    return current


def _leases_since(connection: sa.Connection, device: str, kind: str, since: float) -> int:
    count = sa.select(sa.func.count()).select_from(leases)
    return connection.execute(
        count.where(leases.c.device == device, leases.c.kind == kind, leases.c.leased_at >= since)
    ).scalar_one()


def _write(
    connection: sa.Connection, device: str, request: str, allotted: Allotment, now: float
) -> None:
    pool = allotted.pool
    connection.execute(
        pools.update()
        .where(pools.c.kind == pool.kind, pools.c.head == pool.head)
        .values(next=allotted.last + 1)
    )
    connection.execute(
        leases.insert().values(
            device=device,
            request=request,
            kind=pool.kind,
            head=pool.head,
            width=pool.width,
            first=allotted.first,
            last=allotted.last,
            leased_at=now,
        )
    )


def _range(kind: NumberKind, head: str, width: int, first: int, last: int) -> NumberRange:
    return NumberRange(kind=kind, head=head, width=width, first=first, last=last)
