"""Runs a station's parts and ends them in order. What they are made of is left to `app`.

Each thread has one owner: camera, journal, spooler, outputs, status file; the loop runs on the
thread that calls `run`. A thread that dies takes the whole agent down, for half a station is worse
than none; the run permit falls first, and the belt stands.
"""

import contextlib
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.capture.camera import Camera, objection
from edge_agent.capture.frame import Frame
from edge_agent.capture.health import HOLDS_ON, PictureFault
from edge_agent.evidence import EvidenceFolder
from edge_agent.fallback.opening import Ladder
from edge_agent.notify import open_watchdog
from edge_agent.outputs.fitness import Fitness
from edge_agent.outputs.outputs import Outputs
from edge_agent.outputs.request import taken_releases
from edge_agent.printing.by_hand import ByHand
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.hand_requests import HandRequests
from edge_agent.printing.journal import Journal
from edge_agent.printing.spooler import Spooler
from edge_agent.side_part import SidePart
from edge_agent.stages import Pulse, StageTimes
from edge_agent.station_loop import StationLoop, StepReport
from edge_agent.status import StatusFile

if TYPE_CHECKING:
    from edge_agent.membership import Membership
    from edge_agent.verification.verifier import Verifier

logger = logging.getLogger(__name__)

_IDLE_PERIOD_S = 0.2
_ON_ITS_OWN: Mapping[str, object] = {"uplink": None, "update": None, "samples": None}
_NOTHING_BESIDE: Mapping[str, object] = {
    "serials": None,
    "photo_eye": None,
    "order": None,
    "warehouse": None,
}


@dataclass(frozen=True)
class Parts:
    """What a station consists of; one that is on its own has no fleet.

    `beside` is what runs beside it and never holds it up, by name.
    """

    camera: Camera
    loop: StationLoop
    desk: OutcomeDesk
    spooler: Spooler
    journal: Journal
    evidence: EvidenceFolder
    outputs: Outputs
    fitness: Fitness
    pulse: Pulse
    times: StageTimes
    ladder: Ladder
    by_hand: ByHand
    requests: HandRequests
    fleet: "Membership | None" = None
    beside: Mapping[str, SidePart] = field(default_factory=dict)
    verifier: "Verifier | None" = None


@dataclass(frozen=True)
class Identity:
    """Which station this is.

    Attributes:
        station: Its name.
        folder: Its data folder.
        camera_holds_on: Faults of the picture on which the belt is held.
        printer_holds_belt: Whether the belt stands while the printer takes no labels.
    """

    station: str
    folder: Path
    printer_holds_belt: bool
    camera_holds_on: tuple[PictureFault, ...] = HOLDS_ON


class Agent:
    """One station. Runs once.

    Args:
        parts: What it consists of, not started.
        identity: Which station it is.
        show: Called with each frame's report, on the loop's thread.
    """

    def __init__(
        self, parts: Parts, identity: Identity, show: Callable[[StepReport], None]
    ) -> None:
        self._parts, self._identity, self._show = parts, identity, show
        self._started_at = time.time()
        # A plain flag, not an Event: a signal handler sets it, perhaps in the midst of a lock.
        self._is_stopping = False
        self._has_crashed = False
        self._decided: Counter[str] = Counter()
        self._speed_px_s: float | None = None
        self._turns = self._passed_over = 0
        self._status = StatusFile(identity.folder / "status.json", self._tell)
        self._watchdog = open_watchdog(self._moves, self._told_shortly)
        ask = parts.fitness.ask
        ask("agent", lambda: "it is stopping" if self._is_stopping else None)
        ask("camera", lambda: objection(parts.camera, identity.camera_holds_on))
        ask("inference", lambda: parts.pulse.hold_reason)
        ask("station", lambda: parts.loop.hold_reason)
        ask("printer", self._printer_objection)
        ask("person", lambda: parts.by_hand.hold_reason)
        ask("divert", lambda: parts.outputs.hold_reason)
        if (applicator := parts.outputs.applicator) is not None:
            ask("applicator", lambda: applicator.hold_reason)
        if (verifier := parts.verifier) is not None:
            ask("verification", lambda: verifier.hold_reason)

    def stop(self) -> None:
        """Asks it to end; returns at once. For use from any thread and from signal handlers."""
        self._is_stopping = True

    def run(self, seconds: float | None = None) -> bool:
        """Runs until the recording ends, `stop` is called or the time is up.

        Args:
            seconds: When to end; None ends for the other reasons only.

        Returns:
            False if a thread of it died.
        """
        parts = self._parts
        previous_hook, threading.excepthook = threading.excepthook, self._on_thread_death
        try:
            parts.ladder.began(parts.loop.release.name)
            parts.spooler.recover(parts.journal.recollection.open_labels)
            parts.spooler.start()
            parts.camera.on_change = self._status.wake
            if parts.verifier is not None:
                parts.verifier.start()
            parts.camera.start()
            parts.outputs.start()
            parts.requests.start()
            if parts.fleet is not None:
                parts.fleet.start()
            for part in parts.beside.values():
                part.start()
            self._status.start()
            self._watchdog.start()
            self._look(None if seconds is None else time.monotonic() + seconds)
        except Exception:
            self._has_crashed = True
            logger.critical("the station's loop died", exc_info=True)
        try:
            self._end()
        except Exception:
            self._has_crashed = True
            logger.critical("the station did not end in order", exc_info=True)
        finally:
            threading.excepthook = previous_hook
        return not self._has_crashed

    def _look(self, end: float | None) -> None:
        parts = self._parts
        while not self._is_stopping and (end is None or time.monotonic() < end):
            self._turns += 1
            self._attend()
            frame = parts.camera.mailbox.take(_IDLE_PERIOD_S)
            if frame is not None:
                self._step(frame)
            elif parts.camera.mailbox.is_exhausted:
                return
            else:
                # Without frames, what was decided before still wants to be looked after.
                parts.desk.retry()
                parts.spooler.watch()

    def _attend(self) -> None:
        """Lets the outputs' time pass, and takes a person's word that something was seen to."""
        outputs = self._parts.outputs
        for seen_to in taken_releases(self._identity.folder):
            logger.warning("a person says that it was seen to: %s", seen_to)
            if seen_to == "divert":
                outputs.release()
            elif seen_to == "scan":
                if self._parts.verifier is not None:
                    self._parts.verifier.release()
            elif outputs.applicator is not None:
                outputs.applicator.clear("a person")
        outputs.watch()

    def _step(self, frame: Frame) -> None:
        parts = self._parts
        taken_at, begun = time.time(), time.perf_counter()
        with parts.pulse.beat():
            if parts.verifier is not None:
                parts.verifier.offer(frame)
            report = parts.loop.step(frame)
            step_s = time.perf_counter() - begun
            self._show(report)
        if report.was_looked_at:
            parts.times.add("decide", step_s - parts.times.latest_s("detect"))
        else:
            self._passed_over += 1
        latency_s: float | None = None
        if parts.camera.is_live and report.was_looked_at:
            wait_s = max(0.0, taken_at - frame.captured_at)
            latency_s = wait_s + step_s
            parts.times.add("wait", wait_s)
            parts.times.add("capture_to_decision", latency_s)
        self._speed_px_s = report.speed_px_s
        self._decided.update(decision.outcome for _, decision in report.decided)
        if parts.fleet is not None:
            counts = parts.fleet.uplink.counts
            counts.count_frame(latency_s, parts.camera.mailbox.dropped)
            for _, decision in report.decided:
                counts.count_outcome(decision.outcome)

    def _end(self) -> None:
        """From the belt's standstill to the last divert, in the order in which each is needed."""
        self._is_stopping = True
        self._watchdog.stopping()
        parts = self._parts
        with contextlib.ExitStack() as ending:  # whatever fails, the rest still ends
            ending.callback(lambda: None if self._has_crashed else parts.ladder.ended())
            if parts.fleet is not None:  # at last: it tells how all the others ended
                ending.callback(parts.fleet.stop)
            ending.callback(self._status.stop)
            ending.callback(parts.outputs.stop)
            ending.callback(parts.evidence.close)
            ending.callback(parts.journal.close)
            if parts.verifier is not None:  # when the last labels have come out
                ending.callback(parts.verifier.stop)
            for part in parts.beside.values():
                ending.callback(part.stop)
            ending.callback(parts.spooler.stop)
            ending.callback(parts.requests.stop)
            # The last decisions become labels when they are committed, and not before.
            ending.callback(parts.journal.flush)
            parts.camera.stop()
            if not self._has_crashed:
                parts.loop.finish()

    def _on_thread_death(self, hook: threading.ExceptHookArgs) -> None:
        name = hook.thread.name if hook.thread else "unknown"
        self._has_crashed = True
        self._is_stopping = True
        if hook.exc_value is not None:
            logger.critical("thread %s died", name, exc_info=hook.exc_value)

    def _moves(self) -> Mapping[str, int]:
        """How often the loop has gone round. Waits where the labels' lock is never let go."""
        _ = self._parts.spooler.hold_reason
        return {"loop": self._turns}

    def _told_shortly(self) -> str:
        problems = self._parts.fitness.problems()
        if not problems:
            return f"runs {self._parts.loop.release.name}; the belt may run"
        told = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
        return f"the belt is held: {told}"

    def _printer_objection(self) -> str | None:
        health = self._parts.spooler.health
        if health.state == "ready" or not self._identity.printer_holds_belt:
            return None
        return f"{health.state}: {health.told}"

    def _tell(self) -> Mapping[str, object]:
        """What stands in the status file."""
        parts, identity = self._parts, self._identity
        release = parts.loop.release
        camera, problems = parts.camera, parts.fitness.problems()
        return {
            "version": 1,
            "station": identity.station,
            "release": release.name,
            "package_sha256": release.package.digest,
            "fallback": parts.ladder.told,
            "policy": list(parts.loop.policy_told),
            "process": os.getpid(),
            "started_at": self._started_at,
            "written_at": time.time(),
            "may_run": not problems,
            "problems": problems,
            "camera": {
                **asdict(camera.health),
                "source": camera.name,
                "picture": camera.picture.fault or "good",
                "picture_since": camera.picture.since,
                "fps": round(camera.fps, 1),
                "frames": camera.frames,
                "dropped": camera.mailbox.dropped,
                "unreadable": camera.unreadable,
            },
            "printer": asdict(parts.spooler.health),
            "printers": [
                {"address": address, **asdict(health)} for address, health in parts.spooler.printers
            ],
            "verification": None if parts.verifier is None else parts.verifier.tell(),
            "journal": asdict(parts.journal.health),
            "in_hand": parts.by_hand.in_hand,
            **(_ON_ITS_OWN if parts.fleet is None else parts.fleet.tell()),
            **parts.outputs.tell(),
            **_NOTHING_BESIDE,
            **{name: part.tell() for name, part in parts.beside.items()},
            "frames": parts.pulse.frames,
            "passed_over": self._passed_over,
            "belt_speed_px_s": self._speed_px_s,
            "decided": dict(self._decided),
            "latency_ms": parts.times.percentiles_ms(),
        }
