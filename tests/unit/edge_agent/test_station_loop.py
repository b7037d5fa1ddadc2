"""The loop with real journal, spooler and simulated printer; only the detector is scripted."""

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import InputSpec, Manifest, ModelPackage, OutputSpec
from beltmark.contract.policy import Policy
from beltmark.contract.records import ItemMessage
from beltmark.contract.release import Release
from beltmark.simulation.printer import AT_ONCE, PrinterFaults, SimulatedPrinter
from edge_agent.capture.frame import Frame
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.journal import Journal
from edge_agent.printing.printers.opening import open_printer
from edge_agent.printing.printers.zebra import Deadlines
from edge_agent.printing.reading import read_items
from edge_agent.printing.records import LabelOrder
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.station import StationSettings
from edge_agent.station_loop import StationLoop

CLASSES = ("carton", "bottle", "none_of_these")
WIDTH, HEIGHT = 480, 320
FPS = 20.0
FASTER = 8  # than the clock on the wall, by which printers and deadlines go


def gtin(number: int) -> str:
    digits = f"{number:012d}"
    return digits + str(gtin_check_digit(digits))


def release() -> Release:
    manifest = Manifest(
        name="scripted",
        classes=CLASSES,
        none_of_these="none_of_these",
        input=InputSpec(height_px=HEIGHT, width_px=WIDTH),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    )
    products = tuple(
        Product(sku=name.upper(), gtin=gtin(i), name=name, class_name=name)
        for i, name in enumerate(CLASSES[:2], start=1)
    )
    package = ModelPackage(Path("package"), manifest, "a" * 64)
    return Release(Path("release"), "test-1", package, Policy(), {}, Catalogue(products=products))


@dataclass(frozen=True)
class Seen:
    box_xyxy_px: BoxXyxyPx
    score: float
    class_scores: NDArray[np.float32]


@dataclass(frozen=True)
class OnBelt:
    class_name: str
    enters_at: float
    y_px: float = 160.0
    size_px: float = 80.0


@dataclass
class ScriptedBelt:
    """A belt whose items the detector sees perfectly; it moves only while time is added."""

    items: Sequence[OnBelt]
    speed_px_s: float = 160.0
    moved_s: float = 0.0
    now: float = 1_700_000_000.0
    gone: set[int] = field(default_factory=set)

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Seen]:
        seen = []
        for index, item in enumerate(self.items):
            x = (self.moved_s - item.enters_at) * self.speed_px_s
            half = item.size_px / 2
            left, right = max(0.0, x - half), min(float(WIDTH), x + half)
            if index in self.gone or right - left < half:
                continue
            scores = np.full(len(CLASSES), 0.02, np.float32)
            scores[CLASSES.index(item.class_name)] = 0.95
            seen.append(Seen((left, item.y_px - half, right, item.y_px + half), 0.95, scores))
        return seen


class Renderer:
    def render(self, order: LabelOrder) -> bytes:
        return f"^XA^FO0,0^A0N,30^FD{order.product.gtin14} {order.item.serial}^FS^XZ".encode()


class Diverted:
    def __init__(self) -> None:
        self.items: list[str] = []

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        self.items.append(item_id)


class Pictures:
    def __init__(self) -> None:
        self.items: dict[str, NDArray[np.uint8]] = {}

    def keep(self, item_id: str, crop_bgr: NDArray[np.uint8]) -> None:
        self.items[item_id] = crop_bgr


@dataclass
class Agent:
    loop: StationLoop
    desk: OutcomeDesk
    spooler: Spooler
    divert: Diverted
    pictures: dict[str, NDArray[np.uint8]]
    index: int = 0

    def run(self, belt: ScriptedBelt, seconds: float, *, is_moving: bool = True) -> None:
        image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        for _ in range(round(seconds * FPS)):
            belt.now += 1 / FPS
            if is_moving:
                belt.moved_s += 1 / FPS
            self.loop.step(Frame(image, self.index, belt.now))
            self.index += 1
            time.sleep(1 / FPS / FASTER)


@contextmanager
def agent(
    folder: Path,
    printer: SimulatedPrinter,
    belt: ScriptedBelt,
    label_deadline_s: float = 3.0,
    boot: str = "one",
) -> Iterator[Agent]:
    journal = Journal(folder / "journal.sqlite3", "test", boot=boot)
    divert = Diverted()
    desk = OutcomeDesk(journal, divert, time.time)
    spooler = Spooler(
        open_printer(printer.address, Deadlines(connect_s=0.5, write_s=0.5, answer_s=0.3)),
        journal,
        Renderer(),
        desk,
        SpoolerSettings(label_deadline_s=label_deadline_s, hold_after_s=None),
    )
    desk.print_through(spooler)
    spooler.recover(journal.recollection.open_labels)
    pictures = Pictures()
    loop = StationLoop(
        geometry=StationGeometry((0, 0, WIDTH, HEIGHT)),
        release=release(),
        settings=StationSettings(permit_timeout_s=1.0),
        detector=belt,
        journal=journal,
        desk=desk,
        labels=spooler,
        recollection=journal.recollection,
        evidence=pictures,
    )
    spooler.start()
    try:
        yield Agent(loop, desk, spooler, divert, pictures.items)
    finally:
        journal.flush()  # the last decisions become labels when they are committed
        spooler.stop()
        journal.close()


def items(folder: Path) -> list[ItemMessage]:
    return read_items(folder / "journal.sqlite3")


def labels(printer: SimulatedPrinter) -> list[tuple[str, str]]:
    texts = [re.search(rb"\^FD(\S+) (\S+)\^FS", label.raw) for label in printer.record]
    return [(m[1].decode(), m[2].decode()) for m in texts if m]


def test_each_item_is_decided_and_labelled_once(tmp_path: Path) -> None:
    belt = ScriptedBelt(
        [
            OnBelt("carton", 1.0),
            OnBelt("bottle", 1.1, y_px=260, size_px=70),
            OnBelt("none_of_these", 1.8),
            OnBelt("carton", 2.4),
        ]
    )
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, agent(tmp_path, printer, belt) as a:
        a.run(belt, 5.5)
        a.loop.finish()
    told = items(tmp_path)
    assert [(i.class_name, i.outcome, i.print_state) for i in told] == [
        ("carton", "PRINT", "printed"),
        ("bottle", "PRINT", "printed"),
        ("none_of_these", "REVIEW", None),
        ("carton", "PRINT", "printed"),
    ]
    assert labels(printer) == [(i.gtin, i.serial) for i in told if i.outcome == "PRINT"]
    assert a.divert.items == [told[2].item_id]


def test_what_was_in_the_zone_at_a_restart_is_recognised_or_reviewed(tmp_path: Path) -> None:
    belt = ScriptedBelt(
        [
            OnBelt("carton", 0.7),  # labelled before the restart
            OnBelt("bottle", 1.6, size_px=70),  # not yet decided at the restart
            OnBelt("carton", 3.0),  # comes in after it
        ]
    )
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        with agent(tmp_path, printer, belt) as a:
            a.run(belt, 2.7)
        (before,) = items(tmp_path)
        assert (before.class_name, before.print_state) == ("carton", "printed")

        belt.moved_s += 0.2  # it runs on until the run permit falls
        belt.now += 5.0
        with agent(tmp_path, printer, belt) as a:
            assert a.loop.hold_reason is not None
            a.run(belt, 0.8, is_moving=False)
            assert a.loop.hold_reason is None
            a.run(belt, 3.0)
            a.loop.finish()
    told = items(tmp_path)
    assert [(i.class_name, i.outcome) for i in told] == [
        ("carton", "PRINT"),
        ("bottle", "REVIEW"),
        ("carton", "PRINT"),
    ]
    assert told[0] == before
    assert told[1].reason == "the agent was away while it passed"
    assert labels(printer) == [(i.gtin, i.serial) for i in (told[0], told[2])]
    assert a.divert.items == [told[1].item_id]


def test_after_a_power_cut_an_item_never_passes_for_one_of_which_the_notes_are_old(
    tmp_path: Path,
) -> None:
    belt = ScriptedBelt([OnBelt("carton", 0.7), OnBelt("carton", 2.7)])
    file = tmp_path / "journal.sqlite3"
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        with agent(tmp_path, printer, belt) as a:
            a.run(belt, 2.7)  # the first has its label, the second is not in sight
        (noted,) = rows(file, "SELECT * FROM positions")
        with agent(tmp_path, printer, belt) as a:
            a.run(belt, 0.6, is_moving=False)
            a.run(belt, 1.5)  # the first has left, the second comes to the line
        rows(file, "DELETE FROM positions")
        rows(file, "INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?)", noted)

        belt.moved_s += 0.6  # where the first could be by now, had the notes been new
        belt.now += 5.0
        with agent(tmp_path, printer, belt, boot="two") as a:
            a.run(belt, 0.8, is_moving=False)
            a.run(belt, 2.0)
    assert [(i.outcome, i.print_state) for i in items(tmp_path)] == [
        ("PRINT", "printed"),
        ("REVIEW", None),
    ]
    assert len(a.divert.items) == 1


def rows(file: Path, query: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        return connection.execute(query, tuple(values)).fetchall()


def test_an_unknown_item_at_the_start_is_never_printed(tmp_path: Path) -> None:
    belt = ScriptedBelt([OnBelt("carton", -1.0), OnBelt("bottle", -0.2, y_px=60)])
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, agent(tmp_path, printer, belt) as a:
        a.run(belt, 3.0)
        a.loop.finish()
    assert {i.reason for i in items(tmp_path)} == {"was in the zone when the agent started"}
    assert {i.outcome for i in items(tmp_path)} == {"REVIEW"}
    assert printer.record == []


def test_an_item_that_was_hidden_stays_the_same_item(tmp_path: Path) -> None:
    belt = ScriptedBelt([OnBelt("carton", 0.7)], speed_px_s=100)
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, agent(tmp_path, printer, belt) as a:
        a.run(belt, 3.6)
        belt.gone.add(0)
        a.run(belt, 1.0)
        belt.gone.clear()
        a.run(belt, 1.5)
    (only,) = items(tmp_path)
    assert only.print_state == "printed"
    assert len(printer.record) == 1
    assert a.divert.items == []


def test_an_item_put_onto_the_middle_of_the_belt_goes_to_a_person(tmp_path: Path) -> None:
    belt = ScriptedBelt([OnBelt("carton", 0.7)])
    belt.gone.add(0)
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, agent(tmp_path, printer, belt) as a:
        a.run(belt, 2.2)
        belt.gone.clear()
        a.run(belt, 1.5)
    (only,) = items(tmp_path)
    assert (only.outcome, only.reason) == ("REVIEW", "appeared in the middle of the zone")
    assert printer.record == []


def test_without_a_printer_items_go_to_a_person_in_time(tmp_path: Path) -> None:
    belt = ScriptedBelt([OnBelt("carton", 0.7)])
    with (
        SimulatedPrinter(speed_mm_s=AT_ONCE, faults=PrinterFaults(silent=True)) as printer,
        agent(tmp_path, printer, belt, label_deadline_s=0.4) as a,
    ):
        a.run(belt, 8.0)
        assert a.spooler.health.state == "silent"
        assert a.loop.hold_reason is None
    (only,) = items(tmp_path)
    assert (only.outcome, only.print_state) == ("REVIEW", "late")
    assert "silent" in only.reason
    assert a.divert.items == [only.item_id]
    assert printer.record == []


def test_while_the_journal_cannot_be_written_the_belt_is_held_and_nothing_is_printed(
    tmp_path: Path,
) -> None:
    belt = ScriptedBelt([OnBelt("carton", 0.7)])
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, agent(tmp_path, printer, belt) as a:
        a.run(belt, 1.6)
        other = sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        deadline = time.monotonic() + 20
        while a.desk.backlog == 0:
            assert time.monotonic() < deadline
            a.run(belt, 0.1)
        assert "journal" in (a.loop.hold_reason or "")
        assert items(tmp_path) == []
        other.execute("ROLLBACK")
        other.close()
        while a.loop.hold_reason is not None:
            assert time.monotonic() < deadline
            a.run(belt, 0.1, is_moving=False)
    (only,) = items(tmp_path)
    assert (only.outcome, only.print_state) == ("REVIEW", None)
    assert only.reason == "its decision could not be written down in time"
    assert a.divert.items == [only.item_id]
    assert printer.record == []


def test_a_picture_of_each_decided_item_is_kept(tmp_path: Path) -> None:
    belt = ScriptedBelt([OnBelt("carton", 0.7)])
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, agent(tmp_path, printer, belt) as a:
        a.run(belt, 4.0)
    (only,) = items(tmp_path)
    assert list(a.pictures) == [only.item_id]
    height, width, channels = a.pictures[only.item_id].shape
    assert (height, channels) == (80, 3)
    assert width == 80  # the whole item, not a view that the picture's edge cuts
