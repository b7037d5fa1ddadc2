"""A whole site behind its app, without a socket, for the fleet's tests."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from fastapi.testclient import TestClient
from fleet_messages import SENT_AT, Clock, batch, birth, heartbeat, item_body, record
from fleet_pictures import jpeg
from fleet_release import add_approved, write_release

from fleet_server.app import create_app
from fleet_server.handlers.releases import ReleaseDesk
from fleet_server.ingest.connection import Condition
from fleet_server.ingest.link import LinkHealth
from fleet_server.site import Site, init_site, open_site, open_site_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.telemetry import TelemetryStore


@dataclass
class FakeLink:
    """A link that is as it is told to be."""

    broker_problem: str | None = None
    database_problem: str | None = None

    @property
    def health(self) -> LinkHealth:
        return LinkHealth(
            Condition(self.broker_problem, SENT_AT), Condition(self.database_problem, SENT_AT), 0, 0
        )


@dataclass
class FleetApp:
    """A site with two devices and two releases, and clients for who may come in."""

    site: Site
    engine: sa.Engine
    fleet: FleetStore
    clock: Clock
    link: FakeLink
    admin_token: str
    stranger: TestClient = field(init=False)
    admin: TestClient = field(init=False)
    device: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.site, self.engine, self.link, clock=self.clock)
        device_token = self.site.device_token_path.read_text().strip()
        self.stranger = self.client()
        self.admin = self.client(self.admin_token)
        self.device = self.client(device_token)

    def client(self, token: str | None = None) -> TestClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return TestClient(
            self.app, headers=headers, follow_redirects=False, raise_server_exceptions=False
        )


@contextmanager
def fleet_app(folder: Path) -> Iterator[FleetApp]:
    """Makes the site in a folder."""
    clock = Clock()
    token = init_site(folder / "site")
    site = open_site(folder / "site")
    engine = open_site_database(site)
    try:
        fleet = FleetStore(engine, clock)
        telemetry = TelemetryStore(engine, clock)
        for device in ("belt-1", "belt-2"):
            telemetry.take_birth(birth(device=device, agent_version="0.1", camera="<b>cam</b>"))
        telemetry.take_heartbeat(heartbeat())
        items = [
            record(number, "item", **item_body(f"i{number}", number, decided_at=SENT_AT + number))
            for number in range(1, 4)
        ]
        telemetry.take_batches([batch(items)])
        desk = ReleaseDesk(engine, site.repository(), site.settings.releases, clock)
        for name in ("release-1", "release-2"):
            release = write_release(folder / name, name, model=name.encode() * 40_000)
            add_approved(desk, release)
        yield FleetApp(site, engine, fleet, clock, FakeLink(), token)
    finally:
        engine.dispose()


def sample_upload(sample_id: str = "s1", image: bytes | None = None, **said: object) -> dict:
    """The body with which a device sends a sample."""
    sample = {
        "version": 2,
        "sample_id": sample_id,
        "item_id": "i1",
        "captured_at": SENT_AT,
        "outcome": "REVIEW",
        "reason": "<script>alert('unsure')</script>",
        "width_px": 64,
        "height_px": 48,
        "release": "release-1",
        "package_sha256": "a" * 64,
    }
    content = base64.b64encode(jpeg() if image is None else image).decode()
    return {"version": 2, "sample": sample | said, "jpeg": content}
