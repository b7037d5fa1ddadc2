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
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np

from beltmark.contract.errors import InputError
from bench.crash.belt import DECIDE_AT, HEIGHT_PX, WIDTH_PX
from bench.crash.leases import Leases
from bench.crash.plan import Fitting, Kill
from bench.crash.told import Renderer, ToldDetector, release
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
from edge_agent.hand_requests import HandRequests
from edge_agent.outputs.beat import PERMIT_TIMEOUT_S
from edge_agent.outputs.fates import Fates
from edge_agent.outputs.fitness import Fitness
from edge_agent.outputs.opening import open_outputs
from edge_agent.outputs.section import ApplicatorSection, OutputsSection
from edge_agent.outputs.seen_to import PersonsWord
from edge_agent.printing.by_hand import ByHand
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.journal import Journal
from edge_agent.printing.printers.tcp import TcpLine
from edge_agent.printing.printers.zebra import Deadlines, ZebraPrinter
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.stages import Pulse
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.station import StationSettings
from edge_agent.station_loop import StationLoop

JOURNAL = "journal.sqlite3"
REFUSED = 2
"""Exit code of a process that could not start, for the disk is full."""

_CRASHED = 3

_STUCK_AFTER_S = 2.0
_CHECKPOINT_AT = 30
_LEASES_EVERY = 20
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
        fitting: What the station is fitted with.
    """

    folder: Path
    printer: int
    spare: int | None
    relay: str
    kill: Kill
    sabotage: Sabotage = "none"
    boot: str | None = None
    fitting: Fitting = field(default_factory=Fitting)


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
        journal = Journal(
            birth.folder / JOURNAL, "crash", boot=birth.boot, is_leased=birth.fitting.is_leased
        )
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
        fitness, fitting, left = Fitness(), birth.fitting, journal.recollection
        self._outputs = outputs = open_outputs(
            OutputsSection(run_permit=birth.relay, divert=birth.relay),
            fitness.may_run,
            ApplicatorSection(apply=birth.relay) if fitting.has_applicator else None,
        )
        self._leases = Leases(birth.folder / "leases.json", journal, birth.folder / JOURNAL)
        twin = JournalTwin(journal, points)
        divert = DivertTwin(self._outputs, points, birth.sabotage)
        self._desk = OutcomeDesk(twin, divert, time.time)
        outputs.commit_through(Fates(twin, time.time), self._desk, *left.left_at_applicator)
        approved = release(birth.folder, fitting.copies)
        self._by_hand = by_hand = ByHand(
            twin,
            lambda: approved,
            is_idle=lambda: self._spooler.is_idle,
            printer_problem=self._printer_objection,
            moves=True,
            has_permit=True,
            held_since=lambda: outputs.held_since,
            left=left.in_hand,
            left_is_open=left.in_hand in {one.item_id for one in left.open_labels},
        )
        self._requests = HandRequests(birth.folder, by_hand, PersonsWord())
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
            hands=by_hand,
            applicator=outputs.applicator,
            held_since=lambda: outputs.held_since,
        )
        by_hand.print_through(LabelsTwin(self._spooler, points))
        self._desk.print_through(LabelsTwin(self._spooler, points))
        self._loop = StationLoop(
            geometry=StationGeometry((0, 0, WIDTH_PX, HEIGHT_PX), decide_at=DECIDE_AT),
            release=approved,
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
        fitness.ask("divert", lambda: outputs.hold_reason)
        fitness.ask("person", lambda: by_hand.hold_reason)
        if (applicator := outputs.applicator) is not None:
            fitness.ask("applicator", lambda: applicator.hold_reason)

    def run(self) -> None:
        """As `Agent.run`."""
        signal.signal(signal.SIGTERM, self._on_signal)
        self._spooler.recover(self._journal.recollection.open_labels)
        self._points.come_to("start: labels recovered")
        self._spooler.start()
        self._outputs.start()
        if self._birth.fitting.has_hands:
            self._requests.start()
        self._points.come_to("start: all runs")
        self._camera.setblocking(False)
        image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
        while not self._is_stopping:
            self._outputs.watch()
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
        if self._birth.fitting.is_leased and self._frames % _LEASES_EVERY == 0:
            self._leases.keep()
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
        self._requests.stop()
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
