"""Reads what the operators' pages show beside the stations: single items, samples in pages.

The log is `fleet`'s.
"""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from beltmark.contract.records import ItemMessage
from fleet_server.storage.device_reads import StoredDevice, stored_device
from fleet_server.storage.engine import reading
from fleet_server.storage.fleet import (
    StoredDesired,
    StoredRelease,
    StoredSample,
    stored_release,
    stored_sample,
)
from fleet_server.storage.overview import read_stations
from fleet_server.storage.station_detail import MAX_RELEASES
from fleet_server.storage.tables import devices, items, releases, samples

MAX_SAMPLES: Final = 60


@dataclass(frozen=True)
class ItemDetail:
    """One item of a station.

    Attributes:
        item: The item, as it stands.
        step: Number of the latest thing that happened to it, in its station's journal.
        device: The device that decided.
        sample: What it sent of the item for people to look at; None for nothing.
    """

    item: ItemMessage
    step: int
    device: StoredDevice
    sample: StoredSample | None


@dataclass(frozen=True)
class SamplePage:
    """Some samples.

    Attributes:
        samples: The latest first.
        total: How many there are of all.
        older_than: When the last of them came, if there are older ones; else None.
    """

    samples: tuple[StoredSample, ...]
    total: int
    older_than: float | None


@dataclass(frozen=True)
class ReleasePage:
    """The releases, and who has to do with them.

    Attributes:
        releases: The latest first.
        stations: The devices, and what they are to run.
    """

    releases: tuple[StoredRelease, ...]
    stations: tuple[tuple[StoredDevice, StoredDesired | None], ...]


def read_item(engine: sa.Engine, device: str, item_id: str) -> ItemDetail | None:
    """Reads one item; None if it is not known.

    Raises:
        StorageUnavailable: Nothing can be read at the moment.
    """
    with reading(engine) as connection:
        row = connection.execute(
            sa.select(items.c.item, items.c.step).where(
                items.c.device == device, items.c.item_id == item_id
            )
        ).one_or_none()
        known = connection.execute(
            sa.select(devices).where(devices.c.device == device)
        ).one_or_none()
        if row is None or known is None:
            return None
        # A station sends at most one sample of an item, under the item's own name.
        sample = connection.execute(
            sa.select(samples).where(samples.c.device == device, samples.c.sample_id == item_id)
        ).one_or_none()
    item = ItemMessage.model_validate_json(row.item)
    return ItemDetail(
        item, row.step, stored_device(known), None if sample is None else stored_sample(sample)
    )


def read_samples(engine: sa.Engine, before: float | None = None) -> SamplePage:
    """Reads the latest samples, or the latest of those that came before a time.

    Raises:
        StorageUnavailable: Nothing can be read at the moment.
    """
    query = sa.select(samples).order_by(samples.c.received_at.desc(), samples.c.sample_id)
    if before is not None:
        query = query.where(samples.c.received_at < before)
    with reading(engine) as connection:
        total = connection.execute(sa.select(sa.func.count()).select_from(samples)).scalar_one()
        rows = connection.execute(query.limit(MAX_SAMPLES + 1)).all()
    found = tuple(stored_sample(row) for row in rows[:MAX_SAMPLES])
    is_more = len(rows) > MAX_SAMPLES
    return SamplePage(found, total, found[-1].received_at if is_more else None)


def read_releases(engine: sa.Engine) -> ReleasePage:
    """Reads the releases, and which stations run or want them.

    Raises:
        StorageUnavailable: Nothing can be read at the moment.
    """
    query = sa.select(releases).order_by(releases.c.added_at.desc(), releases.c.release)
    with reading(engine) as connection:
        rows = connection.execute(query.limit(MAX_RELEASES))
        found = tuple(stored_release(row) for row in rows)
        stations = read_stations(connection, devices.c.heard_at.is_not(None))
    return ReleasePage(found, tuple(stations))
