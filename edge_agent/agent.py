"""Runs a station's parts and ends them in order. What they are made of is left to `app`.

Each thread has one owner: camera, journal, spooler, outputs, status file; the loop runs on the
thread that calls `run`. A thread that dies takes the whole agent down, for half a station is worse
than none; the run permit falls first, and the belt stands.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from edge_agent.capture.camera import objection
from edge_agent.capture.frame import Frame
from edge_agent.notify import open_watchdog
from edge_agent.parts import Identity, Parts
from edge_agent.status import StatusFile
from edge_agent.step_report import StepReport
from edge_agent.telling import SoFar, status_of

logger = logging.getLogger(__name__)

_IDLE_PERIOD_S = 0.2


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
        # A plain flag, not an Event: a signal handler sets it, perhaps in the midst of a lock.
        self._is_stopping = False
        self._has_crashed = False
        self._so_far = SoFar(time.time())
        self._turns = 0
        told = partial(status_of, parts, identity, self._so_far)
        self._status = StatusFile(identity.folder / "status.json", told)
        self._watchdog = open_watchdog(self._moves, self._told_shortly)
        ask = parts.fitness.ask
        ask("agent", lambda: "it is stopping" if self._is_stopping else None)
        ask("camera", lambda: objection(parts.camera, identity.camera_holds_on))
        ask("inference", lambda: parts.pulse.hold_reason)
        ask("station", lambda: parts.loop.hold_reason)
        ask("printer", self._printer_objection)
        ask("person", lambda: parts.by_hand.hold_reason)
        ask("outputs", lambda: parts.outputs.hold_reason)
        ask("divert", lambda: parts.outputs.divert_hold_reason)
        if (applicator := parts.outputs.applicator) is not None:
            ask("applicator", lambda: applicator.hold_reason)
        if (verifier := parts.verifier) is not None:
            ask("scan", lambda: verifier.blind_reason)
            ask("verification", lambda: verifier.stop_reason)

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
        for seen_to in self._parts.seen_to.take():
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
            self._so_far.passed_over += 1
        latency_s: float | None = None
        if parts.camera.is_live and report.was_looked_at:
            wait_s = max(0.0, taken_at - frame.captured_at)
            latency_s = wait_s + step_s
            parts.times.add("wait", wait_s)
            parts.times.add("capture_to_decision", latency_s)
        self._so_far.speed_px_s = report.speed_px_s
        self._so_far.decided.update(decision.outcome for _, decision in report.decided)
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
