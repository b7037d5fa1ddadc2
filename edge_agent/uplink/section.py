"""`[fleet]` of the station file."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from edge_agent.section import Address, Seconds, Section


class FleetSection(Section):
    """`[fleet]`; without it, the station is on its own.

    Attributes:
        server: Base address of the fleet server: http://host:8000.
        broker: Address of the MQTT broker: mqtts://host:8883, where the station is enrolled, or
            mqtt://host:1883, user and password in it if needed.
        root: Trusted TUF root (`root.json`) that the fleet's operator gave out.
        token_file: File that holds the token for devices; None where the station is enrolled.
        heartbeat_s: Time between two signs of life.
        outbox_max_mb: Disk that waiting records may take.
        update_patience_s: How long a release waits for a moment between two items to be swapped in.
        mirrors: Base addresses of hosts with copies of the site's folder `repository/targets`, such
            as http://cache:8080/beltmark: files are fetched there first. They need not be trusted.
    """

    server: Address
    broker: Address
    root: Path
    token_file: Path | None = None
    heartbeat_s: Seconds = 5.0
    outbox_max_mb: Annotated[float, Field(ge=1, le=100_000)] = 256.0
    update_patience_s: Seconds = 600.0
    mirrors: tuple[Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$", max_length=500)], ...] = ()
