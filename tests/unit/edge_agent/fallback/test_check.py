"""What `check` says of the fallback ladder and the panel."""

import socket
from pathlib import Path

import pytest
from blob_station import write_release, write_station

from beltmark.contract.errors import InputError
from beltmark.demo.processes import free_port
from edge_agent.fallback.check import look_at_ladder, look_at_panel
from edge_agent.fallback.section import FallbackSection
from edge_agent.panel.section import PanelSection
from edge_agent.settings import StationFile, read_settings


def settings(folder: Path, fallback: str, **sections: str) -> tuple[StationFile, FallbackSection]:
    station = read_settings(write_station(folder, "frames", fallback=fallback, **sections), {})
    assert station.fallback is not None
    return station, station.fallback


def test_the_rungs_are_named_in_their_order(tmp_path: Path) -> None:
    write_release(tmp_path / "winter")
    text = 'previous = "winter"\nbarcode = true\nperson = true'

    told = look_at_ladder(*settings(tmp_path, text, panel="port = 8080"))

    assert "release blob-1, then barcodes only, then a person at the panel" in told


def test_a_release_to_fall_back_to_must_be_whole(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such release"):
        look_at_ladder(*settings(tmp_path, 'previous = "winter"'))


def test_a_person_needs_a_panel(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"give \[panel\]"):
        look_at_ladder(*settings(tmp_path, "person = true"))


def test_a_panel_needs_a_free_port_and_a_pin_of_some_length(tmp_path: Path) -> None:
    assert "without a PIN" in look_at_panel(PanelSection(port=free_port()))

    pin = tmp_path / "pin"
    pin.write_text("12\n")
    with pytest.raises(InputError, match="holds no PIN"):
        look_at_panel(PanelSection(host="0.0.0.0", port=free_port(), pin_file=pin))

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match="cannot listen"):
            look_at_panel(PanelSection(port=port))


def test_a_panel_that_others_can_reach_needs_a_pin() -> None:
    with pytest.raises(ValueError, match="needs a pin_file"):
        PanelSection(host="0.0.0.0")
