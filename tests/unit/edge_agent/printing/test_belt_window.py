"""Print windows at the speed of the belt, from what the station file says."""

import pytest

from beltmark.contract.catalogue import Product
from beltmark.contract.errors import InputError
from beltmark.contract.layout import Layout, TextElement
from edge_agent.printing.belt_window import BeltWindow, mm_per_px, open_window
from edge_agent.printing.records import LabelItem, LabelOrder, Place
from edge_agent.printing.section import PrinterSection
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.printing.window import Window
from edge_agent.station.footprint import BeltPlane
from edge_agent.station.geometry import StationGeometry

ZONE = (0.0, 0.0, 480.0, 320.0)
BELT = StationGeometry(ZONE, plane=BeltPlane.of_scale(0.5))
TIMES = SpoolerSettings(label_deadline_s=1.0, hold_after_s=0.6)
PRINTER = PrinterSection.model_validate(
    {
        "address": "tcp://printer",
        "profile": {"print_speed_mm_s": 152},
        "window": {"distance_mm": 120, "reach_mm": 12, "margin_s": 0.1},
    }
)
TEXT = TextElement(kind="text", x_mm=1, y_mm=1, size_mm=3, max_width_mm=8, text="x")


def order(height_mm: float | None) -> LabelOrder:
    layout = None
    if height_mm is not None:
        layout = Layout(name="l", width_mm=60, height_mm=height_mm, elements=(TEXT,))
    return LabelOrder(
        LabelItem("i", "S", "s", 1.0, "carton"),
        Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton"),
        Place(0, 0, 1.0),
        layout,
    )


def opened(speed_px_s: float | None, times: SpoolerSettings = TIMES) -> BeltWindow:
    window = open_window(PRINTER, BELT, times, lambda: speed_px_s)
    assert window is not None
    return window


def test_times_follow_from_the_belt_where_it_can_be_held() -> None:
    # 240 px/s at 0.5 mm a pixel: 120 mm/s, a second to the applicator.
    window = opened(240.0)(order(30))
    assert window.hold_after_s == pytest.approx(0.9)
    assert window.send_within_s == pytest.approx(1.3)  # as patient as label_deadline_s says
    assert window.past_after_s == pytest.approx(1.1)


def test_times_follow_from_the_labels_length_where_nothing_can_be_held() -> None:
    window = opened(240.0, SpoolerSettings(hold_after_s=None))(order(76.2))
    assert window.hold_after_s is None
    assert window.send_within_s == pytest.approx(0.4)  # it takes half a second


@pytest.mark.parametrize(("speed_px_s", "height_mm"), [(None, 30), (0.0, 30), (240.0, None)])
def test_without_a_speed_or_a_length_the_station_files_times_hold(
    speed_px_s: float | None, height_mm: float | None
) -> None:
    assert opened(speed_px_s)(order(height_mm)) == Window(1.0, 0.6)


def test_the_scale_is_that_of_the_decision_line() -> None:
    # A camera that looks askew: the picture's scale grows downwards.
    askew = BeltPlane(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -0.001, 1.0)))
    near, far = (
        mm_per_px(StationGeometry((-9.0, 0.0, 9.0, 320.0), "down", at, plane=askew))
        for at in (0.9, 0.1)
    )
    assert near is not None
    assert far is not None
    # y / (1 - y / 1000) grows by 1 / (1 - y / 1000)^2: at 288 and 32 pixels.
    assert near == pytest.approx(1 / 0.712**2, rel=1e-3)
    assert far == pytest.approx(1 / 0.968**2, rel=1e-3)


def test_without_a_window_in_the_station_file_there_is_none() -> None:
    plain = PrinterSection(address="tcp://printer")
    assert open_window(plain, BELT, TIMES, lambda: 1.0) is None


@pytest.mark.parametrize(
    ("geometry", "changes", "mend"),
    [
        (BELT, {"profile": {}}, "print_speed_mm_s"),
        (StationGeometry(ZONE), {}, "mm_per_px"),
        (StationGeometry(ZONE, travel="none", plane=BeltPlane.of_scale(1.0)), {}, "belt"),
    ],
)
def test_what_the_window_needs_is_named(
    geometry: StationGeometry, changes: dict[str, object], mend: str
) -> None:
    section = PrinterSection.model_validate({**PRINTER.model_dump(), **changes})
    with pytest.raises(InputError, match=mend) as error:
        open_window(section, geometry, TIMES, lambda: 1.0)
    assert error.value.field == "printer.window"
