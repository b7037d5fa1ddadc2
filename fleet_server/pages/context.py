"""What the pages need; `app` puts it together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

import sqlalchemy as sa

from beltmark.web.wording import Moments
from fleet_server.api.context import Trouble
from fleet_server.handlers.pictures import PictureFolder
from fleet_server.handlers.releases import ReleaseDesk
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.rollouts import RolloutStore


@dataclass(frozen=True)
class PageContext:
    """What the pages need.

    Attributes:
        engine: The database.
        fleet: What is asked of the fleet.
        rollouts: What is rolled out.
        releases: What is done to releases.
        pictures: Where items' pictures lie.
        troubles: Tells what is wrong with the server at the moment.
        started_at: When the server started, in seconds since the epoch.
        clock: Seconds since the epoch.
        zone: Time zone of the site; None for this machine's.
    """

    engine: sa.Engine
    fleet: FleetStore
    rollouts: RolloutStore
    releases: ReleaseDesk
    pictures: PictureFolder
    troubles: Callable[[], list[Trouble]]
    started_at: float
    clock: Callable[[], float]
    zone: tzinfo | None = None

    def moments(self) -> Moments:
        """Writes moments into a page that is made now."""
        return Moments(self.clock(), self.zone)

    def day_start_at(self, now: float) -> float:
        """When the day of a moment began at the site, in seconds since the epoch."""
        then = datetime.fromtimestamp(now, self.zone).astimezone(self.zone)
        return then.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
