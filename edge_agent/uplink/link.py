"""The uplink's thread: says to the server what there is to tell, whenever that listens.

A station does not need it: whatever happens here is a state that is told, never an end. What is
told comes from `gathering`, waits in `outbox`, is worded in `wording` and sent as `window` decides.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.broker import BrokerAddress
from beltmark.contract.messages import Committed, Desired, PartHealth
from beltmark.contract.topics import SERVER_ONLINE, down, up
from beltmark.contract.wire import MalformedMessage, decode
from edge_agent.uplink import wording
from edge_agent.uplink.gathering import Gatherer
from edge_agent.uplink.outbox import NewRecord, Outbox, OutboxUnavailable
from edge_agent.uplink.session import Heard, MqttSession, SessionFailed
from edge_agent.uplink.state import Device, Progress, StationState
from edge_agent.uplink.telemetry import MinuteCounter
from edge_agent.uplink.window import SendWindow

logger = logging.getLogger(__name__)

_PERIOD_S: Final = 0.2
_OPENING_TIMEOUT_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.5
_MAX_PAUSE_S: Final = 30.0
_OUTBOX_RETRY_S: Final = 5.0
_NOT_YET: Final = "not connected yet"
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
    """

    device: Device
    broker: BrokerAddress
    outbox_path: Path
    outbox_max_bytes: int
    journal_path: Path
    heartbeat_s: float


class Uplink:
    """The way to the server. `counts`, `report` and `health` are for any thread.

    Args:
        settings: How the server is reached.
        describe: Tells how the station is; called on the uplink's thread.
        on_desired: Takes each desired state that comes; called on the uplink's thread.
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
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings, self._device = settings, settings.device
        self._describe, self._on_desired = describe, on_desired
        self._clock, self._steady, self._jitter = clock, steady, jitter
        self._gatherer = Gatherer(settings.journal_path, clock())
        self._progress = Progress()
        self._progress_told: Progress | None = None  # in this session
        self._outbox: Outbox | None = None
        self._outbox_retry_at = 0.0
        self._outbox_problem: str | None = None
        self._session: MqttSession | None = None
        self._opened_at = 0.0  # when the session began to open
        self._is_introduced = False  # in the session
        self._window = SendWindow(0, 0, 0.0)
        self._pause_s, self._next_attempt_at, self._heartbeat_at = _FIRST_PAUSE_S, 0.0, 0.0
        self._link_problem: str | None = _NOT_YET
        self._link_since = clock()
        self._malformed = 0
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    @property
    def counts(self) -> MinuteCounter:
        """Counts what the station does."""
        return self._gatherer.counts

    @property
    def health(self) -> PartHealth:
        """How the way to the server is; the station works without it."""
        for problem in (self._outbox_problem, self._gatherer.problem):
            if problem is not None:
                return PartHealth(state="degraded", told=problem[: wording.LONGEST_TELLING])
        told = self._link_problem
        if told is not None:
            return PartHealth(
                state="down", told=told[: wording.LONGEST_TELLING], since=self._link_since
            )
        return PartHealth(state="ok", told="connected", since=self._link_since)

    @property
    def progress(self) -> Progress:
        """What was reported of updates last."""
        return self._progress

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Keeps what is known so far, says goodbye, and ends."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15.0)

    def report(self, progress: Progress) -> None:
        """Tells how far an update is; a record for ever, and at once if the server listens."""
        self._progress = progress
        self._gatherer.offer(NewRecord("update", self._clock(), wording.update_step(progress)))
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._try_turn(is_last=False)
            self._wake.wait(_PERIOD_S)
            self._wake.clear()
        self._try_turn(is_last=True)
        self._close_session(says_goodbye=True)
        if self._outbox is not None:
            self._outbox.close()

    def _try_turn(self, *, is_last: bool) -> None:
        try:
            self._turn(is_last=is_last)
        except Exception:
            # The last resort: a station does not end because its news cannot be told.
            logger.exception("uplink: unexpected problem")
            self._lose_session("unexpected problem, see the log")

    def _turn(self, *, is_last: bool) -> None:
        """Gathers and says what there is; what cannot be kept at the moment is told, and waits."""
        problem: str | None = None
        for act in (lambda outbox: self._gather(outbox, is_last=is_last), self._converse):
            try:
                outbox = self._open_outbox()
                if outbox is None:
                    return
                act(outbox)
            except OutboxUnavailable as error:
                problem = f"the outbox takes no records: {error}"
        if problem is not None and self._outbox_problem is None:
            logger.warning("uplink: %s", problem)
        self._outbox_problem = problem

    def _open_outbox(self) -> Outbox | None:
        now = self._steady()
        if self._outbox is None and now >= self._outbox_retry_at:
            self._outbox_retry_at = now + _OUTBOX_RETRY_S
            settings = self._settings
            self._outbox = Outbox(settings.outbox_path, settings.outbox_max_bytes, self._clock)
            committed = self._outbox.committed
            self._window = SendWindow(committed, committed, now)
        return self._outbox

    def _gather(self, outbox: Outbox, *, is_last: bool) -> None:
        parts = {**self._describe().parts, "uplink": self.health}
        self._gatherer.gather(outbox, parts, self._clock(), is_last=is_last)

    def _converse(self, outbox: Outbox) -> None:
        session, now = self._session, self._steady()
        if session is None:
            if now >= self._next_attempt_at:
                self._open_session(outbox)
            return
        if session.is_over or not session.is_open:
            if session.is_over or now - self._opened_at > _OPENING_TIMEOUT_S:
                broke = "the connection to the broker broke" if self._is_introduced else _MUTE
                self._lose_session(session.problem or broke)
            return
        if not self._is_introduced:
            self._introduce(session, outbox)
        while (heard := session.heard()) is not None:
            self._hear(heard, session, outbox)
        self._say(session, outbox)

    def _open_session(self, outbox: Outbox) -> None:
        self._opened_at, self._is_introduced = self._steady(), False
        try:
            self._session = MqttSession(
                self._settings.broker, self._device.name, outbox.next_session()
            )
        except SessionFailed as error:
            self._lose_session(str(error))

    def _lose_session(self, why: str) -> None:
        was_good = self._link_problem is None
        self._close_session(says_goodbye=False)
        self._tell_link(why)
        self._pause_s = _FIRST_PAUSE_S if was_good else min(2 * self._pause_s, _MAX_PAUSE_S)
        self._next_attempt_at = self._steady() + self._pause_s * (0.5 + self._jitter())

    def _close_session(self, *, says_goodbye: bool) -> None:
        if self._session is not None:
            self._session.end(says_goodbye=says_goodbye)
            self._session = None

    def _introduce(self, session: MqttSession, outbox: Outbox) -> None:
        """Says who this is; from here on the server counts this session."""
        told = wording.birth(
            self._device,
            self._describe(),
            self._progress,
            session=session.number,
            stream=outbox.stream,
            at=self._clock(),
        )
        session.say(up(self._device.name, "birth"), told)
        now = self._steady()
        self._is_introduced, self._progress_told, self._heartbeat_at = True, None, now
        self._window = self._window.rewound(now)
        self._tell_link(None)

    def _hear(self, heard: Heard, session: MqttSession, outbox: Outbox) -> None:
        name = self._device.name
        try:
            if heard.topic == SERVER_ONLINE:
                self._introduce(session, outbox)
            elif heard.topic == down(name, "committed"):
                self._settle(decode(heard.payload, Committed), outbox)
            elif heard.topic == down(name, "desired"):
                desired = decode(heard.payload, Desired)
                if desired.device != name:
                    raise MalformedMessage(f"it is about {desired.device}")
                self._on_desired(desired)
        except MalformedMessage as error:
            self._malformed += 1
            if self._malformed == 1:
                logger.warning("uplink: a message on %s is of no use: %s", heard.topic, error)

    def _settle(self, committed: Committed, outbox: Outbox) -> None:
        is_ours = committed.device == self._device.name
        if is_ours and outbox.settle(committed.stream, committed.sequence):
            self._window = self._window.after_commit(
                committed.sequence, committed.gap is not None, self._steady()
            )

    def _say(self, session: MqttSession, outbox: Outbox) -> None:
        name, number, now = self._device.name, session.number, self._steady()
        if self._progress_told != (progress := self._progress):
            self._progress_told = progress
            told = wording.reported(
                self._device, self._describe(), progress, session=number, at=self._clock()
            )
            session.say(up(name, "reported"), told)
        if now >= self._heartbeat_at:
            self._heartbeat_at = now + self._settings.heartbeat_s
            state = self._describe()
            beat = wording.heartbeat(
                self._device,
                state,
                {**state.parts, "uplink": self.health},
                session=number,
                at=self._clock(),
                newest=outbox.newest,
                waiting=outbox.waiting,
            )
            session.say(up(name, "heartbeat"), beat, qos=0)
        self._window = self._window.after_time(now)
        while self._window.may_send:
            waiting = outbox.after(self._window.sent)
            if waiting.last == self._window.sent:
                return
            batch = wording.batch(
                self._device, waiting, session=number, stream=outbox.stream, at=self._clock()
            )
            if not session.say(up(name, "records"), batch):
                return
            self._window = self._window.after_sending(waiting.last, now)

    def _tell_link(self, problem: str | None) -> None:
        if problem == self._link_problem:
            return
        if problem is None:
            logger.info("uplink: connected to the broker %s", self._settings.broker)
        elif self._link_problem in (None, _NOT_YET):
            logger.warning("uplink: %s", problem)
        self._link_problem, self._link_since = problem, self._clock()
