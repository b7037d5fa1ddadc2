"""What was given stays given: on SQLite and PostgreSQL, asked again, asked at once, put back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from fleet_messages import Clock

from beltmark.contract.errors import InputError
from beltmark.contract.serials import LeaseRequest, NumberRange
from fleet_server.domain.serials import serial_pools, sscc_pools
from fleet_server.storage.engine import open_database
from fleet_server.storage.serials import (
    MAX_LEASES_AN_HOUR,
    NoNumbers,
    SerialStore,
    TooManyLeases,
)
from fleet_server.storage.tables import leases, pools

SERIALS = serial_pools("U3F")
SSCCS = sscc_pools("401234567890", "07")  # four digits each


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(fleet_engine: sa.Engine, clock: Clock) -> SerialStore:
    return SerialStore(fleet_engine, clock)


def ask(request: str, kind: str = "serial", count: int = 100) -> LeaseRequest:
    return LeaseRequest.model_validate({"request": request, "kind": kind, "count": count})


def span(found: NumberRange) -> tuple[str, int, int]:
    return found.head, found.first, found.last


def test_devices_get_ranges_that_do_not_overlap(store: SerialStore) -> None:
    assert span(store.lease("belt-1", ask("r1"), SERIALS)) == ("U3F", 0, 99)
    assert span(store.lease("belt-2", ask("r1", count=10), SERIALS)) == ("U3F", 100, 109)
    assert span(store.lease("belt-1", ask("r2"), SERIALS)) == ("U3F", 110, 209)


def test_a_lost_reply_costs_no_numbers(store: SerialStore) -> None:
    first = store.lease("belt-1", ask("r1"), SERIALS)
    assert store.lease("belt-1", ask("r1", count=7), SERIALS) == first
    assert store.lease("belt-1", ask("r2"), SERIALS).first == 100
    with pytest.raises(InputError, match="was for serial before"):
        store.lease("belt-1", ask("r1", "sscc"), SSCCS)


def test_stations_that_ask_at_once_get_different_numbers(store: SerialStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(
            threads.map(lambda n: store.lease(f"belt-{n % 4}", ask(f"r{n}"), SERIALS), range(24))
        )
    firsts = sorted(one.first for one in found)
    assert firsts == [100 * number for number in range(24)]


def test_ssccs_go_on_with_the_next_extension_digit_and_then_end(
    store: SerialStore, clock: Clock
) -> None:
    spans = []
    for number in range(4):
        clock.now += 60
        spans.append(span(store.lease("belt-1", ask(f"r{number}", "sscc", 6_000), SSCCS)))
    assert spans == [
        ("0401234567890", 0, 5_999),
        ("0401234567890", 6_000, 9_999),
        ("7401234567890", 0, 5_999),
        ("7401234567890", 6_000, 9_999),
    ]
    assert store.level("sscc", SSCCS).left == 0
    with pytest.raises(NoNumbers):
        store.lease("belt-1", ask("r9", "sscc"), SSCCS)


def test_a_device_that_asks_and_asks_does_not_empty_the_pool(
    store: SerialStore, clock: Clock
) -> None:
    for number in range(MAX_LEASES_AN_HOUR):
        store.lease("belt-1", ask(f"r{number}"), SERIALS)
    with pytest.raises(TooManyLeases):
        store.lease("belt-1", ask("more"), SERIALS)
    store.lease("belt-2", ask("more"), SERIALS)
    clock.now += 3_601
    store.lease("belt-1", ask("more"), SERIALS)


def test_how_long_they_last_follows_from_what_was_given(store: SerialStore, clock: Clock) -> None:
    assert store.level("sscc", SSCCS).seconds_left is None
    store.lease("belt-1", ask("r1", "sscc", 2_000), SSCCS)
    clock.now += 2 * 86_400
    level = store.level("sscc", SSCCS)
    assert (level.capacity, level.left, level.given_lately) == (20_000, 18_000, 2_000)
    assert level.seconds_left == pytest.approx(18 * 86_400)


def test_numbers_are_passed_over(store: SerialStore) -> None:
    assert store.skip(SSCCS, 12_000, "skip-1") == 12_000
    assert span(store.lease("belt-1", ask("r1", "sscc", 10), SSCCS)) == (
        "7401234567890", 2_000, 2_009,
    )  # fmt: skip
    assert store.level("sscc", SSCCS).given_lately == 10  # what is passed over says nothing
    assert store.skip(SSCCS, 99_999, "skip-2") == 7_990


def test_a_database_of_before_gets_the_tables(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.begin() as connection:
        leases.drop(connection)
        pools.drop(connection)
    engine.dispose()
    engine = open_database(database_url)
    assert SerialStore(engine).lease("belt-1", ask("r1"), SERIALS).first == 0
    engine.dispose()
