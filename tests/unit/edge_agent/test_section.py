"""What a field of the station file names, and is not there."""

from pathlib import Path

import pytest

from beltmark.contract.errors import InputError
from edge_agent.calibration.document import belt_plane
from edge_agent.panel.section import PanelSection
from edge_agent.panel.server import PanelServer
from edge_agent.station.section import ZoneSection


def test_a_missing_file_is_told_with_the_field_that_names_it(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    zone = ZoneSection(rect_xyxy_px=(0, 0, 1, 1), calibration=missing)
    with pytest.raises(InputError) as told:
        belt_plane(zone)
    assert (told.value.file, told.value.field) == (missing, "zone.calibration")
    with pytest.raises(InputError) as told:
        PanelServer(PanelSection(pin_file=missing))
    assert (told.value.file, told.value.field) == (missing, "panel.pin_file")
