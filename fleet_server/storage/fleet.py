"""What people asked of the fleet: releases, desired states, samples, the log, single facts.

The SQL of its writes is in `fleet_writes`. Telemetry is left to `telemetry`, carrying out what is
asked to `handlers` and `ingest`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from beltmark.contract.bundle import Bundle
from beltmark.contract.messages import Desired
from beltmark.contract.sample import Sample
from fleet_server.storage.engine import reading, writing
from fleet_server.storage.fleet_writes import (
    delete_oldest_samples,
    write_desired,
    write_fact,
    write_sample,
)
from fleet_server.storage.release_book import check_usable
from fleet_server.storage.tables import desired, devices, facts, log, releases, samples


@dataclass(frozen=True)
class StoredRelease:
    """A release that the fleet can run.

    Attributes:
        release: Its name.
        added_at: When it was added, in seconds since the epoch.
        added_by: By whom.
        package_sha256: Digest of its package.
        bundle_sha256: Digest of its `bundle.json`.
        bundle: Its files and what it requires.
    """

    release: str
    added_at: float
    added_by: str
    package_sha256: str
    bundle_sha256: str
    bundle: Bundle


@dataclass(frozen=True)
class StoredDesired:
    """What a device is to run.

    Attributes:
        device: The device.
        version: Number of the desired state; it only grows.
        release: The release.
        previous: The release that was desired before; None if there was none.
        issued_at: When it was asked for, in seconds since the epoch.
        issued_by: By whom.
        published_version: The latest version that the broker has acknowledged.
    """

    device: str
    version: int
    release: str
    previous: str | None
    issued_at: float
    issued_by: str
    published_version: int

    def message(self, spread_s: float = 0.0) -> Desired:
        """What the device is told.

        Args:
            spread_s: It begins to fetch the release within so long.
        """
        return Desired(
            device=self.device,
            desired_version=self.version,
            release=self.release,
            issued_at=self.issued_at,
            issued_by=self.issued_by,
            spread_s=spread_s,
        )


@dataclass(frozen=True)
class StoredSample:
    """A sample that a device sent.

    Attributes:
        device: The device.
        received_at: When it came, in seconds since the epoch.
        sha256: Digest of its JPEG.
        sample: What is known of it.
    """

    device: str
    received_at: float
    sha256: str
    sample: Sample


@dataclass(frozen=True)
class LogEntry:
    """Something that a person did.

    Attributes:
        at: When, in seconds since the epoch.
        who: Who.
        what: What.
    """

    at: float
    who: str
    what: str


class FleetStore:
    """The fleet's releases, desired states, samples and log. For use from any thread.

    Every call may raise `StorageUnavailable`.

    Args:
        engine: The database, as `open_database` gives it.
        clock: Seconds since the epoch.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def fact(self, name: str) -> str | None:
        """A single value; None where it was never set."""
        with reading(self._engine) as connection:
            return connection.execute(
                sa.select(facts.c.value).where(facts.c.name == name)
            ).scalar_one_or_none()

    def set_fact(self, name: str, value: str) -> None:
        """Sets a single value."""
        with writing(self._engine) as connection:
            write_fact(connection, name, value)

    def devices(self) -> list[str]:
        """Names of the devices that were ever heard, in their order."""
        with reading(self._engine) as connection:
            return list(
                connection.execute(
                    sa.select(devices.c.device)
                    .where(devices.c.heard_at.is_not(None))
                    .order_by(devices.c.device)
                ).scalars()
            )

    def releases(self) -> list[StoredRelease]:
        """All releases, the latest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                sa.select(releases).order_by(releases.c.added_at.desc(), releases.c.release)
            )
            return [stored_release(row) for row in rows]

    def release(self, name: str) -> StoredRelease | None:
        """A release by its name; None if there is none."""
        with reading(self._engine) as connection:
            row = connection.execute(
                sa.select(releases).where(releases.c.release == name)
            ).one_or_none()
        return None if row is None else stored_release(row)

    def check_usable(self, release: str) -> None:
        """Finds out whether devices may be asked to run a release.

        Raises:
            InputError: It is not known, or in a state in which they may not.
        """
        with reading(self._engine) as connection:
            check_usable(connection, release)

    def desire(self, device: str, release: str, by: str) -> Desired:
        """Asks a device to run a release; the link publishes it soon."""
        with writing(self._engine) as connection:
            row = write_desired(connection, device, release, by, self._clock())
        return _desired(row).message()

    def desired(self, device: str) -> StoredDesired | None:
        """What a device is to run; None if nobody asked for anything."""
        with reading(self._engine) as connection:
            row = connection.execute(
                sa.select(desired).where(desired.c.device == device)
            ).one_or_none()
        return None if row is None else _desired(row)

    def all_desired(self) -> list[StoredDesired]:
        """What each device is to run, by device."""
        return self._select_desired(sa.true())

    def unpublished(self) -> list[StoredDesired]:
        """Desired states that the broker has not acknowledged yet, by device."""
        return self._select_desired(desired.c.published_version < desired.c.version)

    def mark_published(self, device: str, version: int) -> None:
        """Notes that the broker has acknowledged a version of a device's desired state."""
        with writing(self._engine) as connection:
            connection.execute(
                desired.update()
                .where(desired.c.device == device, desired.c.published_version < version)
                .values(published_version=version)
            )

    def add_sample(self, device: str, sample: Sample, sha256: str) -> bool:
        """Adds a sample; returns whether it is new."""
        with writing(self._engine) as connection:
            return write_sample(connection, device, sample, sha256, self._clock())

    def samples(self, limit: int, device: str | None = None) -> list[StoredSample]:
        """The latest samples, the latest first; of one device if it is named."""
        query = sa.select(samples).order_by(samples.c.received_at.desc(), samples.c.sample_id)
        if device is not None:
            query = query.where(samples.c.device == device)
        with reading(self._engine) as connection:
            return [stored_sample(row) for row in connection.execute(query.limit(limit))]

    def sample(self, device: str, sample_id: str) -> StoredSample | None:
        """One sample; None if there is none."""
        with reading(self._engine) as connection:
            row = connection.execute(
                sa.select(samples).where(
                    samples.c.device == device, samples.c.sample_id == sample_id
                )
            ).one_or_none()
        return None if row is None else stored_sample(row)

    def drop_oldest_samples(self, device: str, kept: int) -> list[str]:
        """Drops all but the latest samples of a device.

        Returns:
            Digests of the images that no sample of the device has any more.
        """
        with writing(self._engine) as connection:
            return delete_oldest_samples(connection, device, kept)

    def note(self, who: str, what: str) -> None:
        """Adds to the log what a person did."""
        with writing(self._engine) as connection:
            connection.execute(log.insert().values(at=self._clock(), who=who, what=what))

    def log(self, limit: int) -> list[LogEntry]:
        """The latest entries of the log, the latest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(log).order_by(log.c.entry.desc()).limit(limit))
            return [LogEntry(row.at, row.who, row.what) for row in rows]

    def _select_desired(self, which: sa.ColumnElement[bool]) -> list[StoredDesired]:
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(desired).where(which).order_by(desired.c.device))
            return [_desired(row) for row in rows]


def stored_release(row: sa.Row[tuple[Any, ...]]) -> StoredRelease:
    """A release from its row."""
    values = dict(row._mapping)
    return StoredRelease(**values | {"bundle": Bundle.model_validate_json(values["bundle"])})


def _desired(row: sa.Row[tuple[object, ...]]) -> StoredDesired:
    return StoredDesired(**row._mapping)


def stored_sample(row: sa.Row[tuple[Any, ...]]) -> StoredSample:
    """A sample from its row."""
    values = row._mapping
    return StoredSample(
        values["device"],
        values["received_at"],
        values["sha256"],
        Sample.model_validate_json(values["sample"]),
    )
