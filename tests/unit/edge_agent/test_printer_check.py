"""What `check` says of a printer, asked over a socket, and of the time that its labels have."""

from pathlib import Path

import pytest

from beltmark.contract.errors import InputError
from beltmark.contract.release import load_release
from beltmark.demo.station import BUNDLED, station_text
from beltmark.simulation.printer import AT_ONCE, SimulatedPrinter
from edge_agent.printer_check import look_at_printer, look_at_window
from edge_agent.printing.section import PrinterSection
from edge_agent.rendering import ReleaseLabels
from edge_agent.settings import StationFile, read_settings


def looked_at(profile: dict[str, object]) -> str:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        section = PrinterSection.model_validate({"address": printer.address, "profile": profile})
        return look_at_printer(section, printer.address)


def test_a_printer_as_its_profile_says_is_ready() -> None:
    profile = {"width_mm": 104, "firmware": "V84", "mode": "tear", "stock": "gap"}
    assert looked_at(profile) == "ready, 0 labels so far"


def test_a_printer_that_is_otherwise_is_named() -> None:
    with pytest.raises(InputError, match="its mode is tear off") as error:
        looked_at({"mode": "applicator", "firmware": "V84"})
    assert "firmware" not in error.value.problem


def station(folder: Path, *, more: str = "", permit: str = "tcp://127.0.0.1:9") -> StationFile:
    text = station_text(
        release=BUNDLED / "release",
        data=folder / "data",
        camera="http://127.0.0.1:9/stream.mjpg",
        printer="tcp://127.0.0.1:9",
        control="tcp://127.0.0.1:9",
    ).replace('run_permit = "tcp://127.0.0.1:9"', f'run_permit = "{permit}"')
    path = folder / "station.toml"
    path.write_text(f"{text}\n{more}")
    variables = {
        "BELTMARK_EDGE__ZONE__MM_PER_PX": "0.5",
        "BELTMARK_EDGE__BELT__SPEED_PX_S": "400",
        "BELTMARK_EDGE__PRINTER__PROFILE__PRINT_SPEED_MM_S": "25.4",
    }
    return read_settings(path, variables)


@pytest.mark.parametrize(
    ("distance_mm", "permit", "told"),
    [
        (2_000, "none", "its item comes after 10.00 s: it must be sent within"),
        (20, "tcp://127.0.0.1:9", "its item comes after 0.10 s: the belt stands for each label"),
    ],
)
def test_the_sums_of_the_window_are_said(
    tmp_path: Path, distance_mm: float, permit: str, told: str
) -> None:
    settings = station(
        tmp_path, more=f"[printer.window]\ndistance_mm = {distance_mm}", permit=permit
    )
    assert told in look_at_window(settings, load_release(settings.station.release))


def test_a_label_that_cannot_be_out_in_time_is_told_before_any_item_comes(tmp_path: Path) -> None:
    settings = station(tmp_path, more="[printer.window]\ndistance_mm = 20", permit="none")
    with pytest.raises(InputError, match=r"its item comes after 0[.]10 s"):
        look_at_window(settings, load_release(settings.station.release))


def test_labels_wider_than_the_stock_are_refused(tmp_path: Path) -> None:
    settings = station(tmp_path, more="[printer.profile]\nwidth_mm = 10")
    release = load_release(settings.station.release)
    refused = list(ReleaseLabels(release, 8, settings.printer.made_for).refused())
    assert len(refused) == len(release.catalogue.products)
    assert "printer.profile.width_mm is 10" in str(refused[0][1])
