"""What a station has because it belongs to a fleet: uplink, updater, uploads. Opens and ends them.

Loaded only where the station file has `[fleet]`; how each of them works is left to its room.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from beltmark.contract.broker import parse_broker
from beltmark.contract.release import Release
from edge_agent.capture.opening import parse_source
from edge_agent.identity.enrolling import identity_folder
from edge_agent.identity.renewal import Renewer
from edge_agent.label_pictures import LabelPictures, ShownLabels
from edge_agent.printing.desk import LabelQueue
from edge_agent.section import of_field
from edge_agent.settings import StationFile
from edge_agent.stages import StageTimes, TimedDetector
from edge_agent.update.opening import open_updater, warmed_up
from edge_agent.update.updater import Updater
from edge_agent.update_report import UpdateReport
from edge_agent.uplink.fleet_http import FleetHttp, parse_server
from edge_agent.uplink.link import Uplink
from edge_agent.uplink.opening import Uploads, open_uplink, open_uploads
from edge_agent.uplink.section import FleetSection
from edge_agent.uplink.state import StationState


@dataclass(frozen=True)
class Membership:
    """A station's part in its fleet.

    Attributes:
        release: The release to start with.
        updater: Brings the releases that are to take over.
        uplink: Tells the server what happens.
        uploads: What goes to the server over HTTP.
        label_pictures: Shows what labels look like.
        renewer: Keeps its certificate from running out; None where it has none.
    """

    release: Release
    updater: Updater
    uplink: Uplink
    uploads: Uploads
    label_pictures: LabelPictures
    renewer: Renewer | None = None

    def show_crop(self, item_id: str, jpeg: bytes) -> None:
        """Shows the fleet how an item looks (JPEG); returns at once."""
        self.uploads.pictures.offer(item_id, "crop", jpeg)

    def shown(self, labels: LabelQueue) -> LabelQueue:
        """Returns a queue of labels that the fleet is shown as well."""
        return ShownLabels(labels, self.label_pictures)

    def tell(self) -> Mapping[str, object]:
        """How all this is, for the status file."""
        return {
            "certificate": None if self.renewer is None else self.renewer.health.model_dump(),
            "uplink": self.uplink.health.model_dump(),
            "update": asdict(self.updater.latest),
            "samples": self.uploads.health.model_dump(),
        }

    def start(self) -> None:
        """Begins; returns at once."""
        if self.renewer is not None:
            self.renewer.start()
        for part in (self.label_pictures, self.uploads, self.updater, self.uplink):
            part.start()

    def stop(self) -> None:
        """Ends; the uplink last, for it tells how all others ended."""
        with contextlib.ExitStack() as ending:  # whatever fails, the rest still ends
            for part in (self.uplink, self.uploads, self.updater, self.label_pictures):
                ending.callback(part.stop)
            if self.renewer is not None:
                ending.callback(self.renewer.stop)


def open_membership(
    station: StationFile,
    fleet: FleetSection,
    *,
    prove: Callable[[Release], None],
    times: StageTimes,
    describe: Callable[[], StationState],
) -> Membership:
    """Finds the release to start with, and opens the ways to the fleet; starts nothing.

    Args:
        station: The station file.
        fleet: Its `[fleet]`.
        prove: Finds out whether a release can run here; raises InputError where it cannot.
        times: Where the detectors of releases that take over note how long they take.
        describe: Tells how the station is; called on the uplink's thread, once it was started.

    Raises:
        InputError: Something that the station file names cannot be used, or no release can.
    """

    def report(progress: UpdateReport) -> None:
        uplink.report(progress)

    def describe_all() -> StationState:
        state = describe()
        parts = {**state.parts, "samples": uploads.health}
        if renewer is not None:
            parts["certificate"] = renewer.health
        return replace(state, parts=parts)

    def open_detector(release: Release) -> TimedDetector:
        return TimedDetector(warmed_up(release, station.inference.threads), times)

    updater = open_updater(
        fleet,
        station.station.data,
        station.station.release,
        station.inference.threads,
        report,
        dpmm=station.printer.dpmm,
        open_detector=open_detector,
    )
    uploads = open_uploads(station, fleet)
    with of_field("fleet.broker"):
        is_tls = parse_broker(fleet.broker, may_be_tls=True).is_tls
    is_enrolled = is_tls or fleet.token_file is None
    identity = identity_folder(station.station.data)
    renewer = (
        Renewer(identity, FleetHttp(parse_server(fleet.server), None)) if is_enrolled else None
    )
    release = updater.boot(prove)
    uplink = open_uplink(
        station,
        fleet,
        camera=parse_source(station.camera.source).shown,
        describe=describe_all,
        on_desired=updater.desire,
        progress=updater.latest,
        tls=identity.context,
    )
    pictures = LabelPictures(
        lambda item_id, png: uploads.pictures.offer(item_id, "label", png), station.printer.dpmm
    )
    return Membership(release, updater, uplink, uploads, pictures, renewer)
