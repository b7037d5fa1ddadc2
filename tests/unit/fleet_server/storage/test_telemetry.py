import json
from typing import Any

import pytest
import sqlalchemy as sa
from fleet_messages import (
    DEVICE,
    SENT_AT,
    STREAM,
    Clock,
    batch,
    birth,
    heartbeat,
    item_body,
    record,
    reported,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beltmark.contract.messages import Committed, Death
from beltmark.contract.records import SequenceRange
from fleet_server.domain.sequences import MAX_HOLES
from fleet_server.storage import device_writes
from fleet_server.storage.tables import devices, gaps, items, minutes, records, streams
from fleet_server.storage.telemetry import Malformed, Received, TelemetryStore


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(fleet_engine: sa.Engine, clock: Clock) -> TelemetryStore:
    return TelemetryStore(fleet_engine, clock)


def rows(engine: sa.Engine, table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
    """The table's rows by primary key, or some columns of them."""
    query = sa.select(*(table.c[column] for column in columns or table.c.keys()))
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(*table.primary_key))]


def device_row(engine: sa.Engine, device: str = DEVICE) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.select(devices).where(devices.c.device == device)).one()


def committed(sequence: int, gap: tuple[int, int] | None = None, **of: str) -> Committed:
    span = None if gap is None else SequenceRange(first=gap[0], last=gap[1])
    return Committed(**{"device": DEVICE, "stream": STREAM, **of}, sequence=sequence, gap=span)


def death(session: int, reason: str = "lost") -> Death:
    return Death(device=DEVICE, session=session, reason=reason)


# Records


def test_a_batch_is_stored_and_its_end_is_told(store, fleet_engine, clock):
    clock.now = 10_001.5
    assert store.take_batches([batch([1, 2])]) == [committed(2)]
    assert rows(fleet_engine, records) == [
        (DEVICE, STREAM, 1, "note", SENT_AT, 10_001.5, False, '{"number":1}'),
        (DEVICE, STREAM, 2, "note", SENT_AT, 10_001.5, False, '{"number":2}'),
    ]
    assert rows(fleet_engine, streams) == [(DEVICE, STREAM, 2, 2, 10_001.5)]
    assert rows(fleet_engine, gaps) == []


def test_what_comes_twice_is_stored_once_and_the_first_counts(store, fleet_engine):
    store.take_batches([batch([1, 2])])
    again = batch([2, record(2, what="another"), 3])
    assert store.take_batches([again, again]) == [committed(3)]
    assert store.take_batches([batch([1, 2, 3])]) == [committed(3)]
    assert rows(fleet_engine, records, "sequence", "body") == [
        (1, '{"number":1}'),
        (2, '{"number":2}'),
        (3, '{"number":3}'),
    ]


def test_batches_in_any_order_leave_no_gap_if_they_come_together(store, fleet_engine):
    assert store.take_batches([batch([3]), batch([1]), batch([2])]) == [committed(3)]
    assert rows(fleet_engine, gaps) == []


def test_a_gap_is_told_remembered_and_filled(store, fleet_engine, clock):
    assert store.take_batches([batch([1, 5, 6])]) == [committed(1, gap=(2, 4))]
    assert rows(fleet_engine, gaps) == [(DEVICE, STREAM, 2, 4, SENT_AT, None, "open")]
    clock.now += 1
    assert store.take_batches([batch([2, 3])]) == [committed(3, gap=(4, 4))]
    clock.now += 1
    assert store.take_batches([batch([4])]) == [committed(6)]
    filled = (DEVICE, STREAM, 2, 4, SENT_AT, SENT_AT + 2, "filled")
    assert rows(fleet_engine, gaps) == [filled]
    assert [sequence for (sequence,) in rows(fleet_engine, records, "sequence")] == [*range(1, 7)]


def test_a_gap_that_will_never_be_filled_is_gone(store, fleet_engine, clock):
    store.take_batches([batch([1, 9])])
    clock.now += 1
    assert store.take_batches([batch([6], gone=[(2, 5)])]) == [committed(6, gap=(7, 8))]
    assert rows(fleet_engine, gaps, "first", "last", "seen_at", "closed_at", "outcome") == [
        (2, 5, SENT_AT, SENT_AT + 1, "gone"),
        (6, 6, SENT_AT, SENT_AT + 1, "filled"),
        (7, 8, SENT_AT, None, "open"),
    ]


def test_what_is_gone_from_the_begin_is_no_gap(store, fleet_engine):
    assert store.take_batches([batch([101], gone=[(1, 100)])]) == [committed(101)]
    assert rows(fleet_engine, gaps) == []


def test_what_was_gone_and_comes_after_all_is_stored(store, fleet_engine):
    store.take_batches([batch([3], gone=[(1, 2)])])
    assert store.take_batches([batch([2])]) == [committed(3)]
    assert rows(fleet_engine, records, "sequence") == [(2,), (3,)]


def test_a_device_that_sends_every_other_record_is_not_followed_for_ever(store, fleet_engine):
    odd = range(1, 2 * MAX_HOLES + 200, 2)
    answers = [
        store.take_batches([batch(odd[begin : begin + 200])])[0]
        for begin in range(0, len(odd), 200)
    ]
    assert {answer.sequence for answer in answers} == {1}
    assert len(rows(fleet_engine, gaps)) <= MAX_HOLES
    everything = range(2, 2 * MAX_HOLES + 200)
    for begin in range(0, len(everything), 200):
        (answer,) = store.take_batches([batch(everything[begin : begin + 200])])
    assert answer == committed(everything[-1])
    assert len(rows(fleet_engine, records)) == everything[-1]
    assert {outcome for (outcome,) in rows(fleet_engine, gaps, "outcome")} == {"filled"}


def test_each_stream_of_each_device_counts_for_itself(store):
    answers = store.take_batches(
        [
            batch([1]),
            batch([1, 2], device="belt-2"),
            batch([1, 2, 3], stream="stream-2"),
            batch([2]),
        ]
    )
    assert {(one.device, one.stream, one.sequence) for one in answers} == {
        (DEVICE, STREAM, 2),
        (DEVICE, "stream-2", 3),
        ("belt-2", STREAM, 2),
    }
    assert len(answers) == 3


def test_of_a_devices_streams_the_latest_is_told_last_and_remembered(store, clock):
    store.take_batches([batch([1])])
    clock.now += 1
    answers = store.take_batches(
        [batch([1, 2], stream="stream-2"), batch([2]), batch([], stream="stream-2")]
    )
    assert answers == [committed(2), committed(2, stream="stream-2")]
    clock.now += 1
    store.take_birth(birth(2, stream="stream-3"))
    assert store.committed() == [committed(0, stream="stream-3")]


def test_an_empty_batch_asks_how_far(store):
    store.take_batches([batch([1, 3])])
    assert store.take_batches([batch([])]) == [committed(1, gap=(2, 2))] == store.committed()


def test_what_was_sent_long_after_it_happened_is_historical(store, fleet_engine):
    ages = [0, 59, 60, 61, 10_000, -1e10]
    store.take_batches([batch([record(n, at=SENT_AT - age) for n, age in enumerate(ages, 1)])])
    told = rows(fleet_engine, records, "historical")
    assert told == [(False,), (False,), (False,), (True,), (True,), (False,)]


def test_kinds_that_are_not_known_are_kept(store, fleet_engine):
    body = {"a": ["Ä", None, {"b": 1.5}]}
    assert store.take_batches([batch([record(1, kind="of_tomorrow", **body)])]) == [committed(1)]
    ((text,),) = rows(fleet_engine, records, "body")
    assert json.loads(text) == body
    assert device_row(fleet_engine).malformed == 0


def test_a_body_that_does_not_fit_is_kept_counted_and_holds_nothing_up(store, fleet_engine):
    sent = batch(
        [
            record(1, kind="item", item="no item"),
            record(2, kind="counters", start_at=0, frames=-1),
            record(3, kind="health", part="camera", health={"state": "splendid"}),
            record(4, kind="item", **item_body("i1", 1)),
        ]
    )
    assert store.take_batches([sent, sent]) == [committed(4)]
    assert rows(fleet_engine, records, "sequence") == [(1,), (2,), (3,), (4,)]
    assert rows(fleet_engine, items, "item_id") == [("i1",)]
    row = device_row(fleet_engine)
    assert row.malformed == 3
    assert "record 3, health: health.state" in row.malformed_told


def test_an_item_stands_as_its_latest_step_says_in_whatever_order_they_come(store, fleet_engine):
    def step(sequence: int, number: int, **changed: object):
        return record(sequence, kind="item", **item_body("i1", number, **changed))

    store.take_batches([batch([step(1, 10), step(2, 12, print_state="sent"), step(3, 11)])])
    assert rows(fleet_engine, items, "step", "print_state") == [(12, "sent")]
    store.take_batches([batch([step(4, 11, outcome="REVIEW"), step(5, 12, print_state="failed")])])
    assert rows(fleet_engine, items, "step", "outcome", "print_state") == [(12, "PRINT", "sent")]
    store.take_batches([batch([step(6, 13, outcome="REVIEW", sku=None, decided_at=5.0)])])
    ((number, outcome, sku, decided_at, item),) = rows(
        fleet_engine, items, "step", "outcome", "sku", "decided_at", "item"
    )
    assert (number, outcome, sku, decided_at) == (13, "REVIEW", None, 5.0)
    assert json.loads(item)["reason"] == "a carton with 0.99"


def test_a_minute_told_in_parts_is_counted_whole_and_each_part_once(store, fleet_engine):
    def part(sequence: int, frames: int, **outcomes: int):
        return record(
            sequence,
            kind="counters",
            start_at=600.0,
            frames=frames,
            dropped=1,
            outcomes=outcomes,
            latency_counts=[frames],
        )

    store.take_batches([batch([part(1, 10, PRINT=2), part(2, 20, REVIEW=1)])])
    store.take_batches([batch([part(2, 20, REVIEW=1), part(3, 30, PRINT=1, REJECT=4)])])
    store.take_batches([batch([part(1, 5)], stream="stream-2")])
    columns = ("start_at", "frames", "dropped", "printed", "reviewed", "rejected")
    assert rows(fleet_engine, minutes, *columns) == [(600.0, 65, 4, 3, 1, 4)]
    ((counted,),) = rows(fleet_engine, minutes, "counters")
    assert json.loads(counted)["latency_counts"] == [65]


def test_the_largest_numbers_fit(store, fleet_engine):
    most = 2**53
    body = {"start_at": 1e11, "frames": most, "outcomes": {"PRINT": most}}
    sent = batch(
        [record(most, kind="counters", at=1e11, **body), record(most - 1, kind="counters", **body)],
        session=most,
    )
    assert store.take_batches([sent]) == [committed(0, gap=(1, most - 2))]
    assert rows(fleet_engine, minutes, "frames", "printed") == [(most, most)]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sendings=st.lists(
        st.lists(
            st.tuples(st.integers(1, 30), st.integers(1, 8)).map(
                lambda pair: range(pair[0], min(31, sum(pair)))
            ),
            min_size=1,
            max_size=4,
        ),
        max_size=6,
    )
)
def test_however_it_is_sent_each_record_is_there_once(store, fleet_engine, sendings):
    stream = f"s{next(_streams)}"
    whole = [range(begin, begin + 6) for begin in range(1, 31, 6)]
    for sending in [*sendings, whole]:
        (answer,) = store.take_batches([batch(part, stream=stream) for part in sending])
    assert answer == committed(30, stream=stream)
    with fleet_engine.connect() as connection:
        stored = connection.execute(
            sa.select(records.c.sequence)
            .where(records.c.stream == stream)
            .order_by(records.c.sequence)
        ).scalars()
        assert list(stored) == [*range(1, 31)]
        opened = sa.select(gaps).where(gaps.c.stream == stream, gaps.c.outcome == "open")
        assert connection.execute(opened).all() == []


_streams = iter(range(10**6))


# Devices


def test_a_device_appears_by_its_birth(store, fleet_engine, clock):
    clock.now = 20_000.0
    store.take_birth(birth(3, agent_version="0.2", camera="<b>rtsp</b>"))
    row = device_row(fleet_engine)
    assert (row.session, row.first_seen_at, row.born_at, row.heard_at) == (3, 20e3, 20e3, 20e3)
    assert (row.ended_at, row.malformed) == (None, 0)
    assert json.loads(row.birth)["camera"] == "<b>rtsp</b>"
    assert store.committed() == [committed(0)]


def test_a_birth_that_is_repeated_begins_nothing_anew(store, fleet_engine, clock):
    store.take_birth(birth(3))
    clock.now += 100
    store.take_birth(birth(3, release="release-2"))
    row = device_row(fleet_engine)
    assert (row.born_at, row.heard_at) == (SENT_AT, SENT_AT + 100)
    assert json.loads(row.birth)["release"] == "release-2"


def test_heartbeats_are_signs_of_life_and_show_how_far_the_clock_is_off(store, fleet_engine, clock):
    store.take_birth(birth())
    clock.now += 5
    years = 10 * 365 * 86_400.0
    store.take_heartbeat(heartbeat(at=clock.now + years))
    row = device_row(fleet_engine)
    assert (row.heard_at, row.clock_offset_s) == (SENT_AT + 5, years)
    assert json.loads(row.heartbeat)["may_run"] is True


def test_an_old_will_does_not_end_a_new_session(store, fleet_engine, clock):
    store.take_birth(birth(4))
    store.take_birth(birth(5))
    store.take_death(death(4))
    assert device_row(fleet_engine).ended_at is None
    clock.now += 7
    store.take_death(death(5))
    row = device_row(fleet_engine)
    assert (row.ended_at, row.end_reason, row.heard_at) == (SENT_AT + 7, "lost", SENT_AT)


def test_the_first_end_of_a_session_counts(store, fleet_engine, clock):
    store.take_birth(birth())
    store.take_death(death(1, "stopped"))
    clock.now += 9
    store.take_death(death(1, "lost"))
    row = device_row(fleet_engine)
    assert (row.ended_at, row.end_reason) == (SENT_AT, "stopped")


def test_what_was_sent_before_the_end_does_not_bring_a_session_back(store, fleet_engine, clock):
    store.take_birth(birth(2))
    store.take_death(death(2))
    clock.now += 1
    store.take_heartbeat(heartbeat(2))
    store.take_batches([batch([1], session=2)])
    store.take_heartbeat(heartbeat(1))
    row = device_row(fleet_engine)
    assert (row.session, row.ended_at, row.heard_at) == (2, SENT_AT, SENT_AT)
    assert rows(fleet_engine, records, "sequence") == [(1,)]


@pytest.mark.parametrize(
    "sign",
    [heartbeat(7), reported(7), batch([1], session=7)],
    ids=["heartbeat", "reported", "records"],
)
def test_any_sign_of_a_newer_session_begins_it(store, fleet_engine, clock, sign):
    store.take_birth(birth(6))
    store.take_death(death(6))
    clock.now += 3
    store.take([Received(sign, clock.now)])
    row = device_row(fleet_engine)
    assert (row.session, row.born_at, row.heard_at) == (7, SENT_AT + 3, SENT_AT + 3)
    assert row.ended_at is None


def test_a_session_of_which_only_the_end_is_heard_has_ended(store, fleet_engine, clock):
    store.take_birth(birth(6))
    clock.now += 1
    store.take_death(death(8))
    row = device_row(fleet_engine)
    assert (row.session, row.born_at, row.ended_at) == (8, None, SENT_AT + 1)


def test_an_older_birth_is_passed_over(store, fleet_engine):
    store.take_birth(birth(6, release="new"))
    store.take_birth(birth(5, release="old"))
    row = device_row(fleet_engine)
    assert (row.session, json.loads(row.birth)["release"]) == (6, "new")


def test_a_device_that_lost_its_memory_counts_its_sessions_anew(store, fleet_engine):
    store.take_birth(birth(57))
    store.take_birth(birth(1, stream="stream-2"))
    store.take_heartbeat(heartbeat(1))
    row = device_row(fleet_engine)
    assert (row.session, row.ended_at) == (1, None)
    assert row.heartbeat is not None


def test_what_is_born_after_an_end_lives(store, fleet_engine, clock):
    store.take_birth(birth(1, stream="stream-2"))
    store.take_death(death(57))  # a will from before the device lost its memory
    clock.now += 1
    store.take_birth(birth(1, stream="stream-2"))
    row = device_row(fleet_engine)
    assert (row.session, row.ended_at, row.born_at) == (1, None, SENT_AT + 1)


def test_what_a_device_reports_is_kept_unless_it_is_of_an_older_session(store, fleet_engine):
    store.take_birth(birth(2))
    store.take_reported(reported(2, "release-2"))
    store.take_reported(reported(1, "release-1"))
    assert json.loads(device_row(fleet_engine).reported)["release"] == "release-2"


def test_a_sign_counts_from_when_it_came_not_from_when_it_was_committed(store, fleet_engine, clock):
    clock.now += 600  # the database was away
    store.take([Received(birth(), SENT_AT), Received(heartbeat(), SENT_AT + 1)])
    row = device_row(fleet_engine)
    assert (row.born_at, row.heard_at, row.clock_offset_s) == (SENT_AT, SENT_AT + 1, -1.0)


def test_malformed_messages_are_counted_for_their_device(store, fleet_engine, clock):
    store.take_birth(birth())
    store.note_malformed(DEVICE, "heartbeat: not valid JSON")
    clock.now += 1
    store.take([Received(Malformed(DEVICE, "records: 300000 bytes"), clock.now)])
    row = device_row(fleet_engine)
    assert (row.malformed, row.malformed_told, row.malformed_at) == (
        2,
        "records: 300000 bytes",
        SENT_AT + 1,
    )
    assert row.heard_at == SENT_AT


def test_who_only_sends_nonsense_fills_no_table(store, fleet_engine):
    nonsense = [
        Received(Malformed(f"made-up-{number}", "no"), SENT_AT)
        for number in range(device_writes.MAX_NEVER_HEARD + 50)
    ]
    store.take(nonsense)
    store.take_birth(birth())
    store.note_malformed(DEVICE, "no")
    assert len(rows(fleet_engine, devices)) == device_writes.MAX_NEVER_HEARD + 1
    assert device_row(fleet_engine).malformed == 1
