"""A release with other classes and another layout takes over while items pass; all but the detector
is real: journal, labels, spooler, and a simulated printer."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.layout import Layout
from beltmark.contract.package import InputSpec, Manifest, ModelPackage, OutputSpec
from beltmark.contract.policy import Policy
from beltmark.contract.records import ItemMessage
from beltmark.contract.release import Release
from beltmark.simulation.printer import AT_ONCE, SimulatedPrinter
from edge_agent.capture.frame import Frame
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.journal import Journal
from edge_agent.printing.printers.opening import open_printer
from edge_agent.printing.printers.zebra import Deadlines
from edge_agent.printing.reading import read_items
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.rendering import ReleaseLabels
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.review import ReviewView
from edge_agent.station.section import PolicySection
from edge_agent.station.station import StationSettings
from edge_agent.station_loop import StationLoop
from edge_agent.station_loop_ports import ReadyRelease

WIDTH, HEIGHT = 480, 320
ZONE = (20, 40, 480, 300)
FPS = 20.0
SPEED_PX_S = 160.0


def gtin(number: int) -> str:
    digits = f"{number:012d}"
    return digits + str(gtin_check_digit(digits))


def release(name: str, *classes: str) -> Release:
    """One whose labels bear its own name."""
    manifest = Manifest(
        name=name,
        classes=classes,
        input=InputSpec(height_px=HEIGHT, width_px=WIDTH),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    )
    products = tuple(
        Product(sku=c.upper(), gtin=gtin(i), name=c, class_name=c)
        for i, c in enumerate(classes, start=1)
        if c != "stranger"
    )
    zpl = f"^XA^FO10,10^A0N,30^FD{name} {{{{ item.class_name }}}} {{{{ item.serial }}}}^FS^XZ"
    layouts = {"item": Layout(name=name, width_mm=60, height_mm=40, zpl=zpl)}
    digest = (name[0] * 64).translate(str.maketrans("on", "ab"))
    package = ModelPackage(Path("package"), manifest, digest)
    return Release(Path(name), name, package, Policy(), layouts, Catalogue(products=products))


OLD = release("old", "carton", "stranger")
NEW = release("new", "stranger", "flask", "box", "carton")


@dataclass(frozen=True)
class Seen:
    box_xyxy_px: BoxXyxyPx
    score: float
    class_scores: NDArray[np.float32]


@dataclass
class Model:
    """Sees the items of a belt: what enters when, and what this model calls it."""

    classes: tuple[str, ...]
    belt: "Belt"
    calls_it: str

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Seen]:
        seen = []
        for enters_at in self.belt.enter_at:
            x = (self.belt.now - enters_at) * SPEED_PX_S
            left, right = max(0.0, x - 30), min(float(WIDTH), x + 30)
            if right - left >= 30:
                scores = np.full(len(self.classes), 0.02, np.float32)
                scores[self.classes.index(self.calls_it)] = 0.95
                seen.append(Seen((left, 130.0, right, 190.0), 0.95, scores))
        return seen


@dataclass
class Belt:
    enter_at: Sequence[float]
    now: float = 1_700_000_000.0


@dataclass
class Source:
    """Releases as the updater gives them."""

    ready: ReadyRelease | None = None
    adopted_at: list[int] = field(default_factory=list)
    asked: int = 0

    def take_ready(self) -> ReadyRelease | None:
        self.asked += 1
        ready, self.ready = self.ready, None
        return ready

    def adopted(self, ready: ReadyRelease) -> None:
        self.adopted_at.append(ready.desired_version)


class Samples:
    def __init__(self) -> None:
        self.views: list[ReviewView] = []

    def keep(self, view: ReviewView) -> None:
        self.views.append(view)


class NoDivert:
    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        pass


@dataclass
class Station:
    belt: Belt
    loop: StationLoop
    spooler: Spooler
    source: Source
    samples: Samples
    frames: int = 0

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            self.belt.now += 1 / FPS
            image = np.full((HEIGHT, WIDTH, 3), self.frames % 250, np.uint8)
            self.loop.step(Frame(image, self.frames, self.belt.now))
            self.frames += 1

    def offer(self, calls_it: str) -> None:
        model = Model(NEW.package.manifest.classes, self.belt, calls_it)
        self.source.ready = ReadyRelease(7, NEW, model)


@contextmanager
def station(
    folder: Path,
    printer: SimulatedPrinter,
    enter_after: Sequence[float],
    calls_it: str = "carton",
    policy: PolicySection | None = None,
) -> Iterator[Station]:
    """A station whose printer's thread is not started: labels wait until it is."""
    journal = Journal(folder / "journal.sqlite", "test")
    desk = OutcomeDesk(journal, NoDivert(), time.time)
    spooler = Spooler(
        open_printer(printer.address, Deadlines(connect_s=0.5, write_s=0.5, answer_s=0.3)),
        journal,
        ReleaseLabels(OLD, 8),
        desk,
        SpoolerSettings(label_deadline_s=60, hold_after_s=None),
    )
    desk.print_through(spooler)
    belt = Belt(())
    belt.enter_at = [belt.now + after for after in enter_after]
    source, samples = Source(), Samples()
    loop = StationLoop(
        geometry=StationGeometry(ZONE, speed_px_s=SPEED_PX_S),
        release=OLD,
        settings=StationSettings(),
        detector=Model(OLD.package.manifest.classes, belt, calls_it),
        journal=journal,
        desk=desk,
        labels=spooler,
        recollection=journal.recollection,
        samples=samples,
        releases=source,
        policy=policy,
    )
    try:
        yield Station(belt, loop, spooler, source, samples)
    finally:
        journal.flush()
        spooler.start()
        spooler.stop()
        journal.close()


def items(folder: Path) -> list[ItemMessage]:
    return read_items(folder / "journal.sqlite")


def labels(printer: SimulatedPrinter) -> list[tuple[str, str, str]]:
    """Release, class and serial, as they stand on the labels."""
    texts = [re.search(rb"\^FD(\S+) (\S+) (\S+)\^FS", label.raw) for label in printer.record]
    return [(m[1].decode(), m[2].decode(), m[3].decode()) for m in texts if m]


def test_none_is_missed_or_doubled_and_each_label_keeps_its_releases_layout(
    tmp_path: Path,
) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer:
        with station(tmp_path, printer, [1.0 + 1.2 * i for i in range(6)]) as s:
            s.run(4.0)
            s.offer("flask")
            s.run(8.0)
            assert s.source.adopted_at == [7]
            assert s.loop.release is NEW
            # Not one has been printed yet: those of the old release wait behind the swap.
            assert printer.record == []
        told = items(tmp_path)
        assert [i.outcome for i in told] == ["PRINT"] * 6
        assert len({i.item_id for i in told}) == 6
        names = [(i.release, i.class_name, i.package_sha256[:1]) for i in told]
        assert set(names) == {("old", "carton", "a"), ("new", "flask", "b")}
        assert names == sorted(names, reverse=True)
        assert sorted(labels(printer)) == sorted((i.release, i.class_name, i.serial) for i in told)


def test_a_swap_waits_for_the_item_that_is_being_judged(tmp_path: Path) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer, [1.0]) as s:
        s.run(2.4)
        (item,) = s.loop.step(Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 0, s.belt.now)).items
        assert item.outcome is None
        s.offer("flask")
        asked = s.source.asked
        s.run(0.2)
        assert (s.source.asked, s.loop.release) == (asked, OLD)
        s.run(2.0)
        assert s.loop.release is NEW
    (only,) = items(tmp_path)
    assert (only.release, only.class_name) == ("old", "carton")


def test_an_undecided_item_is_decided_by_the_release_that_took_over(tmp_path: Path) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer, [1.0]) as s:
        s.run(1.5)
        s.offer("box")
        s.run(3.0)
    (only,) = items(tmp_path)
    assert (only.release, only.class_name, only.print_state) == ("new", "box", "printed")


def test_without_a_source_the_first_release_stays(tmp_path: Path) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer, [1.0]) as s:
        s.loop._releases = None
        s.offer("flask")
        s.run(4.0)
        assert s.loop.release is OLD


def test_what_goes_to_a_person_is_shown_in_the_zone(tmp_path: Path) -> None:
    with (
        SimulatedPrinter(speed_mm_s=AT_ONCE) as printer,
        station(tmp_path, printer, [1.0], "stranger") as s,
    ):
        s.run(4.0)
        s.loop.finish()
    (only,) = items(tmp_path)
    assert only.outcome == "REVIEW"
    (view,) = s.samples.views
    assert (view.item_id, view.release, view.decision.outcome) == (only.item_id, "old", "REVIEW")
    assert view.zone_bgr.shape == (260, 460, 3)
    assert view.box_xyxy_px is not None
    left, top, right, bottom = view.box_xyxy_px
    assert (right - left, top, bottom) == (60, 90, 150)
    assert 0 < left < right < 460


def test_what_is_printed_is_shown_to_nobody(tmp_path: Path) -> None:
    with SimulatedPrinter(speed_mm_s=AT_ONCE) as printer, station(tmp_path, printer, [1.0]) as s:
        s.run(4.0)
    assert s.samples.views == []


def test_the_zone_that_is_shown_is_a_copy(tmp_path: Path) -> None:
    with (
        SimulatedPrinter(speed_mm_s=AT_ONCE) as printer,
        station(tmp_path, printer, [1.0], "stranger") as s,
    ):
        s.run(4.0)
    (view,) = s.samples.views
    assert view.zone_bgr.base is None
    assert view.zone_bgr.flags.owndata


def test_a_stricter_release_wins_over_what_the_station_asks(tmp_path: Path) -> None:
    own = PolicySection(threshold=0.7)
    with (
        SimulatedPrinter(speed_mm_s=AT_ONCE) as printer,
        station(tmp_path, printer, [1.0], policy=own) as s,
    ):
        assert s.loop.policy_told == ()
        stricter = replace(NEW, policy=Policy(threshold=0.999))
        s.source.ready = ReadyRelease(
            1, stricter, Model(NEW.package.manifest.classes, s.belt, "carton")
        )
        s.run(4.0)
        assert s.loop.policy_told == ("policy.threshold is 0.7, looser than the release's 0.999",)
    (only,) = items(tmp_path)
    assert (only.outcome, only.rule) == ("REVIEW", "unsure")
