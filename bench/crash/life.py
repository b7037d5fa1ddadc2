"""One life of a station's process: journal, desk, spooler, loop and outputs, until it is killed.

Everything but the detector is the product's own, wired as `edge_agent.app` and `agent` do it; the
detector is told what there is. A planned kill is the process's own deed, at a port's twin.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue
from beltmark.contract.errors import InputError
from beltmark.contract.package import InputSpec, Manifest, ModelPackage, OutputSpec
from beltmark.contract.policy import Policy
from beltmark.contract.release import Release
from bench.crash.belt import CLASSES, DECIDE_AT, HEIGHT_PX, PRODUCTS, WIDTH_PX
from bench.crash.plan import Kill
from bench.crash.twins import (
    DivertTwin,
    JournalTwin,
    LabelsTwin,
    LineTwin,
    Points,
    Sabotage,
    checkpoint,
)
from edge_agent.capture.frame import Frame
from edge_agent.outputs.beat import PERMIT_TIMEOUT_S
from edge_agent.outputs.fitness import Fitness
from edge_agent.outputs.opening import open_outputs
from edge_agent.outputs.section import OutputsSection
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.journal import Journal
from edge_agent.printing.printers.tcp import TcpLine
from edge_agent.printing.printers.zebra import Deadlines, ZebraPrinter
from edge_agent.printing.records import LabelOrder
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.stages import Pulse
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.station import StationSettings
from edge_agent.station_loop import StationLoop

JOURNAL = "journal.sqlite3"
REFUSED = 2
"""Exit code of a process that could not start, for the disk is full."""

_CRASHED = 3

_STUCK_AFTER_S = 2.0
_CHECKPOINT_AT = 30
_IDLE_S = 0.2
_SPARE_AFTER_S = 0.5


@dataclass(frozen=True)
class Birth:
    """What a life begins with.

    Attributes:
        folder: Its data folder.
        printer: TCP port of the printer, on loopback.
        spare: TCP port of the spare printer; None where there is none.
        relay: Address of run permit and divert.
        kill: How it is to end.
        sabotage: What is broken on purpose.
        boot: Which start of the computer this is; None: the true one.
    """

    folder: Path
    printer: int
    spare: int | None
    relay: str
    kill: Kill
    sabotage: Sabotage = "none"
    boot: str | None = None


@dataclass(frozen=True)
class _Seen:
    box_xyxy_px: BoxXyxyPx
    score: float
    class_scores: NDArray[np.float32]


class ToldDetector:
    """Finds what the camera said is there."""

    def __init__(self) -> None:
        self.told: list[_Seen] = []

    def tell(self, seen: list[tuple[str, BoxXyxyPx]]) -> None:
        """What the next frame shows."""
        self.told = []
        for class_name, box_px in seen:
            scores = np.full(len(CLASSES), 0.02, np.float32)
            scores[CLASSES.index(class_name)] = 0.95
            self.told.append(_Seen(box_px, 0.95, scores))

    def detect(self, _image_bgr: NDArray[np.uint8]) -> list[_Seen]:
        """Finds items."""
        return self.told


class Renderer:
    """Draws labels that say what matters."""

    def render(self, order: LabelOrder) -> bytes:
        """Returns one label as ZPL."""
        text = f"01{order.product.gtin14}21{order.item.serial}"
        symbol, words = f"^FO20,20^BXN,6,200^FD{text}^FS", f"^FO20,160^FD{order.item.item_id}^FS"
        return f"^XA^PW480^LL240{symbol}{words}^XZ".encode("ascii")


def live(birth: Birth, camera: socket.socket) -> None:
    """Runs a station until the camera ends, SIGTERM comes, or it is killed. A process's target."""
    logging.raiseExceptions = False  # a full disk takes no log
    logging.basicConfig(
        filename=birth.folder / "log.txt",
        level=logging.INFO,
        format="%(asctime)s.%(msecs)03d %(process)d %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    logging.info("a new life, to end at %s (time %d)", birth.kill.told, birth.kill.nth)
    points = Points(birth.kill)
    threading.excepthook = _on_thread_death
    points.come_to("start: journal open")
    try:
        journal = Journal(birth.folder / JOURNAL, "crash", boot=birth.boot)
    except InputError as error:
        logging.error("%s", error)
        raise SystemExit(REFUSED) from None
    logging.info("remembers %s", journal.recollection)
    _Station(birth, camera, points, journal).run()


class _Station:
    """The parts of one life."""

    def __init__(
        self, birth: Birth, camera: socket.socket, points: Points, journal: Journal
    ) -> None:
        self._birth, self._camera, self._points, self._journal = birth, camera, points, journal
        self._is_stopping = False
        self._has_settled = False
        self._frames = 0
        self._detector, self._pulse = ToldDetector(), Pulse(_STUCK_AFTER_S)
        fitness = Fitness()
        self._outputs = open_outputs(
            OutputsSection(run_permit=birth.relay, divert=birth.relay), fitness.may_run
        )
        twin = JournalTwin(journal, points)
        divert = DivertTwin(self._outputs, points, birth.sabotage)
        self._desk = OutcomeDesk(twin, divert, time.time)
        kept = birth.folder / "kept.zpl" if birth.sabotage == "sends again" else None
        line = LineTwin(TcpLine("127.0.0.1", birth.printer), points, kept)
        spare: ZebraPrinter | None = None
        if birth.spare is not None:
            other = LineTwin(TcpLine("127.0.0.1", birth.spare), points)
            spare = ZebraPrinter(other, Deadlines())
        self._spooler = Spooler(
            ZebraPrinter(line, Deadlines()),
            twin,
            Renderer(),
            self._desk,
            SpoolerSettings(spare_after_s=_SPARE_AFTER_S),
            spare=spare,
        )
        self._desk.print_through(LabelsTwin(self._spooler, points))
        self._loop = StationLoop(
            geometry=StationGeometry((0, 0, WIDTH_PX, HEIGHT_PX), decide_at=DECIDE_AT),
            release=_release(birth.folder),
            settings=StationSettings(permit_timeout_s=PERMIT_TIMEOUT_S),
            detector=self._detector,
            journal=twin,
            desk=self._desk,
            labels=self._spooler,
            recollection=journal.recollection,
        )
        fitness.ask("agent", lambda: "it is stopping" if self._is_stopping else None)
        fitness.ask("inference", lambda: self._pulse.hold_reason)
        fitness.ask("station", lambda: self._loop.hold_reason)
        fitness.ask("printer", self._printer_objection)
        fitness.ask("divert", lambda: self._outputs.hold_reason)

    def run(self) -> None:
        """As `Agent.run`."""
        signal.signal(signal.SIGTERM, self._on_signal)
        self._spooler.recover(self._journal.recollection.open_labels)
        self._points.come_to("start: labels recovered")
        self._spooler.start()
        self._outputs.start()
        self._points.come_to("start: all runs")
        self._camera.setblocking(False)
        image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
        while not self._is_stopping:
            picture = self._latest()
            if picture is None:
                self._desk.retry()
                self._spooler.watch()
                continue
            if not picture:
                break
            at, seen = json.loads(picture)
            self._detector.tell([(name, tuple(box_px)) for name, box_px in seen])
            with self._pulse.beat():
                self._loop.step(Frame(image, self._frames, at))
            self._come_on()
        self._end()

    def _latest(self) -> bytes | None:
        """The latest picture: like any live camera, what was not taken in time is gone.

        None: there is none yet; empty: none will ever come.
        """
        select.select([self._camera], [], [], _IDLE_S)
        picture: bytes | None = None
        with contextlib.suppress(BlockingIOError):
            while picture != b"":
                picture = self._camera.recv(65_536)
        return picture

    def _come_on(self) -> None:
        self._frames += 1
        if self._frames == 1:
            self._points.come_to("start: first frame")
        if not self._has_settled and self._loop.hold_reason is None:
            self._has_settled = True
            self._points.come_to("start: settled")
        if self._points.checkpoints and self._frames >= _CHECKPOINT_AT:
            checkpoint(self._birth.folder / JOURNAL, self._points)

    def _end(self) -> None:
        """In the agent's order."""
        self._is_stopping = True
        self._loop.finish()
        self._journal.flush()
        self._spooler.stop()
        self._journal.close()
        self._outputs.stop()

    def _printer_objection(self) -> str | None:
        health = self._spooler.health
        return None if health.state == "ready" else f"{health.state}: {health.told}"

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True


def _on_thread_death(hook: threading.ExceptHookArgs) -> None:
    """A thread that dies takes the process down, and the campaign says so."""
    logging.critical("a thread died", exc_info=hook.exc_value)
    os._exit(_CRASHED)


def _release(folder: Path) -> Release:
    manifest = Manifest(
        name="told",
        classes=CLASSES,
        none_of_these=CLASSES[-1],
        input=InputSpec(height_px=HEIGHT_PX, width_px=WIDTH_PX),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    )
    package = ModelPackage(folder, manifest, "a" * 64)
    return Release(folder, "crash-1", package, Policy(), {}, Catalogue(products=PRODUCTS))
