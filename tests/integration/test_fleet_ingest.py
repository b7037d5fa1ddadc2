import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fleet_messages import DEVICE, STREAM, batch, birth, heartbeat, record, reported
from mqtt_brokers import Mosquitto, RealBroker, free_port
from packet_tap import PacketTap
from raw_device import RawDevice, wait_for

from beltmark.contract.messages import Death
from beltmark.contract.topics import up
from beltmark.contract.wire import MAX_MESSAGE_BYTES, encode
from fleet_server.ingest.link import FleetLink
from fleet_server.storage.engine import open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.tables import devices, gaps, records
from fleet_server.storage.telemetry import TelemetryStore

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'fleet.sqlite'}"


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


@contextmanager
def serving(address: str, engine: sa.Engine) -> Iterator[FleetLink]:
    """A server's link that passes things on; left at the end."""
    link = FleetLink(address, TelemetryStore(engine), FleetStore(engine))
    link.start()
    try:
        wait_for(lambda: link.health.broker.problem is None, "the link is connected")
        yield link
    finally:
        link.stop()


def stored(engine: sa.Engine, device: str = DEVICE) -> list[int]:
    """Sequences in the database; each stands for a record that tells its own number."""
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(records.c.sequence, records.c.body)
            .where(records.c.device == device)
            .order_by(records.c.sequence)
        ).all()
    assert all(row.body == f'{{"number":{row.sequence}}}' for row in rows)
    return [row.sequence for row in rows]


def device_row(engine: sa.Engine, device: str = DEVICE) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.select(devices).where(devices.c.device == device)).first()


def test_whatever_the_order_each_record_is_there_once(broker: RealBroker, engine):
    order = random.Random(3)
    batches = [range(begin, begin + 5) for begin in range(1, 201, 5)] * 2
    order.shuffle(batches)
    with serving(broker.address, engine), RawDevice(broker.port, DEVICE) as device:
        device.say("birth", birth())
        for sequences in batches:
            device.say("records", batch(sequences))
        assert device.wait_until_committed(200).gap is None
        assert [one.sequence for one in device.committed] == sorted(
            one.sequence for one in device.committed
        )
    assert stored(engine) == [*range(1, 201)]


def test_a_gap_is_asked_for_and_closed(broker: RealBroker, engine):
    with serving(broker.address, engine), RawDevice(broker.port, DEVICE) as device:
        device.say("records", batch([1, 2, 6]))
        told = device.wait_until_committed(2)
        assert told.gap is not None
        assert (told.gap.first, told.gap.last) == (3, 5)
        device.say("records", batch([4, 5], gone=[(3, 3)]))
        assert device.wait_until_committed(6).gap is None
    assert stored(engine) == [1, 2, 4, 5, 6]
    with engine.connect() as connection:
        outcomes = connection.execute(sa.select(gaps.c.outcome)).scalars().all()
    assert sorted(outcomes) == ["filled", "gone"]


SERVER_THAT_IS_KILLED = """
import os, signal, sys, time
from fleet_server.ingest.link import FleetLink
from fleet_server.storage.engine import open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.telemetry import TelemetryStore

address, url, last = sys.argv[1], sys.argv[2], int(sys.argv[3])

class KilledAfterCommit(TelemetryStore):
    def take(self, received):
        answers = super().take(received)
        if any(answer.sequence >= last for answer in answers):
            os.kill(os.getpid(), signal.SIGKILL)
        return answers

engine = open_database(url)
FleetLink(address, KilledAfterCommit(engine), FleetStore(engine)).start()
time.sleep(120)
"""


def test_a_server_that_is_killed_between_commit_and_answer_answers_later(
    broker: RealBroker, url: str
):
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER_THAT_IS_KILLED, broker.address, url, "6"], cwd=REPOSITORY
    )
    try:
        with RawDevice(broker.port, DEVICE) as device:
            wait_for(lambda: device.servers, "the server is online")
            for begin in (1, 3, 5):
                device.say("records", batch([begin, begin + 1]))
            assert server.wait(60) == -signal.SIGKILL
            assert all(told.sequence < 6 for told in device.committed)

            engine = open_database(url)
            with serving(broker.address, engine):
                assert device.wait_until_committed(6).sequence == 6  # without being sent again
                assert len({told.epoch for told in device.servers}) == 2
                device.say("records", batch([5, 6, 7]))
                device.wait_until_committed(7)
            assert stored(engine) == [1, 2, 3, 4, 5, 6, 7]
            engine.dispose()
    finally:
        server.kill()
        server.wait()


def test_what_cannot_be_used_is_counted_and_stops_nothing(broker: RealBroker, engine):
    with serving(broker.address, engine) as link, RawDevice(broker.port, DEVICE) as device:
        device.say("birth", birth())
        nonsense = [
            (up(DEVICE, "records"), b"\x00\xff"),
            (up(DEVICE, "heartbeat"), b"{}"),
            (up(DEVICE, "records"), b" " * (MAX_MESSAGE_BYTES + 1)),
            (up(DEVICE, "records"), encode(batch([1], device="belt-2"))),
            (up(DEVICE, "birth"), encode(birth()).replace(b'"version":2', b'"version":9')),
        ]
        for topic, payload in nonsense:
            device.say_raw(topic, payload)
        device.say_raw("beltmark/<script>/up/birth", b"{}")
        device.say_raw("beltmark/belt-1/up/opinion", b"{}")
        device.say("records", batch([record(1, kind="counters", start_at=-5.0), 2]))
        device.wait_until_committed(2)
        row = device_row(engine)
        assert row.malformed == len(nonsense) + 1
        assert "counters: start_at" in row.malformed_told
        assert link.health.refused == 2
        assert link.health.problems == []
    assert device_row(engine, "belt-2") is None


def test_what_a_broker_kept_from_the_past_makes_nobody_online(broker: RealBroker, engine):
    with RawDevice(broker.port, "belt-9") as device:
        device.say_raw(up("belt-9", "birth"), encode(birth(device="belt-9")), retain=True)
    with serving(broker.address, engine), RawDevice(broker.port, DEVICE) as device:
        device.say("records", batch([1]))
        device.wait_until_committed(1)
    assert device_row(engine, "belt-9") is None


def test_a_device_comes_and_goes(broker: RealBroker, engine):
    with serving(broker.address, engine):
        device = RawDevice(broker.port, DEVICE, session=4)
        device.say("birth", birth(4))
        device.say("reported", reported(4))
        device.say("heartbeat", heartbeat(4))
        row = wait_for(
            lambda: (row := device_row(engine)) is not None and row.heartbeat and row, "heartbeat"
        )
        assert (row.session, row.ended_at) == (4, None)
        assert row.reported is not None
        device.cut()
        row = wait_for(lambda: (row := device_row(engine)).ended_at and row, "the will")
        assert (row.session, row.end_reason) == (4, "lost")
        with RawDevice(broker.port, DEVICE, session=5) as device:
            device.say("birth", birth(5))
            wait_for(lambda: device_row(engine).ended_at is None, "the next session")
            device.say("death", Death(device=DEVICE, session=4, reason="lost"))
            device.say("death", Death(device=DEVICE, session=5, reason="stopped"))
            row = wait_for(lambda: (row := device_row(engine)).ended_at and row, "the end")
            assert (row.session, row.end_reason) == (5, "stopped")


def test_what_is_desired_is_published_and_noted_once_the_broker_has_it(broker: RealBroker, engine):
    fleet = FleetStore(engine)
    with serving(broker.address, engine), RawDevice(broker.port, DEVICE) as device:
        fleet.desire(DEVICE, "release-1", by="admin")
        wait_for(lambda: device.desired, "the desired state")
        fleet.desire(DEVICE, "release-2", by="admin")
        wait_for(lambda: len(device.desired) > 1, "the next desired state")
        wait_for(lambda: fleet.unpublished() == [], "it is noted")
        assert [(one.desired_version, one.release) for one in device.desired] == [
            (1, "release-1"),
            (2, "release-2"),
        ]
    with RawDevice(broker.port, DEVICE) as late:
        wait_for(lambda: late.desired, "what the broker kept")
        assert late.desired[0].release == "release-2"


def test_a_broker_that_lost_its_memory_is_told_everything_again(broker: RealBroker, engine):
    fleet = FleetStore(engine)
    with serving(broker.address, engine) as link:
        with RawDevice(broker.port, DEVICE) as device:
            device.say("records", batch([1, 2, 5]))
            device.wait_until_committed(2)
        fleet.desire(DEVICE, "release-1", by="admin")
        wait_for(lambda: fleet.unpublished() == [], "it is published")
        broker.stop()
        wait_for(lambda: link.health.broker.problem, "the link notices")
        fleet.desire(DEVICE, "release-2", by="admin")
        broker.start()
        wait_for(lambda: link.health.broker.problem is None, "the link is back")
        wait_for(lambda: fleet.unpublished() == [], "it is published again")
        with RawDevice(broker.port, DEVICE) as device:
            wait_for(lambda: device.desired and device.committed and device.servers, "all of it")
            assert device.desired[-1].release == "release-2"
            assert (device.committed[-1].sequence, device.committed[-1].gap.last) == (2, 4)
            assert device.servers[-1] == link.online
            device.say("records", batch([3, 4]))
            device.wait_until_committed(5)
    assert stored(engine) == [1, 2, 3, 4, 5]


def test_a_server_waits_for_its_broker(tmp_path: Path, engine):
    broker = Mosquitto(tmp_path)
    link = FleetLink(broker.address, TelemetryStore(engine), FleetStore(engine))
    link.start()
    try:
        wait_for(lambda: "cannot be reached" in (link.health.broker.problem or ""), "it is told")
        broker.start()
        wait_for(lambda: link.health.problems == [], "it is connected")
    finally:
        link.stop()
        broker.stop()
    assert link.health.broker.problem == "stopped"


def test_on_a_full_disk_nothing_is_acknowledged_and_nothing_is_lost(broker: RealBroker, engine):
    with (
        PacketTap(broker.port) as tap,
        serving(tap.address, engine) as link,
        RawDevice(broker.port, DEVICE) as device,
    ):
        device.say("records", batch([1]))
        device.wait_until_committed(1)
        limit_pages(engine, 1)
        wait_for(lambda: tap.acknowledged == tap.delivered, "all so far is acknowledged")
        device.say("records", batch(range(2, 202)))  # does not fit in what is free of a page
        wait_for(lambda: "full" in (link.health.database.problem or ""), "it is told")
        for begin in range(202, 222):
            device.say("records", batch([begin]))
        wait_for(lambda: tap.delivered >= tap.acknowledged + 15, "the others have come, too")
        assert device.committed[-1].sequence == 1
        assert link.health.broker.problem is None

        limit_pages(engine, 2**30)
        device.wait_until_committed(221)
        wait_for(lambda: tap.acknowledged == tap.delivered, "all is acknowledged")
        assert link.health.problems == []
    assert stored(engine) == [*range(1, 222)]


def limit_pages(engine: sa.Engine, pages: int) -> None:
    """Lets the file grow no further; SQLite then says what it says of a full disk."""
    engine.dispose()

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    sa.event.listen(engine, "connect", limit)


def test_a_postgresql_that_goes_away_and_comes_back(mosquitto: RealBroker, postgresql):
    engine = open_database(postgresql.new_database())
    with serving(mosquitto.address, engine) as link, RawDevice(mosquitto.port, DEVICE) as device:
        device.say("records", batch([1]))
        device.wait_until_committed(1)
        postgresql.stop()
        try:
            device.say("records", batch([2, 3]))
            wait_for(lambda: link.health.database.problem, "it is told")
            device.say("records", batch([4]))
            assert device.committed[-1].sequence == 1
        finally:
            postgresql.start()
        device.wait_until_committed(4)
        wait_for(lambda: link.health.problems == [], "all is well")
        assert stored(engine) == [1, 2, 3, 4]
    engine.dispose()


def test_of_two_servers_on_one_broker_the_later_one_stays(mosquitto: RealBroker, engine, tmp_path):
    other = open_database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with serving(mosquitto.address, engine) as first, serving(mosquitto.address, other) as second:
        wait_for(lambda: "taken over" in (first.health.broker.problem or ""), "the first yields")
        wait_for(lambda: second.health.problems == [], "the second serves")
        with RawDevice(mosquitto.port, DEVICE) as device:
            wait_for(lambda: device.servers, "the server is online")
            assert device.servers[-1] == second.online
            for sequence in range(1, 6):
                device.say("records", batch([sequence]))
                device.wait_until_committed(sequence)
            assert {told.epoch for told in device.servers} == {second.online.epoch}
        assert second.health.problems == []
    assert (stored(engine), stored(other)) == ([], [1, 2, 3, 4, 5])
    other.dispose()


@pytest.fixture
def strict_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto that knows two users, of which only `fleet` may do anything."""
    passwords, rights = tmp_path / "passwords", tmp_path / "rights"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "fleet", "s3cret"], check=True)
    subprocess.run(["mosquitto_passwd", "-b", passwords, "guest", "s3cret"], check=True)
    rights.write_text("user fleet\ntopic readwrite beltmark/#\n\nuser guest\ntopic read nothing\n")
    for file in (passwords, rights):
        os.chmod(file, 0o600)
    broker = Mosquitto(
        tmp_path, f"allow_anonymous false\npassword_file {passwords}\nacl_file {rights}"
    )
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("", "refuses a client without a user"),
        ("fleet:wrong@", "refuses user fleet"),
        ("guest:s3cret@", "passes nothing on: may user guest read and write beltmark/#"),
    ],
)
def test_a_broker_that_does_not_let_the_server_in_is_told(strict_broker, engine, user, told):
    address = strict_broker.address.replace("mqtt://", f"mqtt://{user}")
    link = FleetLink(address, TelemetryStore(engine), FleetStore(engine), echo_timeout_s=0.5)
    link.start()
    try:
        problem = wait_for(
            lambda: told in (link.health.broker.problem or "") and link.health.broker.problem, told
        )
        assert "s3cret" not in problem
    finally:
        link.stop()


def test_a_server_is_let_in_by_its_password(strict_broker, engine):
    with serving(strict_broker.address.replace("mqtt://", "mqtt://fleet:s3cret@"), engine) as link:
        assert link.health.problems == []


def test_a_link_that_never_reached_anything_ends(engine):
    link = FleetLink(f"mqtt://127.0.0.1:{free_port()}", TelemetryStore(engine), FleetStore(engine))
    link.stop()  # before it was started
    assert STREAM not in str(link.health)
