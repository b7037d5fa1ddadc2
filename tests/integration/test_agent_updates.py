"""The whole agent and its fleet: releases are pushed while items pass, and pictures come back."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import onnx
import pytest
import sqlalchemy as sa
from agent_process import AgentProcess, agent_of
from blob_belt import BlobBelt, running_belt
from blob_station import BLUE, GREEN, RED, approve, write_station
from fleet_release import add_approved
from mqtt_brokers import RealBroker
from release_bundles import add_golden, make_release
from served_fleet import ServedFleet
from signed_site import TOKEN, Request, SignedSite, SiteServer
from waiting import until

from beltmark.contract.bundle import Requirements
from beltmark.contract.messages import Reported
from fleet_server.handlers.rollout import back, push
from fleet_server.ingest.link import FleetLink
from fleet_server.storage.engine import open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.tables import devices
from fleet_server.storage.telemetry import TelemetryStore

pytestmark = pytest.mark.xdist_group("uplink")

DEVICE = "blob"


def told_of(engine: sa.Engine) -> Reported | None:
    """What the server knows of the device's updates."""
    with engine.connect() as connection:
        said = connection.execute(sa.select(devices.c.reported)).scalar()
    return None if said is None else Reported.model_validate_json(said)


def until_told(engine: sa.Engine, state: str, release: str, reason: str = "") -> Reported:
    """Waits until the device has said so."""
    found: list[Reported] = []

    def is_told() -> bool:
        told = told_of(engine)
        if told is None or (told.state, told.desired_release) != (state, release):
            return False
        found.append(told)
        return reason in told.reason

    try:
        until(is_told, f"{release} {state} {reason}")
    except AssertionError:
        raise AssertionError(f"never {release} {state} {reason}: {told_of(engine)}") from None
    return found[-1]


def write_fleet_station(folder: Path, camera: str, server: str, broker: str, **files: Path) -> Path:
    fleet = (
        f'server = "{server}"\nbroker = "{broker}"\nroot = "{files["root"]}"\n'
        f'token_file = "{files["token"]}"\nheartbeat_s = 0.5'
    )
    return write_station(folder, camera, fleet=fleet, inference="stuck_after_s = 20")


@dataclass
class Fleet:
    """A served site with one station that runs beside its belt."""

    folder: Path
    served: ServedFleet
    belt: BlobBelt
    agent: AgentProcess

    def make(self, name: str, **golden: object) -> Path:
        """Makes a release like the factory's, but for its name, threshold and golden image."""
        release = make_release(self.folder / name, name, self.folder / "release", threshold=0.5)
        if golden:
            add_golden(release, **golden)
        return release

    def add(self, release: Path, requires: Requirements | None = None) -> None:
        add_approved(self.served.desk, release, requires or Requirements())

    def push(self, name: str) -> None:
        push(self.served.fleet, [DEVICE], name, "test")

    def get(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.served.admin_token}"}
        return httpx.get(f"{self.served.url}/api/v1/{path}", headers=headers)

    def shows(self, item_id: str, kind: str) -> bool:
        return self.get(f"devices/{DEVICE}/items/{item_id}/{kind}").status_code == 200


@pytest.fixture
def fleet(mosquitto: RealBroker, tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        add_golden(make_release(tmp_path / "release", "factory"))
        served = ServedFleet(tmp_path)
        stack.callback(served.close)
        served.start()
        link = FleetLink(mosquitto.address, served.telemetry, served.fleet)
        stack.callback(link.stop)
        link.start()
        belt = stack.enter_context(running_belt())
        site = served.site
        station = write_fleet_station(
            tmp_path,
            belt.address,
            served.url,
            mosquitto.address,
            root=site.root_path,
            token=site.device_token_path,
        )
        agent = stack.enter_context(agent_of(station))
        agent.start()
        until(lambda: served.telemetry and told_of(served.engine), "the station's first word")
        yield Fleet(tmp_path, served, belt, agent)


@pytest.mark.long
def test_a_release_takes_over_while_items_pass_and_comes_back_from_a_kill(fleet: Fleet) -> None:
    agent, belt, engine = fleet.agent, fleet.belt, fleet.served.engine
    for name in ("one", "two"):
        fleet.add(fleet.make(name))
    belt.feed(RED, GREEN, BLUE, RED, GREEN, RED, GREEN, RED)
    until(agent.items, "a first item")
    fleet.push("one")
    assert until_told(engine, "running", "one").release == "one"
    agent.until_update("running", "one", running="one")
    belt.feed(RED, GREEN)
    belt.run_empty()
    until(lambda: len(agent.items()) == 10, "all ten items")
    items = agent.items()
    outcomes = ["PRINT"] * 10
    outcomes[2] = "REVIEW"
    assert [item.outcome for item in items] == outcomes
    names = [item.release for item in items]
    assert set(names) == {"factory", "one"}
    assert names == sorted(names), "each is decided by the release that ran then"
    until(lambda: [i.print_state for i in agent.items()].count("printed") == 9, "nine labels")
    labels = (fleet.folder / "labels.zpl").read_text()
    assert labels.count("^XA") == 9
    assert all(item.serial in labels for item in items if item.serial)

    agent.kill()
    agent.start()
    agent.until_update("running", "one", running="one")

    fleet.push("two")
    until_told(engine, "running", "two")
    back(fleet.served.fleet, [DEVICE], "test")
    assert until_told(engine, "running", "one").release == "one"
    agent.stop()
    assert "Traceback" not in agent.log.read_text()


def test_people_are_shown_items_labels_and_what_was_reviewed(fleet: Fleet) -> None:
    fleet.belt.feed(RED, BLUE)
    fleet.belt.run_empty()
    until(lambda: len(fleet.agent.items()) == 2, "both items")
    printed, reviewed = fleet.agent.items()
    for item_id, kind in [
        (printed.item_id, "crop"),
        (printed.item_id, "label"),
        (reviewed.item_id, "crop"),
    ]:
        until(lambda item_id=item_id, kind=kind: fleet.shows(item_id, kind), f"its {kind}")
    assert not fleet.shows(reviewed.item_id, "label")
    until(lambda: fleet.get("samples").json(), "a sample")
    (sample,) = fleet.get("samples").json()
    assert (sample["device"], sample["sample"]["item_id"]) == (DEVICE, reviewed.item_id)
    assert sample["sample"]["release"] == "factory"


@pytest.mark.long
def test_what_is_not_to_run_here_is_refused_with_its_reason_and_the_old_one_goes_on(
    fleet: Fleet,
) -> None:
    engine = fleet.served.engine
    fleet.add(fleet.make("foreign"), Requirements(machines=("s390x",)))
    fleet.add(fleet.make("slow"), Requirements(max_latency_ms=0.0001))
    fleet.add(fleet.make("blind", class_names=["tube"]))
    fleet.add(fleet.make("tampered"))
    (blob,) = only_of(fleet, "tampered")
    blob.write_bytes(b"{" + blob.read_bytes()[1:-1] + b"!")
    for name, reason in [
        ("foreign", "made for s390x"),
        ("slow", "too slow here"),
        ("blind", "does not find the tube"),
        ("tampered", "not what was signed"),
    ]:
        fleet.push(name)
        told = until_told(engine, "refused", name, reason)
        assert told.release == "factory"
        fleet.agent.until_update("refused", name, running="factory")
    fleet.belt.feed(RED)
    fleet.belt.run_empty()
    until(fleet.agent.items, "an item")
    (item,) = fleet.agent.items()
    assert (item.outcome, item.release) == ("PRINT", "factory")


def only_of(fleet: Fleet, name: str) -> list[Path]:
    """The files that the site holds of a release alone: its document."""
    content = (fleet.folder / name / "release.json").read_bytes()
    folder = fleet.served.site.folder / "repository"
    return [p for p in folder.rglob("*") if p.is_file() and p.read_bytes() == content]


def make_large(release: Path, name: str) -> None:
    """Gives a release a model that takes a while to come."""
    path = release / "package/model.onnx"
    model = onnx.load(path)
    model.doc_string = "large " * 50_000
    onnx.save(model, path)
    approve(release)
    document = json.loads((release / "release.json").read_text())
    (release / "release.json").write_text(json.dumps(document | {"name": name}))


class BadSite:
    """A station whose site can be made to serve badly, and the server's core."""

    def __init__(self, folder: Path, broker: str, camera: str) -> None:
        self.folder, self.site = folder, SignedSite(folder / "site")
        self.server = SiteServer(self.site.folder)
        add_golden(make_release(folder / "release", "factory"))
        (folder / "root.json").write_bytes(self.site.root)
        (folder / "token").write_text(TOKEN)
        self.engine = open_database(f"sqlite:///{folder / 'fleet.sqlite'}")
        self.fleet = FleetStore(self.engine)
        self.link = FleetLink(broker, TelemetryStore(self.engine), self.fleet)
        self._broker, self._camera = broker, camera

    @contextmanager
    def running(self) -> Iterator[AgentProcess]:
        with ExitStack() as stack:
            stack.callback(self.engine.dispose)
            stack.enter_context(self.server)
            stack.callback(self.link.stop)
            self.link.start()
            station = write_fleet_station(
                self.folder,
                self._camera,
                self.server.address,
                self._broker,
                root=self.folder / "root.json",
                token=self.folder / "token",
            )
            agent = stack.enter_context(agent_of(station))
            agent.start()
            until(lambda: told_of(self.engine), "the station's first word")
            yield agent

    def push(self, name: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO releases VALUES (:name, 0, 'test', 'b', 'b', '{}')"),
                {"name": name},
            )
        self.fleet.desire(DEVICE, name, "test")


def test_a_killed_download_goes_on_and_expired_metadata_stops_no_start(
    mosquitto: RealBroker, tmp_path: Path
) -> None:
    with running_belt() as belt:
        site = BadSite(tmp_path, mosquitto.address, belt.address)
        one = make_release(tmp_path / "one", "one", tmp_path / "release", threshold=0.5)
        make_large(one, "one")
        digest = site.site.add(one).files["package/model.onnx"].sha256

        def hang(request: Request) -> None:
            request.head(200, Content_Length=str(len(request.content)))
            request.send(request.content[:200_000])
            site.server.stopping.wait(60)

        with site.running() as agent:
            site.server.faults[digest] = hang
            site.push("one")
            part = agent.data / "downloads" / f"{digest}.part"
            until(lambda: part.exists() and part.stat().st_size, "a part of the file")
            agent.until_update("downloading", "one", running="factory")
            agent.kill()
            kept = part.stat().st_size
            site.server.faults.clear()
            site.server.asked.clear()
            agent.start()
            assert until_told(site.engine, "running", "one").release == "one"
            assert site.server.asked_for(digest) == [kept]

            site.site.add(make_release(tmp_path / "two", "two", one, threshold=0.6))
            site.site.publish(expires=datetime.now(UTC) - timedelta(days=1))
            agent.stop()
            agent.start()
            assert agent.status()["release"] == "one"
            site.push("two")
            assert until_told(site.engine, "refused", "two", "expired").release == "one"
