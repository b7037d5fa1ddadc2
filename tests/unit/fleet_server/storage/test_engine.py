import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from fleet_messages import STREAM, Clock, batch, birth, record

from beltmark.contract.errors import InputError, UnknownVersionError
from fleet_server.storage.engine import (
    StorageUnavailable,
    Unstorable,
    open_database,
    reading,
    writing,
)
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.tables import facts, records
from fleet_server.storage.telemetry import TelemetryStore


def test_what_was_written_is_there_when_it_is_opened_again(database_url):
    engine = open_database(database_url)
    FleetStore(engine).set_fact("greeting", "Grüße 😀")
    engine.dispose()
    engine = open_database(database_url)
    assert FleetStore(engine).fact("greeting") == "Grüße 😀"
    engine.dispose()


def test_a_transaction_that_fails_leaves_no_trace(fleet_engine):
    def fail() -> None:
        with writing(fleet_engine) as connection:
            connection.execute(facts.insert().values(name="half", value="done"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert FleetStore(fleet_engine).fact("half") is None


def test_what_does_not_fit_is_told_apart_from_a_database_that_is_away(fleet_engine):
    with pytest.raises(Unstorable), writing(fleet_engine) as connection:
        connection.execute(facts.insert().values(name="schema_version", value="twice"))
    with pytest.raises(StorageUnavailable), reading(fleet_engine) as connection:
        connection.execute(sa.text("SELECT * FROM nowhere"))


def test_tables_of_another_version_are_left_alone(database_url):
    engine = open_database(database_url)
    FleetStore(engine).set_fact("schema_version", "99")
    engine.dispose()
    with pytest.raises(UnknownVersionError, match="99"):
        open_database(database_url)


def test_somebody_elses_tables_are_left_alone(database_url):
    engine = sa.create_engine(database_url.replace("postgresql:", "postgresql+pg8000:"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE customers (name TEXT)"))
    engine.dispose()
    with pytest.raises(InputError, match="somebody else"):
        open_database(database_url)


def test_two_servers_may_begin_at_once(database_url):
    engines: list[sa.Engine] = []
    threads = [
        threading.Thread(target=lambda: engines.append(open_database(database_url)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engines) == 3
    for engine in engines:
        engine.dispose()


def test_writers_wait_for_each_other(fleet_engine):
    store = TelemetryStore(fleet_engine, Clock())

    def send(begin: int) -> None:
        for sequence in range(begin, 101, 4):
            body = {"start_at": 60.0, "frames": 1}
            store.take_batches([batch([record(sequence, kind="counters", **body)])])

    threads = [threading.Thread(target=send, args=(begin,)) for begin in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (answer,) = store.committed()
    assert (answer.stream, answer.sequence, answer.gap) == (STREAM, 100, None)
    with reading(fleet_engine) as connection:
        assert connection.execute(sa.text("SELECT frames FROM minutes")).scalar_one() == 100


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "cannot be read"),
        ("fleet.sqlite", "cannot be read"),
        ("mysql://me@host/fleet", "mysql is not known"),
        ("postgresql+psycopg2://me@host/fleet", "psycopg2 is not known"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////nowhere/at/all/fleet.sqlite", "/nowhere/at/all is not there"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(url, told):
    with pytest.raises(InputError, match=told):
        open_database(url)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path):
    path = tmp_path / "fleet.sqlite"
    path.write_text("a letter to a friend\n" * 100)
    with pytest.raises(InputError, match="not a database") as refusal:
        open_database(f"sqlite:///{path}")
    assert "fleet.sqlite" in str(refusal.value)
    assert path.read_text().startswith("a letter")


def test_a_password_is_not_repeated(postgresql):
    for url in (
        f"postgresql://me:s3cret@127.0.0.1:{postgresql.port}/nowhere?password=s3cret",
        "postgresql://me:s3cret@127.0.0.1:1/fleet",
        "mysql://me:s3cret@host/fleet",
    ):
        with pytest.raises(InputError) as refusal:
            open_database(url)
        assert "s3cret" not in str(refusal.value)
        assert "me:***@" in str(refusal.value)


def test_a_postgresql_that_is_not_there_is_told(postgresql):
    with pytest.raises(InputError, match="is PostgreSQL running there"):
        open_database("postgresql://me@127.0.0.1:1/fleet")
    with pytest.raises(InputError, match="CREATE DATABASE nowhere"):
        open_database(f"postgresql://postgres@127.0.0.1:{postgresql.port}/nowhere")


def test_a_user_who_may_not_make_tables_is_told(postgresql):
    url = postgresql.new_database()
    postgresql.execute("DROP ROLE IF EXISTS guest")
    postgresql.execute("CREATE ROLE guest LOGIN")
    with pytest.raises(InputError, match="GRANT CREATE ON SCHEMA public TO guest"):
        open_database(url.replace("postgres@", "guest@"))


def test_a_database_that_cannot_hold_every_text_is_refused(postgresql):
    with pytest.raises(InputError, match="encoding is LATIN1"):
        open_database(postgresql.new_database("LATIN1"))


def test_a_postgresql_that_comes_back_is_used_again(postgresql):
    engine = open_database(postgresql.new_database())
    store = TelemetryStore(engine, Clock())
    store.take_batches([batch([1])])
    postgresql.stop()
    try:
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                store.take_batches([batch([2])])
    finally:
        postgresql.start()
    assert store.take_batches([batch([2])])[0].sequence == 2
    engine.dispose()


def test_a_full_disk_commits_nothing_and_loses_nothing(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path / 'fleet.sqlite'}")
    store = TelemetryStore(engine, Clock())
    store.take_birth(birth())
    limit_pages(engine, 0)
    with pytest.raises(StorageUnavailable, match="full"):
        send_on(store, 10_000)
    (held,) = store.committed()
    assert held.sequence > 0
    limit_pages(engine, 2**30)
    send_on(store, held.sequence + 3)
    with reading(engine) as connection:
        count = sa.select(sa.func.count()).select_from(records)
        assert connection.execute(count).scalar_one() == held.sequence + 3
    engine.dispose()


def send_on(store: TelemetryStore, last: int) -> None:
    """Sends the records after those that are committed, up to the last."""
    for sequence in range(store.committed()[0].sequence + 1, last + 1):
        store.take_batches([batch([record(sequence, text="x" * 1_000)])])


def limit_pages(engine: sa.Engine, pages: int) -> None:
    """Lets the file grow no further; SQLite then says what it says of a full disk."""
    engine.dispose()

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={max(1, pages)}")

    sa.event.listen(engine, "connect", limit)


def test_what_is_committed_survives_a_kill(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'fleet.sqlite'}"
    script = f"""
import os, signal, sys
sys.path.insert(0, "tests")
from fleet_messages import batch
from fleet_server.storage.engine import open_database
from fleet_server.storage.telemetry import TelemetryStore
store = TelemetryStore(open_database({url!r}))
for sequence in range(1, 21):
    store.take_batches([batch([sequence])])
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, check=False, timeout=60)
    assert done.returncode == -9
    engine = open_database(url)
    assert TelemetryStore(engine).committed()[0].sequence == 20
    engine.dispose()
