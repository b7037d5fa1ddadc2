"""A fleet's site that is served on loopback, for tests that look at it from outside."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from fleet_app import FakeLink
from fleet_messages import batch, birth, item_body, record
from fleet_release import add_approved, write_release

from beltmark.contract.messages import Heartbeat
from beltmark.contract.records import PartHealth
from fleet_server.app import create_app
from fleet_server.handlers.releases import ReleaseDesk
from fleet_server.site import Site, init_site, open_site, open_site_database
from fleet_server.storage.engine import StorageUnavailable
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.telemetry import TelemetryStore

STOP_TIMEOUT_S = 30.0
_HEARTBEAT_S = 2.0


@dataclass
class ServedFleet:
    """A site with its own server, which can be stopped and started again; its stations live on.

    Attributes:
        folder: Where it lies.
        port: Where it listens.
    """

    folder: Path
    port: int = field(init=False)
    link: FakeLink = field(default_factory=FakeLink)
    site: Site = field(init=False)
    admin_token: str = field(init=False)
    engine: sa.Engine = field(init=False)
    telemetry: TelemetryStore = field(init=False)
    fleet: FleetStore = field(init=False)
    app: FastAPI | None = None
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None
    _sequences: dict[str, int] = field(default_factory=dict)
    _problems: dict[str, str | None] = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.admin_token = init_site(self.folder / "site")
        self.site = open_site(self.folder / "site")
        self.engine = open_site_database(self.site)
        self.telemetry, self.fleet = TelemetryStore(self.engine), FleetStore(self.engine)
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", 0))
            self.port = tried.getsockname()[1]
        self._heart = threading.Thread(target=self._beat_on, name="heart", daemon=True)
        self._heart.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def desk(self) -> ReleaseDesk:
        return ReleaseDesk(self.engine, self.site.repository(), self.site.settings.releases)

    def start(self) -> None:
        self.app = create_app(self.site, self.engine, self.link)
        config = uvicorn.Config(self.app, port=self.port, log_level="error")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="served fleet", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends it as a signal does; open pages do not hold it up."""
        if self._server is None or self._thread is None or self.app is None:
            return
        self.app.state.live.end()
        self._server.should_exit = True
        self._thread.join(STOP_TIMEOUT_S)
        assert not self._thread.is_alive(), "open pages hold the server up"
        self._server = None

    def close(self) -> None:
        self._ending.set()
        self._heart.join(STOP_TIMEOUT_S)
        self.stop()
        self.engine.dispose()

    def add_station(self, device: str) -> None:
        self.telemetry.take_birth(birth(device=device, stream=f"s-{device}", release="release-1"))
        self.beat(device)

    def beat(self, device: str, problem: str | None = None) -> None:
        """Says how a station is, and goes on saying it."""
        self._problems[device] = problem
        part = PartHealth(state="ok" if problem is None else "down", told=problem or "ready")
        self.telemetry.take_heartbeat(
            Heartbeat(
                device=device,
                session=1,
                at=time.time(),
                may_run=problem is None,
                problems={} if problem is None else {"printer": problem},
                parts={"printer": part},
            )
        )

    def _beat_on(self) -> None:
        while not self._ending.wait(_HEARTBEAT_S):
            for device, problem in list(self._problems.items()):
                with contextlib.suppress(StorageUnavailable):  # where a test takes a table away
                    self.beat(device, problem)

    def add_item(self, device: str, item_id: str, **changed: object) -> None:
        number = self._sequences[device] = self._sequences.get(device, 0) + 1
        changed = {"decided_at": time.time(), "print_state": "printed", **changed}
        body = item_body(item_id, number, **changed)
        self.telemetry.take_batches(
            [
                batch(
                    [record(number, "item", time.time(), **body)],
                    device=device,
                    stream=f"s-{device}",
                    sent_at=time.time(),
                )
            ]
        )

    def add_release(self, name: str) -> None:
        release = write_release(self.folder / name, name)
        add_approved(self.desk, release)
