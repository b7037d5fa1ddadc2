"""A whole simulated station as a process sees it: belt, camera, control socket and printer.

Owns the threads and the lock around the world; what happens in it is `world`'s business.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from beltmark.simulation.control import (
    Apply,
    Cancel,
    ControlServer,
    Divert,
    Hold,
    Permit,
    Signal,
)
from beltmark.simulation.mjpeg import MjpegServer
from beltmark.simulation.printer import PrinterFaults, SimulatedPrinter
from beltmark.simulation.scene import Shot
from beltmark.simulation.truth import truth_document
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan

logger = logging.getLogger(__name__)

EYE = "eye"
"""The name of the photo-eye among the relay's inputs."""

COUNTER = "belt"
"""The name of the belt's encoder among the relay's counters."""

COUNTS_PER_MM = 10
"""What it counts for each millimetre of the belt."""

SCAN_AT_MM = 230.0
"""Where the scan camera is, from the middle of the station's."""

SCAN_EVERY_S = 0.08
"""Time between two of its pictures, beyond what taking one takes."""

LINGER_S = 3.0
"""After the last item has left, labels on their way still come out."""

RUN_EMPTY_LIMIT_S = 120.0
"""A belt that gets no permit ends after this time, with its goods still on it."""


@dataclass(frozen=True)
class StationPlan:
    """How to run a live station.

    Attributes:
        world: What to simulate.
        seconds: When to end, counted from the first permit; 0 never ends by itself.
        linger_s: How long the empty belt then stays, camera and printer with it.
        fps: Frames per second.
        needs_permit: False lets the belt run without anybody's word.
        camera_port: TCP port of the camera; 0 takes a free one. Likewise the others.
        control_port: TCP port for permit and divert.
        printer_port: TCP port of the printer.
        scan_port: TCP port of a second camera, which reads labels; without it there is none.
        printer_faults: What is wrong with the printer.
        confirms_diverts: Whether the relay says which items it took off.
        has_encoder: Whether the relay says how far the belt has come.
    """

    world: WorldPlan
    seconds: float = 0.0
    linger_s: float = LINGER_S
    fps: float = 15.0
    needs_permit: bool = True
    camera_port: int = 0
    control_port: int = 0
    printer_port: int = 0
    scan_port: int | None = None
    printer_faults: PrinterFaults | None = None
    confirms_diverts: bool = True
    has_encoder: bool = False


class SimulatedStation:
    """Runs until `stop`, or until its time is up and the belt has run empty.

    Args:
        plan: What to run.
        clock: Seconds since the epoch.
    """

    def __init__(self, plan: StationPlan, clock: Callable[[], float] = time.time) -> None:
        self._plan = plan
        self._clock = clock
        self._lock = threading.Lock()
        world = plan.world
        if plan.scan_port is not None and world.scan_at_mm is None:
            world = replace(world, scan_at_mm=SCAN_AT_MM)
        self._world = World(world)
        self._stopping = threading.Event()
        self._first_run_s: float | None = None
        self._was_running = False
        self._taken_off: set[str] = set()
        self._is_empty = threading.Event()
        self._failure: Exception | None = None
        self._camera = MjpegServer(plan.camera_port)
        self._scan = None if plan.scan_port is None else MjpegServer(plan.scan_port)
        self._control = ControlServer(self._on_signal, plan.control_port)
        self.printer = SimulatedPrinter(
            port=plan.printer_port, faults=plan.printer_faults, on_label=self._on_label
        )
        self._thread = threading.Thread(target=self._run, name="belt", daemon=True)
        self._scan_thread = threading.Thread(target=self._run_scan, name="scan", daemon=True)

    @property
    def addresses(self) -> dict[str, str]:
        """Where camera, control and printer listen."""
        scan = {} if self._scan is None else {"scan": self._scan.address}
        return {
            **scan,
            "camera": self._camera.address,
            "control": self._control.address,
            "printer": self.printer.address,
        }

    def start(self) -> None:
        """Open all ports and start the belt's clock."""
        self.printer.start()
        self._control.start()
        self._camera.start()
        if self._scan is not None:
            self._scan.start()
            self._scan_thread.start()
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it ends by itself; False if it still runs after the time given.

        Raises:
            RuntimeError: The belt's thread has failed.
        """
        self._thread.join(timeout_s)
        if self._failure is not None:
            raise RuntimeError("the simulated belt has failed") from self._failure
        return not self._thread.is_alive()

    @property
    def has_run_empty(self) -> bool:
        """Whether its time is up and nothing is on the belt any more."""
        return self._is_empty.is_set()

    def stop(self) -> None:
        """End everything; `truth` stays readable."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._camera.stop()
        if self._scan is not None:
            self._scan_thread.join(timeout=10)
            self._scan.stop()
        self._control.stop()
        self.printer.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def truth(self) -> dict[str, Any]:
        """The truth so far, see `truth.truth_document`."""
        with self._lock:
            return truth_document(self._world)

    def _run(self) -> None:
        try:
            self._keep_running()
        except Exception as error:  # told by `wait`: a thread must not die unseen
            self._failure = error

    def _run_scan(self) -> None:
        """Takes the scan camera's pictures beside the belt, which must not wait for them."""
        assert self._scan is not None
        while not self._stopping.wait(SCAN_EVERY_S):
            with self._lock:
                at_s, picture = self._clock(), self._world.scan()
            self._scan.latest.publish(picture(), at_s)

    def _keep_running(self) -> None:
        interval_s = 1.0 / self._plan.fps
        started_s = due_s = self._clock()
        empty_since_s: float | None = None
        while not self._stopping.is_set():
            now_s = self._clock()
            if now_s < due_s:
                self._stopping.wait(due_s - now_s)
                continue
            due_s = max(due_s + interval_s, now_s)  # late: drop frames, never catch up
            with self._lock:
                shot = self._tick(now_s, started_s)
                empty = self._world.belt.is_empty
            # Labels and signals come meanwhile: drawing takes long, and the belt waits for nobody.
            picture = self._world.expose(shot)
            with self._lock:
                self._world.remember(shot, picture)
            self._camera.latest.publish(self._world.encode(picture), now_s)
            if empty and empty_since_s is None:
                empty_since_s = now_s
                self._is_empty.set()
                logger.info("the belt has run empty")
            if empty_since_s is not None and now_s - empty_since_s > self._plan.linger_s:
                return

    def _tick(self, now_s: float, started_s: float) -> Shot:
        world = self._world
        if (act := world.act(now_s)) is not None:
            self._control.say("CLEAR" if act.named is None else f"APPLIED {act.named}")
        shot = world.advance(now_s, permitted=None if self._plan.needs_permit else True)
        for edge in world.beam_told:
            self._control.say(f"INPUT {EYE} {int(edge.is_broken)}")
        if self._plan.has_encoder:
            self._control.say(f"COUNT {COUNTER} {round(COUNTS_PER_MM * world.belt.travel_mm)}")
        running = not self._plan.needs_permit or world.permit.holds(now_s)
        if running != self._was_running:
            logger.info("the belt %s", "runs" if running else "stands: no run permit")
            self._was_running = running
        if running and self._first_run_s is None:
            self._first_run_s = now_s
        if self._plan.seconds:
            self._end_in_time(now_s, started_s)
        return shot

    def _end_in_time(self, now_s: float, started_s: float) -> None:
        world, seconds = self._world, self._plan.seconds
        begun_s = self._first_run_s if self._first_run_s is not None else started_s
        if self._first_run_s is not None and (
            now_s - begun_s >= max(seconds - self._plan.world.transit_s, 0.0)
        ):
            world.belt.stop_feeding()
        if now_s - begun_s > seconds + RUN_EMPTY_LIMIT_S:
            logger.warning("the belt did not run empty in time")
            self._stopping.set()

    def _on_signal(self, signal: Signal) -> None:
        now_s = self._clock()
        with self._lock:
            match signal:
                case Permit():
                    self._world.permit.renew(now_s)
                case Hold():
                    self._world.permit.revoke(now_s)
                case Divert(named, x_px, y_px, captured_at_s):
                    found = self._world.divert(named, x_px, y_px, captured_at_s, now_s)
                    logger.info("divert of %s takes item %s off", named, found.item_id)
                    if found.item_id is not None:
                        self._taken_off.add(named)
                    if self._plan.confirms_diverts and named in self._taken_off:
                        self._control.say(f"DIVERTED {named}")
                case Apply(named) if self._world.applicator is not None:
                    self._world.applicator.order(named, now_s)
                case Cancel(named) if self._world.applicator is not None:
                    self._world.applicator.cancel(named, now_s)

    def _on_label(self, zpl: bytes, at_s: float) -> None:
        with self._lock:
            label = self._world.take_label(zpl, at_s)
        logger.info("label %s lands on item %s", label.marking, label.item_id)
