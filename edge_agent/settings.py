"""The station file: what one station is made of, read once from TOML and the environment.

`BELTMARK_EDGE__SECTION__FIELD` stands above the file. Opening what is named here is left to `app`.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import Document, parse, read_document
from beltmark.contract.errors import InputError

ENVIRONMENT_PREFIX = "BELTMARK_EDGE__"

Address = Annotated[str, Field(min_length=1, max_length=2_000)]
Seconds = Annotated[float, Field(gt=0, le=3_600)]
Pixels = Annotated[float, Field(ge=0, le=20_000)]


class StationSection(Document):
    """`[station]`.

    Attributes:
        name: Name of the station, noted with each item.
        release: Folder of the release it runs.
        data: Folder for its journal, pictures and status.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
    release: Path
    data: Path


class CameraSection(Document):
    """`[camera]`.

    Attributes:
        source: /dev/video0, rtsp://…, http://…, a video file, or a folder of pictures.
        fps: Pace of a recording; without it a video's own, or 10 for pictures.
        loop: Whether a recording begins again at its end.
        stale_after_s: Time without a frame after which the run permit falls.
        down_after_s: Time without a frame after which the camera is reported down.
    """

    source: Address
    fps: Annotated[float, Field(gt=0, le=1_000)] | None = None
    loop: bool = False
    stale_after_s: Seconds = 1.0
    down_after_s: Seconds = 2.5

    @model_validator(mode="after")
    def _stale_before_down(self) -> Self:
        if self.stale_after_s > self.down_after_s:
            raise ValueError("stale_after_s must not be longer than down_after_s")
        return self


class ZoneSection(Document):
    """`[zone]`.

    Attributes:
        rect_xyxy_px: Left, top, right, bottom of the part of the picture in which items count.
        travel: Where the belt carries items in the picture; "none" for a bench.
        decide_at: Place of the decision line, as a share of the zone along the travel.
        mm_per_px: Scale in the plane of the belt, under a camera that looks straight down.
        calibration: File that `beltmark-edge calibrate` wrote, for any camera; instead of the
            scale.
    """

    rect_xyxy_px: tuple[Pixels, Pixels, Pixels, Pixels]
    travel: Literal["right", "left", "down", "up", "none"] = "right"
    decide_at: Annotated[float, Field(gt=0, lt=1)] = 0.6
    mm_per_px: Annotated[float, Field(gt=0, le=100)] | None = None
    calibration: Path | None = None

    @model_validator(mode="after")
    def _has_one_scale(self) -> Self:
        if self.mm_per_px is not None and self.calibration is not None:
            raise ValueError("give calibration or mm_per_px, not both")
        return self

    @model_validator(mode="after")
    def _has_area(self) -> Self:
        left, top, right, bottom = self.rect_xyxy_px
        if right <= left or bottom <= top:
            raise ValueError("rect_xyxy_px must be left, top, right, bottom, from small to large")
        return self


class BeltSection(Document):
    """`[belt]`.

    Attributes:
        speed_px_s: Speed of the running belt in the picture; without it, it is learnt.
    """

    speed_px_s: Annotated[float, Field(gt=0, le=20_000)] | None = None


class PrinterSection(Document):
    """`[printer]`.

    Attributes:
        address: tcp://host:9100, /dev/usb/lp0, or file:PATH.
        dpmm: Dots per millimetre of its head.
        label_deadline_s: Time after the decision by which a label must have been sent.
        hold_after_s: Time an item needs from the decision line to the applicator: a label that has
            not come out by then holds the belt, so that the item waits under the applicator.
        confirm_timeout_s: Time after sending by which it must have come out.
        confirmation: "counter" asks the printer's label counter; "none" where it cannot be asked.
        holds_belt: Whether the belt stands while the printer takes no labels; otherwise the items
            go to a person meanwhile.
    """

    address: Address
    dpmm: Literal[6, 8, 12, 24] = 8
    label_deadline_s: Seconds = 1.0
    hold_after_s: Seconds = 0.5
    confirm_timeout_s: Seconds = 3.0
    confirmation: Literal["counter", "none"] = "counter"
    holds_belt: bool = True


class OutputsSection(Document):
    """`[outputs]`.

    Attributes:
        run_permit: Relay that lets the belt run while the station is well: tcp://host:port or none.
        divert: Relay that takes items off the belt: tcp://host:port or none.
    """

    run_permit: Address = "none"
    divert: Address = "none"


class InferenceSection(Document):
    """`[inference]`.

    Attributes:
        threads: Threads that share one inference.
        stuck_after_s: Time after which a frame that is not done with lets the run permit fall.
    """

    threads: Annotated[int, Field(ge=1, le=64)] = 1
    stuck_after_s: Seconds = 2.0


class FleetSection(Document):
    """`[fleet]`; without it, the station is on its own.

    Attributes:
        server: Base address of the fleet server: http://host:8000.
        broker: Address of the MQTT broker: mqtt://host:1883, user and password in it if needed.
        root: Trusted TUF root (`root.json`) that the fleet's operator gave out.
        token_file: File that holds the token for devices.
        heartbeat_s: Time between two signs of life.
        outbox_max_mb: Disk that waiting records may take.
        update_patience_s: How long a release waits for a moment between two items to be swapped in.
    """

    server: Address
    broker: Address
    root: Path
    token_file: Path
    heartbeat_s: Seconds = 5.0
    outbox_max_mb: Annotated[float, Field(ge=1, le=100_000)] = 256.0
    update_patience_s: Seconds = 600.0


class StationFile(Document):
    """One station."""

    format_version: Literal[1] = 1
    station: StationSection
    camera: CameraSection
    zone: ZoneSection
    belt: BeltSection = BeltSection()
    printer: PrinterSection
    outputs: OutputsSection = OutputsSection()
    inference: InferenceSection = InferenceSection()
    fleet: FleetSection | None = None

    @property
    def journal_path(self) -> Path:
        """The journal's database."""
        return self.station.data / "journal.sqlite"


class _AnyStation(Document, extra="allow"):
    """A station file before its fields are judged: the environment may still complete it."""

    format_version: Literal[1] = 1


def read_settings(path: Path, environment: Mapping[str, str] = os.environ) -> StationFile:
    """Reads a station file; relative paths in it are relative to its folder.

    Args:
        path: The TOML file.
        environment: Variables of which `BELTMARK_EDGE__SECTION__FIELD` stand above the file.

    Raises:
        InputError: Names the file or variable, the field and the mend.
        UnknownVersionError: The file has a version that is not known here.
    """
    data = read_document(path, _AnyStation).model_dump()
    overridden: dict[str, str] = {}
    for variable, text in sorted(environment.items()):
        if variable.startswith(ENVIRONMENT_PREFIX):
            field = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            _override(data, field, text, variable)
            overridden[field] = variable
    try:
        settings = parse(data, StationFile, path)
    except InputError as error:
        for field, variable in overridden.items():
            if error.field and (error.field == field or error.field.startswith(f"{field}.")):
                error.file = f"environment variable {variable}"
        raise
    return _anchored(settings, path.parent)


@contextmanager
def named_after(path: Path) -> Iterator[None]:
    """Lets a problem with what a station file says name that file, where it names none itself."""
    try:
        yield
    except InputError as error:
        error.file = error.file or path
        raise


def _override(data: dict[str, Any], field: str, text: str, variable: str) -> None:
    section, dot, name = field.partition(".")
    if not (section and dot and name) or "." in name:
        raise InputError(
            "names no field", f"write {ENVIRONMENT_PREFIX}SECTION__FIELD", file=variable
        )
    values = data.setdefault(section, {})
    if not isinstance(values, dict):
        return  # the file itself is wrong there, and will be told so
    try:
        values[name] = json.loads(text) if text.startswith("[") else text
    except json.JSONDecodeError:
        values[name] = text


def _anchored(settings: StationFile, folder: Path) -> StationFile:
    """Resolves what is relative to the station file."""
    station = settings.station.model_copy(
        update={
            "release": folder / settings.station.release,
            "data": folder / settings.station.data,
        }
    )
    camera, printer = settings.camera, settings.printer
    if "://" not in camera.source and not camera.source.isdecimal():
        camera = camera.model_copy(update={"source": str(folder / camera.source)})
    if printer.address.startswith("file:") and not printer.address.startswith("file:/"):
        target = folder / printer.address.removeprefix("file:")
        printer = printer.model_copy(update={"address": f"file:{target}"})
    zone = settings.zone
    if zone.calibration is not None:
        zone = zone.model_copy(update={"calibration": folder / zone.calibration})
    fleet = settings.fleet
    if fleet is not None:
        files = {"root": folder / fleet.root, "token_file": folder / fleet.token_file}
        fleet = fleet.model_copy(update=files)
    return settings.model_copy(
        update={
            "station": station,
            "camera": camera,
            "zone": zone,
            "printer": printer,
            "fleet": fleet,
        }
    )
