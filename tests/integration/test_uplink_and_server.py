"""The device's uplink and the server, through real brokers that die: each record once, in order."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from mqtt_brokers import RealBroker, free_port
from waiting import until

from beltmark.contract.broker import parse_broker
from beltmark.contract.catalogue import Product
from beltmark.contract.messages import Desired
from beltmark.contract.records import PartHealth
from edge_agent.printing.journal import Journal
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.station.decision import Decision
from edge_agent.update_report import UpdateReport
from edge_agent.uplink.link import Uplink, UplinkSettings
from edge_agent.uplink.state import Device, StationState
from fleet_server.ingest.link import FleetLink
from fleet_server.storage.engine import open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.tables import devices, items, records
from fleet_server.storage.telemetry import TelemetryStore

pytestmark = pytest.mark.xdist_group("uplink")

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")


class Server:
    """The server's core on a database file; it can be away."""

    def __init__(self, address: str, folder: Path) -> None:
        self._address, self._url = address, f"sqlite:///{folder / 'fleet.sqlite'}"
        self._link: FleetLink | None = None
        self.engine = open_database(self._url)

    def start(self) -> None:
        self.fleet = FleetStore(self.engine)
        self._link = FleetLink(self._address, TelemetryStore(self.engine), self.fleet)
        self._link.start()

    def stop(self) -> None:
        if self._link is not None:
            self._link.stop()
            self._link = None

    def sequences(self) -> list[int]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(records.c.sequence).order_by(records.c.sequence))
            return [number for (number,) in rows]

    def steps(self) -> list[int]:
        """Steps of the journal, in the order of their sequences."""
        query = sa.select(records.c.body).where(records.c.kind == "item")
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(records.c.sequence))
            return [json.loads(body)["step"] for (body,) in rows]

    def device(self) -> sa.Row | None:
        with self.engine.connect() as connection:
            return connection.execute(sa.select(devices)).first()


@dataclass
class Station:
    """A journal that grows, and its uplink."""

    folder: Path
    address: str
    desired: list[Desired] = field(default_factory=list)
    decided: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.journal = Journal(self.folder / "journal.sqlite", "belt-1")
        self.uplink = self._uplink()

    def _uplink(self) -> Uplink:
        settings = UplinkSettings(
            device=Device("belt-1", agent_version="1.0"),
            broker=parse_broker(self.address),
            outbox_path=self.folder / "outbox.sqlite",
            outbox_max_bytes=16 * 1024 * 1024,
            journal_path=self.folder / "journal.sqlite",
            heartbeat_s=0.5,
        )
        state = StationState("r1", "a" * 64, parts={"camera": PartHealth(state="ok")})
        return Uplink(settings, lambda: state, self.desired.append, jitter=lambda: 0.0)

    def restart_uplink(self) -> None:
        self.uplink.stop()
        self.uplink = self._uplink()
        self.uplink.start()

    def decide(self, count: int) -> None:
        decision = Decision("PRINT", "sure", "a carton with 0.99", "carton", 0.99, CARTON)
        for _ in range(count):
            self.decided += 1
            place = Place(300, 160, time.time())
            name = f"i{self.decided}"
            self.journal.record(
                ItemDecision(name, time.time(), place, decision, "r1", "a" * 64)
            ).result()

    @property
    def steps(self) -> list[int]:
        return list(range(1, 2 * self.decided + 1))


@contextmanager
def running(broker: RealBroker, folder: Path) -> Iterator[tuple[Station, Server]]:
    server, station = Server(broker.address, folder), Station(folder / "station", broker.address)
    try:
        server.start()
        station.uplink.start()
        yield station, server
    finally:
        station.uplink.stop()
        station.journal.close()
        server.stop()
        server.engine.dispose()


def expect_all(station: Station, server: Server) -> None:
    until(lambda: server.steps() == station.steps, "every step once and in order")
    numbers = server.sequences()
    assert numbers == list(range(1, len(numbers) + 1))


def test_outages_of_either_side_lose_and_double_nothing(broker: RealBroker, tmp_path: Path):
    with running(broker, tmp_path) as (station, server):
        station.decide(20)
        expect_all(station, server)

        broker.stop()
        station.decide(150)
        broker.start()
        station.decide(20)
        expect_all(station, server)

        server.stop()  # the broker goes on to acknowledge what nobody keeps
        station.decide(150)
        until(lambda: station.uplink.health.state == "ok", "the broker is there")
        server.start()
        station.decide(20)
        expect_all(station, server)

        server.stop()
        broker.stop()
        station.decide(50)
        station.restart_uplink()
        server.start()
        broker.start()
        station.decide(20)
        expect_all(station, server)
        with server.engine.connect() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(items)).scalar()
        assert count == station.decided


def _updates(server: Server) -> list[tuple[str, str]]:
    """What the server has of the station's updates, in order: release and state."""
    query = sa.select(records.c.body).where(records.c.kind == "update")
    with server.engine.connect() as connection:
        bodies = [
            json.loads(body) for (body,) in connection.execute(query.order_by(records.c.sequence))
        ]
    return [(body["release"], body["state"]) for body in bodies]


def test_a_desired_release_reaches_the_device_and_its_answer_the_server(
    broker: RealBroker, tmp_path: Path
):
    with running(broker, tmp_path) as (station, server):
        until(lambda: (found := server.device()) is not None and found.birth, "a birth")
        with server.engine.begin() as connection:
            # A release that the server knows; how it becomes one is another test's matter.
            connection.exec_driver_sql(
                "INSERT INTO releases VALUES ('r2', 0, 'test', 'b', 'b', '{}')"
            )
        server.fleet.desire("belt-1", "r2", "test")
        until(lambda: station.desired, "the desired state")
        assert station.desired[-1].release == "r2"
        station.uplink.report(UpdateReport(1, "r2", "refused", "it is for another machine"))

        def is_told() -> bool:
            found = server.device()
            told = json.loads(found.reported) if found is not None and found.reported else {}
            return told.get("reason") == "it is for another machine"

        until(is_told, "the refusal")

        # What came too late is told for ever, and what the station is about stays what it is.
        station.uplink.report(UpdateReport(0, "r0", "refused", "it came too late", is_stale=True))
        station.uplink.report(UpdateReport(2, "r3", "downloading"))
        until(lambda: _updates(server)[-1:] == [("r3", "downloading")], "what is new")
        assert _updates(server)[-2:] == [("r0", "refused"), ("r3", "downloading")]
        assert station.uplink.progress.release == "r3"
        station.uplink.report(UpdateReport(1, "r2", "refused", "it came too late", is_stale=True))
        assert station.uplink.progress.release == "r3"

        # A broker that forgets what it retained is told again.
        broker.stop()
        broker.start()
        before = len(station.desired)
        until(lambda: len(station.desired) > before, "the desired state once more")


def test_a_stop_is_told_as_a_stop_and_a_kill_by_the_will(broker: RealBroker, tmp_path: Path):
    server = Server(broker.address, tmp_path)
    server.start()
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_uplink_and_server import Station
station = Station(Path({str(tmp_path / "station")!r}), {broker.address!r})
station.uplink.start()
print("started", flush=True)
sys.stdin.readline()
station.uplink.stop()
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, text=True, env=environment
        )

    process = start()
    try:
        until(lambda: (found := server.device()) is not None and found.birth, "a birth")
        first = server.device()
        assert first is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: server.device().end_reason == "lost", "the will")
        process = start()
        until(lambda: server.device().session > first.session, "a newer session")
        until(lambda: server.device().end_reason is None, "that goes on")
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()
        process.wait()
        until(lambda: server.device().end_reason == "stopped", "its own word")
    finally:
        process.kill()
        process.wait()
        server.stop()
        server.engine.dispose()


def test_a_broker_that_takes_connections_and_says_nothing_is_told(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        station = Station(tmp_path / "station", f"mqtt://127.0.0.1:{mute.getsockname()[1]}")
        station.uplink.start()
        until(lambda: "does not answer" in station.uplink.health.told, "it is told")
        assert station.uplink.health.state == "down"
        station.uplink.stop()
        station.journal.close()


def test_nobody_there_is_told_and_the_outbox_fills(tmp_path: Path):
    station = Station(tmp_path / "station", f"mqtt://127.0.0.1:{free_port()}")
    station.uplink.start()
    station.decide(3)
    until(lambda: "cannot be reached" in station.uplink.health.told, "it is told")
    station.uplink.stop()
    station.journal.close()
    assert threading.active_count() < 20
    assert (tmp_path / "station" / "outbox.sqlite").exists()
