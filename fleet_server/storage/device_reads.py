"""Reads what is known of devices and their items. What it amounts to is left to `domain`."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from beltmark.contract.messages import Birth, Heartbeat, Reported
from beltmark.contract.records import ItemMessage
from fleet_server.domain.presence import Signs
from fleet_server.storage.engine import reading
from fleet_server.storage.tables import devices, items


@dataclass(frozen=True)
class StoredDevice:
    """A device, as it was last heard.

    Attributes:
        device: Its name.
        signs: Its signs of life.
        birth: What it said when it connected; None if it was heard, but not that.
        heartbeat: Its last sign of life; None if there was none yet.
        reported: What it runs; None if it did not say.
        clock_offset_s: Its clock less the server's, at the last heartbeat.
        malformed: How many of its messages could not be used.
        malformed_told: Why the last of them could not.
        malformed_at: When that was, in seconds since the epoch.
    """

    device: str
    signs: Signs
    birth: Birth | None
    heartbeat: Heartbeat | None
    reported: Reported | None
    clock_offset_s: float | None
    malformed: int
    malformed_told: str | None
    malformed_at: float | None


@dataclass(frozen=True)
class StoredItem:
    """An item of a device, as it stands.

    Attributes:
        item: The item.
        step: Number of the latest thing that happened to it, in its station's journal.
    """

    item: ItemMessage
    step: int


def read_devices(engine: sa.Engine) -> list[StoredDevice]:
    """The devices that were ever heard, by name.

    Raises:
        StorageUnavailable: Nothing can be read at the moment.
    """
    query = sa.select(devices).where(devices.c.heard_at.is_not(None)).order_by(devices.c.device)
    with reading(engine) as connection:
        return [stored_device(row) for row in connection.execute(query)]


def read_items(
    engine: sa.Engine, device: str, limit: int, before: float | None = None
) -> list[StoredItem]:
    """The latest items of a device, the latest first.

    Args:
        engine: The database.
        device: The device.
        limit: At most so many.
        before: Only those that were decided before, in seconds since the epoch.

    Raises:
        StorageUnavailable: Nothing can be read at the moment.
    """
    query = sa.select(items.c.item, items.c.step).where(items.c.device == device)
    if before is not None:
        query = query.where(items.c.decided_at < before)
    query = query.order_by(items.c.decided_at.desc(), items.c.item_id).limit(limit)
    with reading(engine) as connection:
        return [
            StoredItem(ItemMessage.model_validate_json(row.item), row.step)
            for row in connection.execute(query)
        ]


def stored_device(row: sa.Row[tuple[Any, ...]]) -> StoredDevice:
    """A device from its row."""
    values = row._mapping
    birth, heartbeat, reported = values["birth"], values["heartbeat"], values["reported"]
    return StoredDevice(
        device=values["device"],
        signs=Signs(
            values["born_at"], values["heard_at"], values["ended_at"], values["end_reason"]
        ),
        birth=None if birth is None else Birth.model_validate_json(birth),
        heartbeat=None if heartbeat is None else Heartbeat.model_validate_json(heartbeat),
        reported=None if reported is None else Reported.model_validate_json(reported),
        clock_offset_s=values["clock_offset_s"],
        malformed=values["malformed"],
        malformed_told=values["malformed_told"],
        malformed_at=values["malformed_at"],
    )
