"""Records in SQL, and what is derived of them, each to run inside one transaction of `telemetry`.

Which of them a stream still lacks is left to `stream_writes`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from pydantic import ValidationError

from beltmark.contract.records import Counters, HealthChange, ItemStep, Record, UpdateStep
from beltmark.contract.terms import Part
from fleet_server.domain.minutes import add
from fleet_server.storage.engine import insert
from fleet_server.storage.tables import items, minutes, records

HISTORICAL_AFTER_S: Final = 60.0
"""What was sent longer than this after it happened is historical."""

_BODIES: Final[Mapping[str, type[Part]]] = {
    "item": ItemStep,
    "counters": Counters,
    "health": HealthChange,
    "update": UpdateStep,
}
_ASKED_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Arrival:
    """A record with when it was sent and when it came, in seconds since the epoch."""

    record: Record
    sent_at: float
    received_at: float


def write_records(
    connection: sa.Connection, device: str, stream: str, arrivals: Iterable[Arrival]
) -> list[str]:
    """Stores the records that are not there yet; returns what is malformed in their bodies.

    A record whose body does not fit its kind is stored like one of a kind that is not known here:
    as it is, with nothing derived of it.
    """
    # Of records with the same number the first counts, whether they came together or not.
    first: dict[int, Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.record.sequence, arrival)
    there = _stored(connection, device, stream, list(first))
    new = [first[sequence] for sequence in sorted(first) if sequence not in there]
    if not new:
        return []
    connection.execute(
        insert(connection, records).on_conflict_do_nothing(),
        [_row(device, stream, arrival) for arrival in new],
    )
    bodies, malformed = _read_bodies(arrival.record for arrival in new)
    _write_items(connection, device, [body for body in bodies if isinstance(body, ItemStep)])
    _write_minutes(connection, device, [body for body in bodies if isinstance(body, Counters)])
    return malformed


def _stored(
    connection: sa.Connection, device: str, stream: str, sequences: Sequence[int]
) -> set[int]:
    there: set[int] = set()
    for begin in range(0, len(sequences), _ASKED_AT_ONCE):
        there.update(
            connection.execute(
                sa.select(records.c.sequence).where(
                    records.c.device == device,
                    records.c.stream == stream,
                    records.c.sequence.in_(sequences[begin : begin + _ASKED_AT_ONCE]),
                )
            ).scalars()
        )
    return there


def _row(device: str, stream: str, arrival: Arrival) -> dict[str, object]:
    record = arrival.record
    return {
        "device": device,
        "stream": stream,
        "sequence": record.sequence,
        "kind": record.kind,
        "at": record.at,
        "received_at": arrival.received_at,
        "historical": arrival.sent_at - record.at > HISTORICAL_AFTER_S,
        "body": json.dumps(record.body, ensure_ascii=False, separators=(",", ":")),
    }


def _read_bodies(new: Iterable[Record]) -> tuple[list[Part], list[str]]:
    bodies: list[Part] = []
    malformed: list[str] = []
    for record in new:
        if (model := _BODIES.get(record.kind)) is None:
            continue
        try:
            bodies.append(model.model_validate(record.body))
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in problem["loc"]) or "body"
            malformed.append(
                f"record {record.sequence}, {record.kind}: {field}: {problem['msg']}"[:200]
            )
    return bodies, malformed


def _write_items(connection: sa.Connection, device: str, steps: Sequence[ItemStep]) -> None:
    """Keeps how each item stands by its latest step, in whatever order the steps come."""
    latest: dict[str, ItemStep] = {}
    for step in steps:
        known = latest.get(step.item.item_id)
        if known is None or step.step > known.step:
            latest[step.item.item_id] = step
    if not latest:
        return
    statement = insert(connection, items)
    new = statement.excluded
    columns = ("step", "decided_at", "outcome", "print_state", "sku", "release", "item")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[items.c.device, items.c.item_id],
            set_={column: new[column] for column in columns},
            where=new.step > items.c.step,
        ),
        # Always in the same order: two transactions that lock the same rows can't hold each other.
        [
            {
                "device": device,
                "item_id": item_id,
                "step": latest[item_id].step,
                "decided_at": latest[item_id].item.decided_at,
                "outcome": latest[item_id].item.outcome,
                "print_state": latest[item_id].item.print_state,
                "sku": latest[item_id].item.sku,
                "release": latest[item_id].item.release,
                "item": latest[item_id].item.model_dump_json(exclude_none=True),
            }
            for item_id in sorted(latest)
        ],
    )


def _write_minutes(connection: sa.Connection, device: str, counted: Sequence[Counters]) -> None:
    """Adds to the minutes; each record is counted once, for it is new."""
    totals: dict[float, Counters] = {}
    for counters in counted:
        at = counters.start_at
        totals[at] = add(totals[at], counters) if at in totals else counters
    for at in sorted(totals):
        key = (minutes.c.device == device, minutes.c.start_at == at)
        before = connection.execute(
            sa.select(minutes.c.counters).where(*key).with_for_update()
        ).scalar_one_or_none()
        if before is None:
            connection.execute(
                minutes.insert().values(device=device, start_at=at, **_minute(totals[at]))
            )
        else:
            total = add(Counters.model_validate_json(before), totals[at])
            connection.execute(minutes.update().where(*key).values(**_minute(total)))


def _minute(counters: Counters) -> dict[str, object]:
    return {
        "frames": counters.frames,
        "dropped": counters.dropped,
        "printed": counters.outcomes.get("PRINT", 0),
        "reviewed": counters.outcomes.get("REVIEW", 0),
        "rejected": counters.outcomes.get("REJECT", 0),
        "counters": counters.model_dump_json(),
    }
