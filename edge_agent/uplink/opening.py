"""Builds a station's ways to the server from its settings: the uplink, and uploads beside it."""

import platform
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from beltmark.contract.broker import parse_broker
from beltmark.contract.messages import Desired
from beltmark.contract.records import PartHealth
from edge_agent.identity.proof import check_token, proof_of
from edge_agent.section import of_field
from edge_agent.settings import StationFile
from edge_agent.update_report import UpdateReport
from edge_agent.uplink.fleet_http import FleetHttp, parse_server
from edge_agent.uplink.link import Uplink, UplinkSettings
from edge_agent.uplink.pictures import PictureUploader
from edge_agent.uplink.sample_upload import SampleUploader
from edge_agent.uplink.samples import SampleFolder
from edge_agent.uplink.section import FleetSection
from edge_agent.uplink.state import Device, StationState
from edge_agent.vision.processor import instruction_set

_MEGABYTE = 1024 * 1024


def open_uplink(
    station: StationFile,
    fleet: FleetSection,
    *,
    camera: str,
    describe: Callable[[], StationState],
    on_desired: Callable[[Desired], None],
    progress: UpdateReport | None = None,
    tls: Callable[[], ssl.SSLContext] | None = None,
) -> Uplink:
    """Builds the uplink of a station; nothing is connected or started yet.

    Args:
        station: The station file.
        fleet: Its `[fleet]`.
        camera: The camera's address as it may be shown.
        describe: Tells how the station is; called on the uplink's thread.
        on_desired: Takes each desired state that comes; called on the uplink's thread.
        progress: How far the station is with what was desired of it before.
        tls: Makes what proves who it is, where the broker asks for that.

    Raises:
        InputError: The broker's address cannot be read.
    """
    with of_field("fleet.broker"):
        broker = parse_broker(fleet.broker, may_be_tls=True)
    settings = UplinkSettings(
        device=Device(
            name=station.station.name,
            agent_version=version("beltmark"),
            instruction_set=instruction_set(),
            machine=platform.machine(),
            camera=camera,
            printer=station.printer.address,
        ),
        broker=broker,
        outbox_path=station.station.data / "outbox.sqlite",
        outbox_max_bytes=int(fleet.outbox_max_mb * _MEGABYTE),
        journal_path=station.journal_path,
        heartbeat_s=fleet.heartbeat_s,
        tls=tls,
    )
    return Uplink(settings, describe, on_desired, progress=progress)


@dataclass(frozen=True)
class Uploads:
    """What goes to the server over HTTP, each with threads of its own.

    Attributes:
        samples: Keeps what people are to look at, until the server has it.
        uploader: Sends it.
        pictures: Shows how items and labels look.
    """

    samples: SampleFolder
    uploader: SampleUploader
    pictures: PictureUploader

    @property
    def health(self) -> PartHealth:
        """How samples get away."""
        return self.uploader.health

    def start(self) -> None:
        """Begins to keep and to send."""
        for part in (self.samples, self.uploader, self.pictures):
            part.start()

    def stop(self) -> None:
        """Keeps what was taken; what was not sent is sent by the next run."""
        for part in (self.samples, self.uploader, self.pictures):
            part.stop()


def open_uploads(station: StationFile, fleet: FleetSection) -> Uploads:
    """Builds the uploads of a station; nothing is connected or started yet.

    Args:
        station: The station file.
        fleet: Its `[fleet]`.

    Raises:
        InputError: The server's address or the token cannot be used.
    """
    server, device = parse_server(fleet.server), station.station.name
    check_token(fleet)
    prove = proof_of(fleet, station.station.data)
    samples = SampleFolder(station.station.data / "samples")

    def door() -> FleetHttp:
        return FleetHttp(server, prove)

    return Uploads(
        samples, SampleUploader(samples, door(), device), PictureUploader(door(), device)
    )
