"""Builds a station's uplink from its settings."""

import platform
from collections.abc import Callable
from importlib.metadata import version

from beltmark.contract.broker import parse_broker
from beltmark.contract.messages import Desired
from edge_agent.settings import FleetSection, StationFile
from edge_agent.uplink.link import Uplink, UplinkSettings
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
) -> Uplink:
    """Builds the uplink of a station; nothing is connected or started yet.

    Args:
        station: The station file.
        fleet: Its `[fleet]`.
        camera: The camera's address as it may be shown.
        describe: Tells how the station is; called on the uplink's thread.
        on_desired: Takes each desired state that comes; called on the uplink's thread.

    Raises:
        InputError: The broker's address cannot be read.
    """
    settings = UplinkSettings(
        device=Device(
            name=station.station.name,
            agent_version=version("beltmark"),
            instruction_set=instruction_set(),
            machine=platform.machine(),
            camera=camera,
            printer=station.printer.address,
        ),
        broker=parse_broker(fleet.broker),
        outbox_path=station.station.data / "outbox.sqlite",
        outbox_max_bytes=int(fleet.outbox_max_mb * _MEGABYTE),
        journal_path=station.journal_path,
        heartbeat_s=fleet.heartbeat_s,
    )
    return Uplink(settings, describe, on_desired)
