"""The photo-eye of a station file: where it is, what it is for, and what it told meanwhile."""

from pathlib import Path

import pytest

from beltmark.contract.errors import InputError
from edge_agent.eye_report import EyeReport
from edge_agent.signals.photo_eye_input import PhotoEyeInput, eye_place, open_photo_eye
from edge_agent.signals.ports import Edge, Listener, SignalHealth
from edge_agent.signals.section import TriggerSection
from edge_agent.station.eye_watch import EyePlace
from edge_agent.station.eye_words import EyeEdge
from edge_agent.station.footprint import BeltPlane
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.photo_eye import PhotoEye
from edge_agent.station.way import Ends, Way

BELT = StationGeometry((0, 0, 480, 320))
BENCH = StationGeometry((0, 0, 480, 320), travel="none")
ADDRESS = "http://127.0.0.1:0"


class Port:
    address = "gpio:chip/1"

    def __init__(self) -> None:
        self.health = SignalHealth(None, 1.0)
        self.tell: Listener = lambda _: None

    def start(self, listener: Listener) -> None:
        self.tell = listener

    def stop(self) -> None: ...


def test_what_it_told_is_taken_once_and_too_much_of_it_is_counted_as_lost() -> None:
    port = Port()
    eye = PhotoEyeInput(port)
    eye.start()
    port.tell(Edge("photo-eye", 1.0, True, lost=1))
    assert eye.take().edges == (EyeEdge(1.0, True, 1),)
    assert eye.take().edges == ()
    for i in range(300):
        port.tell(Edge("photo-eye", float(i), i % 2 == 0))
    assert len(eye.take().edges) == 256
    port.tell(Edge("photo-eye", 400.0, True))
    assert eye.take().edges[0].lost == 44
    port.health = SignalHealth("gone", 2.0)
    assert not eye.take().is_heard


def test_where_it_is_and_what_it_is_for() -> None:
    assert eye_place(TriggerSection(), BELT) is None
    assert open_photo_eye(TriggerSection()) is None
    counts = TriggerSection(photo_eye=ADDRESS, photo_eye_at=0.5, photo_eye_tolerance=0.1)
    assert eye_place(counts, BELT) == EyePlace(240.0, 48.0, decides=False)
    decides = counts.model_copy(update={"kind": "photo-eye"})
    assert eye_place(decides, BELT) == EyePlace(240.0, 48.0, decides=True)
    opened = open_photo_eye(counts)
    assert opened is not None
    assert opened.address == ADDRESS


def test_its_place_can_be_told_in_millimetres_from_the_decision_line() -> None:
    scaled = StationGeometry((0, 0, 480, 320), decide_at=0.6, plane=BeltPlane.of_scale(0.5))
    place = eye_place(TriggerSection(photo_eye=ADDRESS, photo_eye_from_line_mm=-24.0), scaled)
    assert place is not None
    assert place.place_px == pytest.approx(0.6 * 480 - 48)
    far = TriggerSection(photo_eye=ADDRESS, photo_eye_from_line_mm=100.0)
    with pytest.raises(InputError, match="is 102% along the zone"):
        eye_place(far, scaled)
    with pytest.raises(InputError, match="needs the scale"):
        eye_place(far, BELT)


@pytest.mark.parametrize(
    ("kind", "eye", "geometry", "told"),
    [
        ("dwell", "none", BELT, "decides nothing on a belt"),
        ("line", "none", BENCH, "decides nothing on a bench"),
        ("photo-eye", ADDRESS, BENCH, "decides nothing on a bench"),
        (None, ADDRESS, BENCH, "a bench has no photo-eye"),
    ],
)
def test_a_trigger_that_does_not_fit_is_refused(
    kind: str | None, eye: str, geometry: StationGeometry, told: str
) -> None:
    section = TriggerSection.model_validate({"kind": kind, "photo_eye": eye})
    with pytest.raises(InputError, match=told):
        eye_place(section, geometry)
    with pytest.raises(ValueError, match="needs the address"):
        TriggerSection(kind="photo-eye")


def test_a_token_that_is_no_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("two words")
    section = TriggerSection(photo_eye=ADDRESS, photo_eye_token=tmp_path / "token")
    with pytest.raises(InputError, match="holds no token"):
        open_photo_eye(section)
    with pytest.raises(InputError, match="names no input"):
        open_photo_eye(TriggerSection(photo_eye="tcp://127.0.0.1:7000"))


def test_how_it_is_told() -> None:
    port, eye = Port(), PhotoEye(240.0, 30.0)
    report = EyeReport(PhotoEyeInput(port), eye, lambda: 1_000.0)
    assert report.health.state == "ok"
    eye.take([EyeEdge(999.0, True), EyeEdge(999.2, False)])
    eye.observe([], 999.9, judges=True, is_heard=True)
    assert (report.health.state, report.health.since) == ("degraded", 999.0)
    assert "camera did not see" in report.health.told
    eye.take([EyeEdge(960.0, True)])
    assert "stays broken" in report.health.told
    port.health = SignalHealth("no such line", 5.0)
    assert (report.health.state, report.health.since) == ("down", 5.0)
    status = report.tell()
    assert (status["edges"], status["unseen"], status["matched"]) == (2, 1, 0)
    assert status["told"] == "no such line"


def test_an_end_of_a_track_is_asked_for_between_and_beyond_the_places_seen() -> None:
    way = Way()
    for at, front in ((1.0, 100.0), (2.0, 150.0), (2.0, 999.0)):
        way.see(Ends(at, front, front - 50), 40.0)
    assert way.at(1.5) == Ends(1.5, 125.0, 75.0)
    assert way.at(0.0).front_px == 60.0
    assert way.at(3.0).front_px == 190.0
    assert way.crossed_at(125.0) == 1.5
