"""The station file: what one station is made of, read once from TOML and the environment.

`BELTMARK_EDGE__SECTION__FIELD` stands above the file. Opening what is named here is left to `app`.
"""

import json
import os
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from beltmark.contract.documents import Document, parse, read_document
from beltmark.contract.errors import InputError
from edge_agent.capture.section import BarcodesSection, CameraSection
from edge_agent.fallback.section import FallbackSection
from edge_agent.orders.section import OrdersSection
from edge_agent.outputs.section import ApplicatorSection, OutputsSection
from edge_agent.panel.section import PanelSection
from edge_agent.printing.section import PrinterSection
from edge_agent.section import Section
from edge_agent.serials.section import SerialsSection
from edge_agent.signals.section import TriggerSection
from edge_agent.station.section import BeltSection, PolicySection, ZoneSection
from edge_agent.uplink.section import FleetSection
from edge_agent.verification.section import VerificationSection
from edge_agent.vision.section import InferenceSection
from edge_agent.warehouse.section import WarehouseSection

ENVIRONMENT_PREFIX = "BELTMARK_EDGE__"


class StationSection(Section):
    """`[station]`.

    Attributes:
        name: Name of the station, noted with each item.
        release: Folder of the release it runs.
        data: Folder for its journal, pictures and status.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
    release: Path
    data: Path


class StationFile(Document):
    """One station."""

    format_version: Literal[1] = 1
    station: StationSection
    camera: CameraSection
    zone: ZoneSection
    belt: BeltSection = BeltSection()
    policy: PolicySection = PolicySection()
    barcodes: BarcodesSection = BarcodesSection()
    printer: PrinterSection
    outputs: OutputsSection = OutputsSection()
    applicator: ApplicatorSection | None = None
    trigger: TriggerSection = TriggerSection()
    orders: OrdersSection | None = None
    inference: InferenceSection = InferenceSection()
    fallback: FallbackSection | None = None
    panel: PanelSection | None = None
    verification: VerificationSection | None = None
    fleet: FleetSection | None = None
    serials: SerialsSection = SerialsSection()
    warehouse: WarehouseSection | None = None

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
    _refuse_control_characters(data, path)
    try:
        settings = parse(data, StationFile, path)
    except InputError as error:
        for field, variable in overridden.items():
            if error.field and (error.field == field or error.field.startswith(f"{field}.")):
                error.file = f"environment variable {variable}"
        raise
    if settings.serials.leased and settings.fleet is None:
        raise InputError(
            "there is no fleet that gives numbers",
            "add [fleet] (beltmark-fleet station), or remove it",
            file=path,
            field="serials.leased",
        )
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
    *sections, name = field.split(".")
    if not sections or not all((*sections, name)):
        raise InputError(
            "names no field", f"write {ENVIRONMENT_PREFIX}SECTION__FIELD", file=variable
        )
    values = data
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            return  # the file itself is wrong there, and will be told so
    try:
        values[name] = json.loads(text) if text.startswith("[") else text
    except json.JSONDecodeError:
        values[name] = text


def _refuse_control_characters(data: object, file: Path, field: str = "") -> None:
    """No name, address or path has one, and the system takes no path with a null character."""
    if isinstance(data, dict):
        for name, value in data.items():
            _refuse_control_characters(value, file, f"{field}.{name}" if field else name)
    elif isinstance(data, str) and any(unicodedata.category(one) == "Cc" for one in data):
        raise InputError("holds a control character", "write it anew", file=file, field=field)


def _anchored(settings: StationFile, folder: Path) -> StationFile:
    """Resolves what is relative to the station file."""
    sections = {name: getattr(settings, name) for name in StationFile.model_fields}
    return settings.model_copy(
        update={
            name: section.anchored(folder)
            for name, section in sections.items()
            if isinstance(section, Section)
        }
    )
