"""The whole loop as processes: broker, server and both are taken away while items pass."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fleet_process import ServedSite, init
from mqtt_brokers import Mosquitto, free_port
from waiting import until

from beltmark.contract.records import ItemMessage
from beltmark.demo.station import DemoStation
from edge_agent.printing.reading import read_items
from fleet_server.storage.engine import open_database
from fleet_server.storage.tables import gaps, items, records

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.long]

PATIENCE_S = 60.0


class Fleet:
    """A server as an operator starts it, with the broker that it brings or with Mosquitto."""

    def __init__(self, folder: Path, mosquitto: Mosquitto | None) -> None:
        self._folder, self._mosquitto = folder / "site", mosquitto
        init(self._folder)
        port, broker_port = free_port(), mosquitto.port if mosquitto else free_port()
        broker = (
            ("--broker", mosquitto.address)
            if mosquitto
            else ("--embedded-broker", "--broker-port", broker_port)
        )
        self._server = ServedSite(self._folder, "--port", port, *broker)
        self.section = (
            f'[fleet]\nserver = "http://127.0.0.1:{port}"\n'
            f'broker = "mqtt://127.0.0.1:{broker_port}"\n'
            f'root = "{self._folder}/root.json"\ntoken_file = "{self._folder}/device-token"\n'
            "heartbeat_s = 0.5\n"
        )

    def start_server(self) -> None:
        self._server.start()

    def kill_server(self) -> None:
        self._server.close()  # and with it the broker that it brings

    def break_broker(self) -> None:
        if self._mosquitto is not None:
            self._mosquitto.stop()
            return
        for child in self._server.children():
            child.kill()  # it is started again by the server

    def mend_broker(self) -> None:
        if self._mosquitto is not None:
            self._mosquitto.start()

    def rows(self, query: sa.Select[Any]) -> list[Any]:
        engine = open_database(f"sqlite:///{self._folder}/fleet.sqlite")
        try:
            with engine.connect() as connection:
                return list(connection.execute(query))
        finally:
            engine.dispose()


@contextmanager
def running(folder: Path, mosquitto: Mosquitto | None) -> Iterator[tuple[DemoStation, Fleet]]:
    station = DemoStation("belt", folder / "belt", seed=12, seconds=0)
    fleet = Fleet(folder, mosquitto)
    try:
        fleet.start_server()
        assert station.await_belt()
        station.start_agent(fleet.section)
        yield station, fleet
    finally:
        station.end_agent()
        station.end_belt()
        fleet.kill_server()


def journal(station: DemoStation) -> list[ItemMessage]:
    return read_items(station.station_file.parent / "data" / "journal.sqlite")


def await_items(station: DemoStation, more: int = 2) -> None:
    so_many = len(journal(station)) + more
    until(lambda: len(journal(station)) >= so_many, "more items pass")


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
def test_whatever_was_away_the_server_has_each_record_once(kind: str, tmp_path: Path) -> None:
    mosquitto = None
    if kind == "mosquitto":
        mosquitto = Mosquitto(tmp_path)
        mosquitto.start()
    try:
        with running(tmp_path, mosquitto) as (station, fleet):
            await_items(station)
            until(lambda: fleet.rows(sa.select(items)), "the first item arrives")

            fleet.break_broker()
            await_items(station)
            fleet.mend_broker()
            await_items(station, 1)

            fleet.kill_server()
            await_items(station)
            fleet.start_server()
            await_items(station, 1)

            fleet.break_broker()
            fleet.kill_server()
            await_items(station)
            fleet.mend_broker()
            fleet.start_server()
            await_items(station, 1)

            so_far = {item.item_id for item in journal(station)}
            until(
                lambda: so_far <= {row.item_id for row in fleet.rows(sa.select(items))},
                "what waited on the device arrives",
            )
            station.end_agent()  # with a server there, it leaves nothing unsaid
            passed = {item.item_id: item for item in journal(station)}
            until(lambda: len(fleet.rows(sa.select(items))) == len(passed), "every item arrives")
            for row in fleet.rows(sa.select(items)):
                told, kept = json.loads(row.item), passed[row.item_id]
                for field in ("outcome", "print_state", "sku", "serial"):
                    assert told.get(field) == getattr(kept, field)
            by_sequence = sa.select(records).order_by(records.c.sequence)
            stored = fleet.rows(by_sequence)
            assert len({row.stream for row in stored}) == 1
            assert [row.sequence for row in stored] == list(range(1, len(stored) + 1))
            steps = [json.loads(row.body)["step"] for row in stored if row.kind == "item"]
            assert steps == sorted(set(steps))
            assert not fleet.rows(sa.select(gaps).where(gaps.c.outcome == "open"))
        counts = station.counts()
        assert counts is not None
        assert (counts.missed, counts.duplicates) == (0, 0)
        assert station.exit_code == 0
    finally:
        if mosquitto is not None:
            mosquitto.stop()
