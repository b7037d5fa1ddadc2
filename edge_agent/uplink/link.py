"""The uplink's thread: keeps what there is to tell, and tells it whenever the server listens.

A station does not need it: whatever happens here is a state that is told, never an end. What is
told comes from `gathering` and waits in `outbox`; what is said in a session is `conversation`'s.
"""

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.broker import BrokerAddress
from beltmark.contract.messages import Desired
from beltmark.contract.records import PartHealth
from beltmark.contract.terms import PartState
from edge_agent.update_report import UpdateReport
from edge_agent.uplink import wording
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.conversation import Conversation, Told
from edge_agent.uplink.gathering import Gatherer
from edge_agent.uplink.outbox import NewRecord, Outbox
from edge_agent.uplink.outbox_file import OutboxBroken, OutboxUnavailable
from edge_agent.uplink.session import MqttSession, SessionFailed
from edge_agent.uplink.state import Device, StationState
from edge_agent.uplink.telemetry import MinuteCounter

logger = logging.getLogger(__name__)

_PERIOD_S: Final = 0.2
_OPENING_TIMEOUT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.5
_MAX_PAUSE_S: Final = 30.0
# A session that was shorter does not count as good: two devices of one name end each other's.
_STEADY_AFTER_S: Final = 10.0
_OUTBOX_RETRY_S: Final = 5.0
_FLUSH_S: Final = 2.0
_NOT_YET: Final = "not connected yet"
_BROKE: Final = "the connection to the broker broke"
_MUTE: Final = "the broker takes connections, but does not answer"


@dataclass(frozen=True)
class UplinkSettings:
    """How a device reaches its server.

    Attributes:
        device: What stays true of it.
        broker: The MQTT broker.
        outbox_path: File of the outbox.
        outbox_max_bytes: Disk that it may take.
        journal_path: The station's journal.
        heartbeat_s: Time between two signs of life.
        tls: Makes what proves who it is, where the broker asks for that.
    """

    device: Device
    broker: BrokerAddress
    outbox_path: Path
    outbox_max_bytes: int
    journal_path: Path
    heartbeat_s: float
    tls: Callable[[], ssl.SSLContext] | None = None


class Uplink:
    """The way to the server. `counts`, `report` and `health` are for any thread.

    Args:
        settings: How the server is reached.
        describe: Tells how the station is; called on the uplink's thread.
        on_desired: Takes each desired state that comes; called on the uplink's thread.
        progress: How far the station is with what was desired of it before.
        clock: Seconds since the epoch.
        steady: Seconds on a clock that is never set.
        jitter: Draws from 0..1: devices that lost one broker do not come back all at once.
    """

    def __init__(
        self,
        settings: UplinkSettings,
        describe: Callable[[], StationState],
        on_desired: Callable[[Desired], None],
        *,
        progress: UpdateReport | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings, self._describe = settings, describe
        self._clock, self._steady = clock, steady
        self._gatherer = Gatherer(settings.journal_path, clock())
        self._progress = progress or UpdateReport()
        self._told = Told(
            settings.device,
            describe,
            self._parts,
            lambda: self._progress,
            on_desired,
            settings.heartbeat_s,
            clock,
            steady,
        )
        self._outbox: Outbox | None = None
        self._outbox_retry_at = self._gather_at = 0.0
        self._outbox_problem: str | None = None
        self._closed_because = ""  # while the outbox cannot be opened
        self._set_aside: Path | None = None
        self._session: MqttSession | None = None
        self._opened_at = 0.0  # when the session began to open
        self._conversation: Conversation | None = None  # once the session is open
        self._backoff = Backoff(_FIRST_PAUSE_S, _MAX_PAUSE_S, jitter)
        self._next_attempt_at = 0.0
        self._link_problem: str | None = _NOT_YET
        self._since = clock()
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    @property
    def counts(self) -> MinuteCounter:
        """Counts what the station does."""
        return self._gatherer.counts

    @property
    def health(self) -> PartHealth:
        """How the way to the server is; the station works without it."""
        state: PartState = "ok"
        told = "connected"
        if (problem := self._outbox_problem or self._gatherer.problem) is not None:
            state, told = "degraded", problem
        elif self._link_problem is not None:
            state, told = "down", self._link_problem
        elif self._conversation is not None and self._conversation.is_stalled:
            state, told = "degraded", "connected, but the server commits no records"
        if self._set_aside is not None:
            told += f"; a damaged outbox was kept as {self._set_aside.name}"
        if self._gatherer.lost:
            told += "; records were lost while the disk took none"
        return PartHealth(state=state, told=wording.told(told), since=self._since)

    @property
    def progress(self) -> UpdateReport:
        """What was reported of updates last."""
        return self._progress

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Keeps what is known so far, tells it if that goes quickly, says goodbye, and ends."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15.0)

    def report(self, progress: UpdateReport) -> None:
        """Tells how far an update is; a record for ever, and at once if the server listens.

        What is stale becomes a record alone: what the station is about is another.
        """
        if not progress.is_stale:
            self._progress = progress
        self._gatherer.offer(NewRecord("update", self._clock(), wording.update_step(progress)))
        self._wake.set()

    def _parts(self, state: StationState) -> Mapping[str, PartHealth]:
        return {**state.parts, "uplink": self.health}

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._try(self._turn)
            self._try(self._wait)
        self._try(lambda: self._turn(is_last=True))
        self._try(self._flush)
        self._try(lambda: self._close_session(says_goodbye=True))
        if self._outbox is not None:
            self._outbox.close()

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            # The last resort: a station does not end because its news cannot be told.
            logger.exception("uplink: unexpected problem")
            self._lose_session("unexpected problem, see the log")
            self._wake.wait(_PERIOD_S)

    def _wait(self) -> None:
        if self._session is not None:
            self._session.turn(_PERIOD_S)
        else:
            self._wake.wait(_PERIOD_S)
        self._wake.clear()

    def _flush(self) -> None:
        """Gives the server a moment to commit the last records."""
        end = self._steady() + _FLUSH_S
        while self._steady() < end and self._session and self._outbox:
            is_done = self._outbox.committed == self._outbox.newest
            if self._conversation is None or self._conversation.is_stalled or is_done:
                return
            self._session.turn(_PERIOD_S)
            self._converse()

    def _turn(self, *, is_last: bool = False) -> None:
        """Gathers and says what there is; what cannot be kept at the moment is told, and waits."""
        problems = [
            self._problem_of(act)
            for act in (self._keep_open, lambda: self._gather(is_last=is_last), self._converse)
        ]
        self._tell_outbox(next((problem for problem in problems if problem is not None), None))

    def _problem_of(self, act: Callable[[], None]) -> str | None:
        try:
            act()
        except OutboxUnavailable as error:
            if isinstance(error, OutboxBroken) and self._outbox is not None:
                self._outbox.close()
                self._outbox = None
                self._lose_session("the outbox is opened anew")
            return f"the outbox takes no records: {error}"
        return None

    def _keep_open(self) -> None:
        now = self._steady()
        if self._outbox is not None:
            return
        if now < self._outbox_retry_at:
            raise OutboxUnavailable(self._closed_because)
        self._outbox_retry_at = now + _OUTBOX_RETRY_S
        try:
            self._outbox = Outbox(self._settings.outbox_path, self._settings.outbox_max_bytes)
        except OutboxUnavailable as error:
            self._closed_because = str(error)
            raise
        self._set_aside = self._outbox.set_aside or self._set_aside

    def _gather(self, *, is_last: bool) -> None:
        now = self._steady()
        if now >= self._gather_at or is_last:
            self._gather_at = now + _PERIOD_S
            parts = self._parts(self._describe())
            self._gatherer.gather(self._outbox, parts, self._clock(), is_last=is_last)

    def _converse(self) -> None:
        session, now = self._session, self._steady()
        if self._outbox is None:
            return
        if session is None:
            if now >= self._next_attempt_at and not self._stopping.is_set():
                self._open_session(self._outbox)
        elif session.is_over:
            self._lose_session(session.problem or (_BROKE if self._conversation else _MUTE))
        elif session.is_open:
            if self._conversation is None:
                self._conversation = Conversation(session, self._outbox, self._told)
                self._tell_link(None)
            self._conversation.advance()
        elif now - self._opened_at > _OPENING_TIMEOUT_S:
            self._lose_session(_MUTE)

    def _open_session(self, outbox: Outbox) -> None:
        self._opened_at = self._steady()
        settings = self._settings
        try:
            self._session = MqttSession(
                settings.broker, settings.device.name, outbox.next_session(), settings.tls
            )
        except SessionFailed as error:
            self._lose_session(str(error))

    def _lose_session(self, why: str) -> None:
        if self._conversation is not None and self._steady() - self._opened_at > _STEADY_AFTER_S:
            self._backoff.reset()
        self._close_session(says_goodbye=False)
        self._tell_link(why)
        self._next_attempt_at = self._steady() + self._backoff.next_s()

    def _close_session(self, *, says_goodbye: bool) -> None:
        session, self._session, self._conversation = self._session, None, None
        if session is not None:
            session.end(says_goodbye=says_goodbye)

    def _tell_link(self, problem: str | None) -> None:
        if problem == self._link_problem:
            return
        if problem is None:
            logger.info("uplink: connected to the broker %s", self._settings.broker)
        else:
            logger.warning("uplink: %s", problem)
        self._link_problem, self._since = problem, self._clock()

    def _tell_outbox(self, problem: str | None) -> None:
        if problem is not None and self._outbox_problem is None:
            logger.warning("uplink: %s", problem)
        elif problem is None and self._outbox_problem is not None:
            logger.warning("uplink: the outbox takes records again")
        self._outbox_problem = problem
