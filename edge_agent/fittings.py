"""What a station is fitted with, from its settings: release, camera, printers, inputs, outputs.

All that can be wrong with the input is found out here, before anything is written to the disk.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from edge_agent.calibration.document import belt_plane
from edge_agent.capture.camera import Camera, open_camera
from edge_agent.capture.reference_file import open_picture_watch
from edge_agent.fallback.memory import FILE_NAME as LADDER_FILE
from edge_agent.fallback.opening import Ladder
from edge_agent.footing import Ground, has_previous, stand_on
from edge_agent.outputs.fitness import Fitness
from edge_agent.outputs.opening import open_outputs
from edge_agent.outputs.outputs import Outputs
from edge_agent.panel.section import PanelSection
from edge_agent.printing.printers.base import Printer
from edge_agent.printing.printers.opening import open_printer
from edge_agent.printing.reading import this_boot
from edge_agent.printing.section import NO_SPARE
from edge_agent.rendering import ReleaseLabels
from edge_agent.settings import StationFile
from edge_agent.signals.encoder_input import EncoderInput, open_encoder
from edge_agent.signals.photo_eye_input import PhotoEyeInput, eye_place, open_photo_eye
from edge_agent.stages import StageTimes
from edge_agent.station.eye_watch import EyePlace
from edge_agent.station.geometry import StationGeometry
from edge_agent.uplink.state import StationState

if TYPE_CHECKING:
    from edge_agent.panel.server import PanelServer


@dataclass(frozen=True, eq=False)
class Fittings:
    """What a station is fitted with; nothing of it is started.

    Attributes:
        geometry: Its zone.
        ladder: Its fallback ladder.
        ground: What it stands on: release, detector, its part in a fleet.
        printer: Its printer.
        spare: The one that takes over, if there is one.
        labels: Draws its labels.
        camera: Its camera.
        scan_camera: The camera that reads labels, if that is another.
        eye: Its photo-eye, if there is one.
        eye_place: Where that is.
        encoder: Its belt's encoder, if there is one.
        fitness: Whether its belt may run.
        outputs: Its outputs.
        panel: Its page, if it has one.
    """

    geometry: StationGeometry
    ladder: Ladder
    ground: Ground
    printer: Printer
    spare: Printer | None
    labels: ReleaseLabels
    camera: Camera
    scan_camera: Camera | None
    eye: PhotoEyeInput | None
    eye_place: EyePlace | None
    encoder: EncoderInput | None
    fitness: Fitness
    outputs: Outputs
    panel: "PanelServer | None"


def open_fittings(
    settings: StationFile, times: StageTimes, describe: Callable[[], StationState]
) -> Fittings:
    """Opens them.

    Args:
        settings: The station file.
        times: Where detectors note how long they take.
        describe: Tells a fleet how the station is; called once it was started.

    Raises:
        InputError: Something that the settings name cannot be used.
    """
    ladder = Ladder(
        settings.fallback,
        settings.station.data / LADDER_FILE,
        has_previous=has_previous(settings),
        boot=this_boot(),
        clock=time.time,
    )
    ground = ladder.find(partial(stand_on, settings, times=times, describe=describe))
    geometry, profile = _geometry(settings), settings.printer.made_for
    has_spare = settings.printer.spare != NO_SPARE
    fitness = Fitness()
    return Fittings(
        geometry=geometry,
        ladder=ladder,
        ground=ground,
        printer=open_printer(settings.printer.address, profile=profile),
        spare=open_printer(settings.printer.spare, profile=profile) if has_spare else None,
        labels=ReleaseLabels(ground.release, settings.printer.dpmm, profile),
        camera=open_camera(
            settings.camera.source,
            fps=settings.camera.fps,
            loop=settings.camera.loop,
            stale_after_s=settings.camera.stale_after_s,
            down_after_s=settings.camera.down_after_s,
            watch=open_picture_watch(
                settings.station.data, watches_place=settings.zone.travel != "none"
            ),
        ),
        scan_camera=_scan_camera(settings),
        eye=open_photo_eye(settings.trigger),
        eye_place=eye_place(settings.trigger, geometry),
        encoder=open_encoder(settings.belt, geometry),
        fitness=fitness,
        outputs=open_outputs(settings.outputs, fitness.may_run, settings.applicator),
        panel=None if settings.panel is None else _panel(settings.panel),
    )


def _scan_camera(settings: StationFile) -> Camera | None:
    if settings.verification is None:
        return None
    # Only here: no other station needs what decodes symbols.
    from edge_agent.verification.opening import open_scan_camera  # noqa: PLC0415

    return open_scan_camera(settings.verification, settings.camera)


def _panel(section: PanelSection) -> "PanelServer":
    # Only here: a station without a panel loads no web server.
    from edge_agent.panel.server import PanelServer  # noqa: PLC0415

    return PanelServer(section)


def _geometry(settings: StationFile) -> StationGeometry:
    zone = settings.zone
    return StationGeometry(
        zone_xyxy_px=zone.rect_xyxy_px,
        travel=zone.travel,
        decide_at=zone.decide_at,
        speed_px_s=settings.belt.speed_px_s,
        plane=belt_plane(zone),
    )
