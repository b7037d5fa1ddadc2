"""What the pages read of stations, on SQLite and on PostgreSQL."""

import pytest
import sqlalchemy as sa
from fleet_messages import Clock, batch, birth, heartbeat, item_body, record

from beltmark.contract.messages import Death
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.overview import (
    MAX_MINUTES,
    DayCounts,
    Minute,
    first_minute,
    read_overview,
    shift_s,
)
from fleet_server.storage.station_detail import MAX_ITEMS, read_station
from fleet_server.storage.telemetry import TelemetryStore

NOW = 200_000.0
DAY_START_AT = 172_800.0


@pytest.fixture
def telemetry(fleet_engine) -> TelemetryStore:
    return TelemetryStore(fleet_engine, Clock(NOW))


@pytest.fixture
def fleet(fleet_engine) -> FleetStore:
    return FleetStore(fleet_engine, Clock(NOW))


def overview(engine):
    return {one.stored.device: one for one in read_overview(engine, NOW, DAY_START_AT).stations}


def item(number: int, at: float, outcome: str = "PRINT", state: str | None = None, **more):
    more = {"decided_at": at, "outcome": outcome, "print_state": state, **more}
    return record(number, "item", at, **item_body(f"i{number}", number, **more))


def counters(number: int, start_at: float, printed: int = 0, reviewed: int = 0, **more):
    outcomes = {"PRINT": printed, "REVIEW": reviewed}
    return record(number, "counters", start_at + 60, start_at=start_at, outcomes=outcomes, **more)


def take(telemetry, records, device="belt-1", **more):
    telemetry.take_batches([batch(records, device=device, sent_at=NOW, **more)])


def test_a_fleet_without_stations(fleet_engine):
    known = read_overview(fleet_engine, NOW, DAY_START_AT)
    assert (known.stations, known.total) == ((), 0)


def test_a_station_that_has_only_been_born(fleet_engine, telemetry):
    telemetry.take_birth(birth())
    [station] = read_overview(fleet_engine, NOW, DAY_START_AT).stations
    assert station.stored.device == "belt-1"
    assert station.desired is None
    assert station.today == DayCounts()
    assert station.minutes == (None,) * MAX_MINUTES
    assert station.last_label is None
    assert station.open_gaps == ()


def test_who_was_never_heard_is_no_station(fleet_engine, telemetry):
    telemetry.note_malformed("guess", "no JSON")
    assert read_overview(fleet_engine, NOW, DAY_START_AT).total == 0


def test_the_day_is_counted_by_what_became_of_the_items(fleet_engine, telemetry):
    telemetry.take_birth(birth())
    at = NOW - 10
    take(
        telemetry,
        [
            item(1, at, state="printed"),
            item(2, at, state="printed"),
            item(3, at, state="unknown"),
            item(4, at, state="failed"),
            item(5, at, state="late"),
            item(6, at, state="sent"),
            item(7, at, "REVIEW"),
            item(8, at, "REJECT"),
            item(9, DAY_START_AT - 1, state="printed"),
            item(10, DAY_START_AT, state="printed"),
        ],
    )
    today = overview(fleet_engine)["belt-1"].today
    assert today == DayCounts(printed=3, not_proven=3, reviewed=1, rejected=1)
    assert today + DayCounts(printed=1) == DayCounts(4, 3, 1, 1)


def test_minutes_stand_where_they_belong_and_those_that_did_not_come_are_not_zero(
    fleet_engine, telemetry
):
    telemetry.take_birth(birth())
    start_at = first_minute(NOW)
    take(
        telemetry,
        [
            counters(1, start_at - 60, 9),
            counters(2, start_at, 1),
            counters(3, start_at + 120, 0, 2),
            counters(4, start_at + 60 * MAX_MINUTES, 9),
        ],
    )
    minutes = overview(fleet_engine)["belt-1"].minutes
    assert minutes[:4] == (Minute(1, 0, 0), None, Minute(0, 2, 0), None)
    assert set(minutes[4:]) == {None}
    assert first_minute(NOW) + 60 * MAX_MINUTES <= NOW


def test_the_last_label_is_the_last_item_that_gets_one(fleet_engine, telemetry):
    for device in ("belt-1", "belt-2"):
        telemetry.take_birth(birth(device=device))
    take(telemetry, [item(1, NOW - 30), item(2, NOW - 20), item(3, NOW - 10, "REVIEW")])
    take(telemetry, [item(1, NOW - 5, "REVIEW")], device="belt-2")
    stations = overview(fleet_engine)
    assert stations["belt-1"].last_label.item_id == "i2"
    assert stations["belt-2"].last_label is None


def test_a_label_of_a_clock_that_was_ahead_is_not_the_last_one_for_ever(fleet_engine, telemetry):
    telemetry.take_birth(birth())
    take(telemetry, [item(1, NOW + 10**8), item(2, NOW - 5)])
    assert overview(fleet_engine)["belt-1"].last_label.item_id == "i2"


@pytest.mark.parametrize("offset_s", [-90_000.0, 10**8])
def test_a_station_whose_clock_is_far_off_is_counted_by_its_own(fleet_engine, telemetry, offset_s):
    telemetry.take_birth(birth())
    telemetry.take_heartbeat(heartbeat(at=NOW + offset_s))
    device_now = NOW + offset_s
    device_minute = (device_now // 60 - 2) * 60
    take(
        telemetry,
        [
            item(1, device_now - 30, state="printed"),
            item(2, device_now - (NOW - DAY_START_AT) - 60, state="printed"),
            counters(3, device_minute, 7),
        ],
    )
    station = overview(fleet_engine)["belt-1"]
    assert shift_s(station.stored) == offset_s
    assert station.today.printed == 1
    assert station.last_label.item_id == "i1"
    assert Minute(7, 0, 0) in station.minutes[-3:]


def test_a_clock_that_is_a_little_off_changes_nothing(fleet_engine, telemetry):
    telemetry.take_birth(birth())
    telemetry.take_heartbeat(heartbeat(at=NOW + 30))
    assert shift_s(overview(fleet_engine)["belt-1"].stored) == 0


def test_open_gaps_are_told_and_filled_ones_are_not(fleet_engine, telemetry):
    telemetry.take_birth(birth())
    take(telemetry, [item(1, NOW), item(5, NOW)])
    [gap] = overview(fleet_engine)["belt-1"].open_gaps
    assert (gap.first, gap.last, gap.outcome, gap.stream) == (2, 4, "open", "stream-1")
    take(telemetry, [item(2, NOW), item(3, NOW), item(4, NOW)])
    assert overview(fleet_engine)["belt-1"].open_gaps == ()
    detail = read_station(fleet_engine, "belt-1", NOW, DAY_START_AT)
    assert [one.outcome for one in detail.gaps] == ["filled"]


def test_what_a_station_is_to_run_stands_beside_it(fleet_engine, telemetry, fleet):
    for device in ("belt-1", "belt-2"):
        telemetry.take_birth(birth(device=device))
    fleet.desire("belt-2", "release-9", "admin")
    stations = overview(fleet_engine)
    assert stations["belt-1"].desired is None
    assert stations["belt-2"].desired == fleet.desired("belt-2")


def test_however_many_stations_there_are_the_questions_are_as_many(fleet_engine, telemetry):
    asked: list[str] = []
    sa.event.listen(
        fleet_engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2])
    )

    def questions() -> int:
        asked.clear()
        read_overview(fleet_engine, NOW, DAY_START_AT)
        return len(asked)

    telemetry.take_birth(birth())
    one = questions()
    for number in range(30):
        telemetry.take_birth(birth(device=f"belt-{number}"))
        take(telemetry, [item(1, NOW), counters(2, NOW - 120, 1)], device=f"belt-{number}")
    assert questions() == one


def test_a_station_in_detail(fleet_engine, telemetry):
    telemetry.take_birth(birth())
    start_at = first_minute(NOW)
    health = {"part": "printer", "health": {"state": "down", "told": "no answer"}}
    update = {"desired_version": 1, "release": "r2", "state": "refused", "reason": "too slow"}
    take(
        telemetry,
        [
            *(item(number, NOW - 100 + number) for number in range(1, 31)),
            counters(31, start_at + 60, 3, latency_counts=[1, 2]),
            record(32, "health", NOW - 9, **health),
            record(33, "health", NOW - 8, part="printer"),
            record(34, "update", NOW - 7, **update),
        ],
    )
    detail = read_station(fleet_engine, "belt-1", NOW, DAY_START_AT)
    assert [one.item_id for one in detail.items] == [
        f"i{number}" for number in range(30, 30 - MAX_ITEMS, -1)
    ]
    assert [one.latency_counts for one in detail.counters] == [(1, 2)]
    assert [(one.at, one.what.health.told) for one in detail.health] == [(NOW - 9, "no answer")]
    assert [(one.at, one.what.reason) for one in detail.updates] == [(NOW - 7, "too slow")]


def test_a_station_that_is_not_there(fleet_engine, telemetry):
    telemetry.note_malformed("guess", "no JSON")
    assert read_station(fleet_engine, "guess", NOW, DAY_START_AT) is None
    assert read_station(fleet_engine, "nobody", NOW, DAY_START_AT) is None


def test_a_stations_history_is_told_by_the_servers_clock(fleet_engine, telemetry):
    telemetry.take_birth(birth())
    telemetry.take_heartbeat(heartbeat(at=NOW - 50_000))
    body = {"part": "camera", "health": {"state": "ok"}}
    take(telemetry, [record(1, "health", NOW - 50_000 - 5, **body)])
    detail = read_station(fleet_engine, "belt-1", NOW, DAY_START_AT)
    assert [one.at for one in detail.health] == [NOW - 5]


def test_a_station_that_ended_is_still_one(fleet_engine, telemetry):
    telemetry.take_birth(birth())
    telemetry.take_death(Death(device="belt-1", session=1, reason="lost"))
    assert overview(fleet_engine)["belt-1"].stored.signs.end_reason == "lost"
