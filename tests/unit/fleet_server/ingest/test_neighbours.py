"""Agents and servers of neighbouring versions understand each other: by what was recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fleet_messages import Clock, batch

from beltmark.contract.messages import Committed
from beltmark.contract.topics import up
from beltmark.contract.wire import encode
from fleet_server.ingest.decoding import decode_said
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.tables import devices, items, minutes, records
from fleet_server.storage.telemetry import Malformed, Received, TelemetryStore

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
SPOKEN = ("birth", "heartbeat", "records", "reported", "death")
NOW = 1_790_000_100.0


def recorded(version: int, what: str) -> dict[str, Any]:
    return json.loads((FIXTURES / f"contract_v{version}" / f"{what}.json").read_text())


def said(what: Any, message: dict[str, Any]) -> Any:
    return decode_said(up(message["device"], what), json.dumps(message).encode())


@pytest.mark.parametrize("version", [1, 2])
def test_what_an_agent_of_either_version_says_is_stored(fleet_engine, version):
    store = TelemetryStore(fleet_engine, Clock(NOW))
    heard = [said(what, recorded(version, what)) for what in SPOKEN]
    assert not any(isinstance(one, Malformed) for one in heard), heard
    *_, answer = store.take([Received(one, NOW) for one in heard])
    birth, heartbeat, sent, reported, death = (recorded(version, what) for what in SPOKEN)
    with fleet_engine.connect() as connection:
        device = connection.execute(sa.select(devices)).one()
        stored = connection.execute(sa.select(records).order_by(records.c.sequence)).all()
        first = connection.execute(sa.select(items).order_by(items.c.item_id)).first()
        minute = connection.execute(sa.select(minutes)).one()
    assert (device.session, device.end_reason) == (birth["session"], death["reason"])
    assert (device.malformed, device.malformed_told) == (0, None)
    for document, message in (
        (device.birth, birth),
        (device.heartbeat, heartbeat),
        (device.reported, reported),
    ):
        assert json.loads(document).items() >= message.items()
    assert [json.loads(row.body) for row in stored] == [one["body"] for one in sent["records"]]
    assert answer.sequence == sent["records"][-1]["sequence"]
    assert (first.item_id, first.print_state, first.sku) == ("i-0001", "printed", "C1")
    assert minute.frames == 480


@pytest.mark.parametrize("what", SPOKEN)
def test_this_version_says_what_was_recorded_of_it(what):
    """A field that changes its name or meaning is noticed here, and becomes a new version."""
    message = recorded(2, what)
    assert json.loads(encode(said(what, message))) == message


@pytest.mark.parametrize("what", SPOKEN)
def test_a_message_of_tomorrow_is_understood(what):
    message = recorded(2, what)
    tomorrow = {**message, "version": 3, "mood": {"of": ["the", "belt"]}}
    if what == "records":
        for one in tomorrow["records"]:
            one["priority"] = 5
            one["body"]["colour"] = "green"
        tomorrow["records"].append({"sequence": 7, "kind": "weather", "at": 1, "body": {}})
    understood = said(what, tomorrow)
    assert not isinstance(understood, Malformed)
    assert (understood.version, understood.device) == (3, message["device"])
    if what == "records":
        assert understood.records[0].body["colour"] == "green"
        assert understood.records[-1].kind == "weather"


@pytest.mark.parametrize("what", SPOKEN)
@pytest.mark.parametrize("version", [4, 9])
def test_a_message_from_too_far_away_is_refused_by_name(what, version):
    refused = said(what, {**recorded(2, what), "version": version})
    assert isinstance(refused, Malformed)
    assert refused.device == "belt-new"
    assert refused.reason == f"{what}: contract version {version}; known here: 1 to 3"


def test_a_reader_of_version_1_finds_what_it_looks_for(fleet_engine):
    """It is strict: it asks for its own fields by name and type, and looks at nothing else."""
    told = json.loads(encode(FleetStore(fleet_engine).desire("belt-old", "release-2", by="admin")))
    assert [
        (type(told[field]), told[field]) for field in ("device", "desired_version", "release")
    ] == [
        (str, "belt-old"),
        (int, 1),
        (str, "release-2"),
    ]
    store = TelemetryStore(fleet_engine)
    for sent, sequence in ((batch([1, 2]), 2), (batch([4]), 2), (batch([3]), 4)):
        (answer,) = store.take_batches([sent])
        assert isinstance(answer, Committed)
        told = json.loads(encode(answer))
        assert [told[field] for field in ("device", "stream", "sequence")] == [
            sent.device,
            sent.stream,
            sequence,
        ]
        assert type(told["sequence"]) is int
