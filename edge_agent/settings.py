"""The station file: what one station is made of, read once from TOML and the environment.

`BELTMARK_EDGE__SECTION__FIELD` stands above the file. Opening what is named here is left to `app`.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from beltmark.contract.documents import Document, parse
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
from edge_agent.station_words import read_words
from edge_agent.uplink.section import FleetSection
from edge_agent.verification.section import VerificationSection
from edge_agent.vision.section import InferenceSection
from edge_agent.warehouse.section import WarehouseSection


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


def read_settings(path: Path, environment: Mapping[str, str] = os.environ) -> StationFile:
    """Reads a station file; relative paths in it are relative to its folder.

    Args:
        path: The TOML file.
        environment: Variables of which `BELTMARK_EDGE__SECTION__FIELD` stand above the file.

    Raises:
        InputError: Names the file or variable, the field and the mend.
        UnknownVersionError: The file has a version that is not known here.
    """
    words = read_words(path, environment)
    with words.blaming():
        settings = parse(words.data, StationFile, path)
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
