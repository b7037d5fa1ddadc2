"""What people ask of the fleet, in SQL, each to run inside one transaction of `fleet`."""

from typing import Any, Final

import sqlalchemy as sa

from beltmark.contract.bundle import Bundle
from beltmark.contract.sample import Sample
from fleet_server.storage.engine import insert
from fleet_server.storage.tables import desired, facts, releases, samples

_MOST_DELETED: Final = 1_000  # at once: a statement has room for so many values


def write_fact(connection: sa.Connection, name: str, value: str) -> None:
    """Sets a single value."""
    statement = insert(connection, facts).values(name=name, value=value)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[facts.c.name], set_={"value": statement.excluded.value}
        )
    )


def write_release(
    connection: sa.Connection, bundle: Bundle, bundle_sha256: str, by: str, now: float
) -> str:
    """Adds a release if its name is free; returns the digest of the bundle that has the name."""
    connection.execute(
        insert(connection, releases)
        .values(
            release=bundle.release,
            added_at=now,
            added_by=by,
            package_sha256=bundle.package_sha256,
            bundle_sha256=bundle_sha256,
            bundle=bundle.model_dump_json(),
        )
        .on_conflict_do_nothing()
    )
    holder: str = connection.execute(
        sa.select(releases.c.bundle_sha256).where(releases.c.release == bundle.release)
    ).scalar_one()
    return holder


def write_desired(
    connection: sa.Connection, device: str, release: str, by: str, now: float
) -> sa.Row[tuple[Any, ...]]:
    """Makes the next version of what a device is to run; returns its row."""
    statement = insert(connection, desired).values(
        device=device,
        version=1,
        release=release,
        previous=None,
        issued_at=now,
        issued_by=by,
        published_version=0,
    )
    new = statement.excluded
    return connection.execute(
        statement.on_conflict_do_update(
            index_elements=[desired.c.device],
            set_={
                "version": desired.c.version + 1,
                "release": new.release,
                # Who asks twice for the same still wants to go back to what was before it.
                "previous": sa.case(
                    (desired.c.release == new.release, desired.c.previous),
                    else_=desired.c.release,
                ),
                "issued_at": new.issued_at,
                "issued_by": new.issued_by,
            },
        ).returning(desired)
    ).one()


def write_sample(
    connection: sa.Connection, device: str, sample: Sample, sha256: str, now: float
) -> bool:
    """Adds a sample if it is not there yet; returns whether it was not."""
    result = connection.execute(
        insert(connection, samples)
        .values(
            device=device,
            sample_id=sample.sample_id,
            item_id=sample.item_id,
            received_at=now,
            captured_at=sample.captured_at,
            reason=sample.reason,
            sample=sample.model_dump_json(exclude_none=True),
            sha256=sha256,
        )
        .on_conflict_do_nothing()
        .returning(samples.c.sample_id)
    )
    return result.one_or_none() is not None


def delete_oldest_samples(connection: sa.Connection, device: str, kept: int) -> list[str]:
    """Deletes all but the latest samples of a device; returns digests that none has any more."""
    rows = connection.execute(
        sa.select(samples.c.sample_id, samples.c.sha256)
        .where(samples.c.device == device)
        .order_by(samples.c.received_at.desc(), samples.c.sample_id)
        .offset(kept)
        .limit(_MOST_DELETED)
    ).all()
    if not rows:
        return []
    digests = {row.sha256 for row in rows}
    is_of_device = samples.c.device == device
    connection.execute(
        samples.delete().where(is_of_device, samples.c.sample_id.in_([r.sample_id for r in rows]))
    )
    still_used = connection.execute(
        sa.select(samples.c.sha256).where(is_of_device, samples.c.sha256.in_(digests))
    ).scalars()
    return sorted(digests - set(still_used))
