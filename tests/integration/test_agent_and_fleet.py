"""The whole agent with a fleet: the server has what the journal says, and gets its answers."""

import json
from pathlib import Path

import cv2
import pytest
import sqlalchemy as sa
from blob_station import BLUE, GREEN, RED, pass_by, write_release, write_station
from mqtt_brokers import RealBroker
from signed_site import TOKEN, SignedSite
from waiting import until

from edge_agent.app import open_agent
from edge_agent.cli import main
from edge_agent.printing.reading import read_items
from edge_agent.settings import read_settings
from fleet_server.ingest.link import FleetLink
from fleet_server.storage.engine import open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.tables import devices, items, minutes, records
from fleet_server.storage.telemetry import TelemetryStore

pytestmark = pytest.mark.xdist_group("uplink")


def write_fleet_station(folder: Path, broker: str) -> Path:
    write_release(folder / "release")
    frames = folder / "frames"
    frames.mkdir()
    for index, image in enumerate(pass_by([RED, GREEN, BLUE])):
        cv2.imwrite(str(frames / f"{index:04d}.png"), image)
    (folder / "root.json").write_bytes(SignedSite(folder / "site").root)
    (folder / "device-token").write_text(TOKEN)
    fleet = (
        f'server = "http://127.0.0.1:9"\nbroker = "{broker}"\nroot = "root.json"\n'
        'token_file = "device-token"\nheartbeat_s = 0.5'
    )
    return write_station(folder, "frames", fleet=fleet)


def test_what_the_journal_says_the_server_has(mosquitto: RealBroker, tmp_path: Path):
    station = write_fleet_station(tmp_path, mosquitto.address)
    engine = open_database(f"sqlite:///{tmp_path / 'fleet.sqlite'}")
    fleet = FleetStore(engine)
    link = FleetLink(mosquitto.address, TelemetryStore(engine), fleet)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO releases VALUES ('r2', 0, 'test', 'b', 'b', '{}')")
        connection.execute(devices.insert().values(device="blob", first_seen_at=0.0))
    fleet.desire("blob", "r2", "test")

    def rows(query: sa.Select) -> list[sa.Row]:
        with engine.connect() as connection:
            return list(connection.execute(query))

    link.start()
    try:
        settings = read_settings(station)
        assert open_agent(settings).run()
        decided = read_items(settings.journal_path)
        assert len(decided) == 3
        until(lambda: len(rows(sa.select(items))) == 3, "all items")
        until(lambda: rows(sa.select(devices.c.end_reason)) == [("stopped",)], "the end")
        until(lambda: len(rows(sa.select(minutes))), "counters")
        told = {row.item_id: json.loads(row.item) for row in rows(sa.select(items))}
        for item in decided:
            assert told[item.item_id]["outcome"] == item.outcome
            assert told[item.item_id].get("print_state") == item.print_state
            assert told[item.item_id].get("serial") == item.serial
        (counted,) = [sum(column) for column in [[r.frames for r in rows(sa.select(minutes))]]]
        assert counted == len(list((tmp_path / "frames").iterdir()))
        printed = sum(row.printed for row in rows(sa.select(minutes)))
        assert printed == sum(item.print_state == "printed" for item in decided) == 2
        parts = {
            json.loads(row.body)["part"]
            for row in rows(sa.select(records).where(records.c.kind == "health"))
        }
        assert {"camera", "printer", "journal", "uplink"} <= parts
        (device,) = rows(sa.select(devices))
        reported = json.loads(device.reported)
        assert (reported["state"], reported["desired_release"]) == ("downloading", "r2")
        assert "nothing comes from the server" in reported["reason"]
    finally:
        link.stop()
        engine.dispose()


def test_a_broker_s_address_that_cannot_be_read_is_told_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    station = write_fleet_station(tmp_path, "http://host")
    assert main(["run", str(station)]) == 2
    assert "station.toml" in (told := capsys.readouterr().err)
    assert "mqtt://" in told
    assert not (tmp_path / "data").exists()
