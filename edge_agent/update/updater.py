"""Brings a desired release to where the station can adopt it. Owns the updater's thread.

Thin: what comes next is in `machine`, and noted before it is acted on; fetching, staging and trying
are behind ports. The station is never waited for, and never made to wait.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from beltmark.contract.errors import InputError
from beltmark.contract.messages import Desired
from beltmark.contract.release import Release
from edge_agent.station_loop_ports import DetectorPort, ReadyRelease
from edge_agent.update import turns
from edge_agent.update.handover import Handover
from edge_agent.update.inbox import Inbox
from edge_agent.update.machine import (
    Effect,
    Event,
    Progress,
    Result,
    Started,
    Wanted,
    advance,
    pause_s,
)
from edge_agent.update.ports import (
    ProgressStore,
    ReleaseTrial,
    ReleaseTrust,
    SlotStore,
    UpdaterSettings,
    told_of,
)
from edge_agent.update.work import UpdateWork
from edge_agent.update_report import UpdateReport

logger = logging.getLogger(__name__)

_NOTE_PAUSE_S = 30.0
_PROBLEM_PAUSE_S = 1.0


class Updater:
    """The updates of one station. `boot` comes first, then `start`.

    Args:
        progress: Where the state is kept.
        trust: Knows what is signed.
        slots: Where releases lie.
        trial: Tries them.
        open_detector: Loads a release's model.
        report: Told of each change, on the updater's thread; must not wait.
        settings: How to go about it.
        steady: Seconds on a clock that is never set.
        jitter: 0..1, another at each call.
    """

    def __init__(
        self,
        *,
        progress: ProgressStore,
        trust: ReleaseTrust,
        slots: SlotStore,
        trial: ReleaseTrial,
        open_detector: Callable[[Release], DetectorPort],
        report: Callable[[UpdateReport], None],
        settings: UpdaterSettings,
        steady: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._trust, self._slots = progress, trust, slots
        self._work = UpdateWork(trust, slots, trial, open_detector, settings.machine)
        self._report, self._settings = report, settings
        self._steady, self._jitter = steady, jitter
        self._handover = Handover()
        self._progress = Progress()
        self._running = ""
        self._inbox, self._stopping = Inbox(), threading.Event()
        self._results: deque[Event] = deque()
        self._postponed: list[Event] = []
        self._retry_at: float | None = None
        self._refuse_at: float | None = None
        self._note_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="updater", daemon=True)

    @property
    def desired_version(self) -> int:
        """The latest desired state that was dealt with; 0 for none. For use from any thread."""
        return self._progress.desired_version

    @property
    def latest(self) -> UpdateReport:
        """How things stand. For use from any thread."""
        return told_of(self._progress)

    def boot(self, prove: Callable[[Release], None] = lambda _: None) -> Release:
        """Returns the release to start with: that of the slots, or the station file's own.

        Args:
            prove: Finds out whether a whole release can still run here; raises InputError where it
                cannot. The one that is returned was proved last.

        Raises:
            InputError: None can be used.
        """
        booted = self._slots.boot(prove)
        trouble = booted.trouble
        try:
            self._progress = self._store.read()
        except InputError as error:
            trouble = f"{trouble}; {error}".removeprefix("; ")
        if trouble:
            logger.error("update: %s", trouble)
        self._running = booted.release.name
        self._inbox.begin_at(self._progress.desired_version)
        self._results.append(Started(self._running, trouble))
        return booted.release

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Breaks off; what is under way is taken up again after the next start."""
        self._stopping.set()
        self._trust.interrupt()
        self._inbox.close()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def desire(self, desired: Desired) -> None:
        """Takes a desired release; returns at once. For use from any thread."""
        if self._inbox.desire(desired):
            self._trust.interrupt()

    def take_ready(self) -> ReadyRelease | None:
        """Gives the release that waits for its moment, if any; for the station's thread."""
        return self._handover.take()

    def adopted(self, ready: ReadyRelease) -> None:
        """Takes notice that it runs; returns at once. For the station's thread."""
        self._inbox.adopt(ready.desired_version)

    def advance(self) -> bool:
        """Does what is next, if anything is; returns whether there was something."""
        event = self._next()
        if event is None:
            return False
        self._take(event)
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self.advance():
                    continue
            except Exception:
                # The last resort of a thread that must not die: say it and go on.
                logger.exception("update: unexpected problem")
                self._stopping.wait(_PROBLEM_PAUSE_S)
            self._inbox.wait(self._idle_s())

    def _idle_s(self) -> float | None:
        due = [at for at in (self._retry_at, self._refuse_at, self._note_at) if at is not None]
        return max(0.0, min(due) - self._steady()) if due else None

    def _next(self) -> Event | None:
        """Returns what has happened: results first, then what others said, then what is due."""
        if self._results:
            return self._results.popleft()
        if (version := self._inbox.take_adopted()) is not None:
            return Result("adopted", version)
        if (desired := self._inbox.take_desired()) is not None:
            wait_s = turns.wait_s(desired, is_here=self._slots.holds(desired.release))
            return Wanted(desired.desired_version, desired.release, self._running, wait_s)
        return self._due()

    def _due(self) -> Event | None:
        now, version = self._steady(), self._progress.desired_version
        if self._note_at is not None and now >= self._note_at:
            self._note(self._slots.note)
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            return Result("retry", version)
        if self._refuse_at is not None and now >= self._refuse_at:
            self._refuse_at = None
            patience_s = self._settings.patience_s
            reason = f"there was no moment between two items within {patience_s:g} s"
            return Result("refused", version, reason)
        return None

    def _take(self, event: Event) -> None:
        progress, effects = advance(self._progress, event)
        if "withdraw" in effects and not self._handover.withdraw():
            # The station took it just now: it runs, and this comes after that.
            self._postponed.append(event)
            return
        if progress != self._progress:
            if not self._keep(progress):
                return
            before, self._progress = self._progress, progress
            if told_of(before) != told_of(progress) or isinstance(event, Started):
                self._tell(self.latest)
        elif isinstance(event, Started):
            self._tell(self.latest)
        if progress.state != "downloading":
            self._retry_at = None
        if progress.state != "waiting":
            self._refuse_at = None
        for effect in effects:
            self._act(effect, event)

    def _keep(self, progress: Progress) -> bool:
        """Notes a state, however long the disk takes; False when the station ends meanwhile."""
        has_failed = False
        while not self._stopping.is_set():
            try:
                self._store.write(progress)
            except OSError as error:
                if not has_failed:
                    reason = f"how far it is cannot be noted: {error}"
                    self._tell(replace(self.latest, reason=reason))
                has_failed = True
                self._stopping.wait(self._settings.disk_pause_s)
            else:
                return True
        return False

    def _tell(self, report: UpdateReport) -> None:
        level = logging.WARNING if report.state == "refused" else logging.INFO
        told = f", {report.reason}" if report.reason else ""
        logger.log(level, "update to %s: %s%s", report.release or "-", report.state, told)
        try:
            self._report(report)
        except Exception:
            logger.exception("update: nobody could be told")

    def _act(self, effect: Effect, event: Event) -> None:
        version = self._progress.desired_version
        match effect:
            case "fetch":
                self._retry_at = None
                self._take_result(self._work.fetch(self._progress, self._is_wanted))
            case "fetch_in_turn":
                assert isinstance(event, Wanted)
                self._retry_at = self._steady() + event.wait_s
            case "fetch_later":
                self._retry_at = self._steady() + pause_s(self._progress.attempts, self._jitter())
            case "verify":
                self._take_result(self._work.verify(self._progress, self._is_wanted))
            case "accept":
                self._take_result(self._work.accept(self._progress, self._is_wanted))
            case "offer":
                self._refuse_at = self._steady() + self._settings.patience_s
                self._take_result(self._work.prepare(self._progress, self._handover.offer))
            case "withdraw":
                pass  # done before the state was left
            case "activate":
                self._activate()
            case "drop":
                self._slots.drop()
                self._trust.forget()
            case "tell_stale":
                assert isinstance(event, Wanted)
                reason = f"desired version {event.version} is older than {version}, dealt with"
                stale = UpdateReport(event.version, event.release, "refused", reason, is_stale=True)
                self._tell(stale)

    def _take_result(self, result: Result | None) -> None:
        if result is not None:
            self._results.append(result)

    def _is_wanted(self) -> bool:
        """Whether the work of now is still of interest."""
        is_newest = self._inbox.newest == self._progress.desired_version
        return is_newest and not self._stopping.is_set()

    def _activate(self) -> None:
        """The release runs: what a later start needs to know of it."""
        self._running = self._progress.release
        self._handover.settle()
        self._results.extend(self._postponed)
        self._postponed.clear()
        self._note(self._slots.activate)

    def _note(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            self._note_at = self._steady() + _NOTE_PAUSE_S
            reason = f"a start would bring back the release before, for it cannot be noted: {error}"
            self._tell(replace(self.latest, reason=reason))
        else:
            self._note_at = None
