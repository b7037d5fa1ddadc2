"""What the routes need; `app` puts it together."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from fleet_server.devices.authority import Authority
from fleet_server.handlers.pictures import PictureFolder
from fleet_server.handlers.samples import SampleFolder
from fleet_server.handlers.serials import Numbers
from fleet_server.releases.repository import ReleaseRepository
from fleet_server.storage.certificates import CertificateStore
from fleet_server.storage.fleet import FleetStore


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong with the server itself.

    Attributes:
        what: What it is.
        since: Since when, in seconds since the epoch; None where that is not known.
        is_blinding: Whether what is told of devices may be old because of it.
    """

    what: str
    since: float | None = None
    is_blinding: bool = True


@dataclass(frozen=True)
class ApiContext:
    """What the routes need.

    Attributes:
        engine: The database.
        fleet: What is asked of the fleet.
        repository: Its signed releases.
        pictures: Where items' pictures lie.
        samples: Where samples' images lie.
        numbers: The numbers that stations lease.
        authority: Signs certificates.
        certificates: Which certificates were given.
        troubles: Tells what is wrong with the server at the moment.
        started_at: When the server started, in seconds since the epoch.
        clock: Seconds since the epoch.
    """

    engine: sa.Engine
    fleet: FleetStore
    repository: ReleaseRepository
    pictures: PictureFolder
    samples: SampleFolder
    numbers: Numbers
    authority: Authority
    certificates: CertificateStore
    troubles: Callable[[], list[Trouble]]
    started_at: float
    clock: Callable[[], float]
