"""Stations lease their numbers from a real server over HTTP, and label on while it is away."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from served_fleet import ServedFleet
from waiting import until

from beltmark.contract.catalogue import Product
from edge_agent.device_token import read_token
from edge_agent.printing.journal import Journal
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.serials.keeper import KeeperSettings, NumberKeeper
from edge_agent.station.decision import Decision
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.fleet_http import FleetHttp

PRODUCT = Product(sku="A", gtin="4006381333931", name="Pen", class_name="box")
PRINT = Decision("PRINT", "sure", "a box with 0.99 in 5 frames", "box", 0.99, PRODUCT)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[ServedFleet]:
    fleet = ServedFleet(tmp_path)
    for device in ("belt-1", "belt-2"):
        fleet.add_station(device)
    fleet.start()
    yield fleet
    fleet.close()


def open_station(fleet: ServedFleet, device: str) -> tuple[Journal, NumberKeeper]:
    path = fleet.folder / f"{device}.sqlite"
    journal = Journal(path, device, is_leased=True)
    door = FleetHttp(fleet.url, lambda: read_token(fleet.site.device_token_path))
    return journal, NumberKeeper(
        path, journal, door, device, KeeperSettings({"serial": 20, "sscc": 10}, 3_600.0),
        needed=lambda: ("serial",), new_request=lambda: secrets.token_hex(16),
        backoff=Backoff(0.02, 0.1),
    )  # fmt: skip


def label(journal: Journal, name: str) -> str | None:
    place = Place(1, 2, 1_000.0)
    made = journal.record(ItemDecision(name, 1_000.0, place, PRINT, "r", "a" * 64)).result(10)
    return None if made is None else made.serial


def test_two_stations_never_give_the_same_serial_and_work_on_without_the_server(
    fleet: ServedFleet,
) -> None:
    stations = [open_station(fleet, device) for device in ("belt-1", "belt-2")]
    for _, keeper in stations:
        keeper.start()
    for _, keeper in stations:
        until(lambda keeper=keeper: "40 serials held" in keeper.health.told, "two ranges")
    fleet.stop()
    given = [label(journal, f"i{n}") for journal, _ in stations for n in range(41)]
    serials = [serial for serial in given if serial is not None]
    assert len(serials) == len(set(serials)) == 80
    assert [given[40], given[81]] == [None, None]
    until(lambda: stations[0][1].health.state == "down", "it says that it has none")
    fleet.start()
    for _, keeper in stations:
        until(lambda keeper=keeper: keeper.health.state == "ok", "more of them")
    more = [label(journal, "again") for journal, _ in stations]
    assert None not in more
    assert not set(more) & set(serials)
    for journal, keeper in stations:
        keeper.stop()
        journal.close()
