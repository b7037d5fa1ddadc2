"""What a device says and hears in one session: who it is, how it is, its records; what it is to do.

The session itself is `session`'s, how far to send is `window`'s, the words are `wording`'s.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from beltmark.contract.messages import Committed, Desired
from beltmark.contract.records import PartHealth
from beltmark.contract.topics import SERVER_ONLINE, down, up
from beltmark.contract.wire import MalformedMessage, Message, decode
from edge_agent.update_report import UpdateReport
from edge_agent.uplink import wording
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.session import Heard
from edge_agent.uplink.state import Device, StationState
from edge_agent.uplink.window import SendWindow

logger = logging.getLogger(__name__)


class OpenSession(Protocol):
    """A session in which things can be said and heard."""

    number: int

    def heard(self) -> Heard | None:
        """See `MqttSession.heard`."""
        ...

    def say(self, topic: str, message: Message, *, qos: int = 1) -> bool:
        """See `MqttSession.say`."""
        ...


@dataclass(frozen=True)
class Told:
    """Where that comes from which is told, and where that goes which is heard.

    Attributes:
        device: Who tells.
        describe: How the station is.
        parts: How its parts are, the uplink's own with them.
        progress: How far it is with what is desired.
        on_desired: Takes each desired state that comes.
        heartbeat_s: Time between two signs of life.
        clock: Seconds since the epoch.
        steady: Seconds on a clock that is never set.
    """

    device: Device
    describe: Callable[[], StationState]
    parts: Callable[[StationState], Mapping[str, PartHealth]]
    progress: Callable[[], UpdateReport]
    on_desired: Callable[[Desired], None]
    heartbeat_s: float
    clock: Callable[[], float]
    steady: Callable[[], float]


class Conversation:
    """What is said in one session, from the birth on.

    Args:
        session: The session, open.
        outbox: Where the records wait.
        told: Where that comes from which is told.

    Attributes:
        malformed: Messages that were of no use.
    """

    def __init__(self, session: OpenSession, outbox: Outbox, told: Told) -> None:
        self._session, self._outbox, self._told = session, outbox, told
        self.malformed = 0
        self._progress: UpdateReport | None = None  # as it was told
        self._heartbeat_at = 0.0
        committed = outbox.committed
        self._window = SendWindow(committed, committed, told.steady())
        self._introduce()

    @property
    def is_stalled(self) -> bool:
        """Whether the server commits nothing of what it was sent."""
        return self._window.is_stalled

    def advance(self) -> None:
        """Hears what came, and says what is to be said now."""
        while (heard := self._session.heard()) is not None:
            self._hear(heard)
        self._say_progress()
        self._say_heartbeat()
        self._send_records()

    def _introduce(self) -> None:
        """Says who this is; from here on the server counts this session."""
        told, now = self._told, self._told.steady()
        birth = wording.birth(
            told.device,
            told.describe(),
            told.progress(),
            session=self._session.number,
            stream=self._outbox.stream,
            at=told.clock(),
        )
        self._session.say(up(told.device.name, "birth"), birth)
        self._progress, self._heartbeat_at = None, now
        self._window = self._window.rewound(now)

    def _hear(self, heard: Heard) -> None:
        name = self._told.device.name
        try:
            if heard.topic == SERVER_ONLINE:
                self._introduce()
            elif heard.topic == down(name, "committed"):
                self._settle(decode(heard.payload, Committed))
            elif heard.topic == down(name, "desired"):
                desired = decode(heard.payload, Desired)
                _check_is_for(name, desired.device)
                self._told.on_desired(desired)
        except MalformedMessage as error:
            self.malformed += 1
            if self.malformed == 1:
                logger.warning("uplink: a message on %s is of no use: %s", heard.topic, error)

    def _settle(self, committed: Committed) -> None:
        _check_is_for(self._told.device.name, committed.device)
        if committed.stream != self._outbox.stream:
            return  # a word that the broker kept, about an outbox that is no more
        if committed.sequence > self._outbox.newest:
            raise MalformedMessage(f"sequence {committed.sequence} was never given")
        if committed.sequence < self._window.committed:
            logger.warning(
                "uplink: the server knows the records up to %d, and knew them up to %d before",
                committed.sequence,
                self._window.committed,
            )
        self._outbox.settle(committed.stream, committed.sequence)
        self._window = self._window.after_commit(
            committed.sequence, committed.gap is not None, self._told.steady()
        )

    def _say_progress(self) -> None:
        told, progress = self._told, self._told.progress()
        if self._progress != progress:
            self._progress = progress
            reported = wording.reported(
                told.device,
                told.describe(),
                progress,
                session=self._session.number,
                at=told.clock(),
            )
            self._session.say(up(told.device.name, "reported"), reported)

    def _say_heartbeat(self) -> None:
        told, now = self._told, self._told.steady()
        if now < self._heartbeat_at:
            return
        self._heartbeat_at = now + told.heartbeat_s
        state = told.describe()
        beat = wording.heartbeat(
            told.device,
            state,
            told.parts(state),
            session=self._session.number,
            at=told.clock(),
            newest=self._outbox.newest,
            waiting=self._outbox.waiting,
        )
        self._session.say(up(told.device.name, "heartbeat"), beat, qos=0)

    def _send_records(self) -> None:
        told, now = self._told, self._told.steady()
        self._window = self._window.after_time(now)
        while self._window.may_send:
            waiting = self._outbox.after(self._window.sent)
            if waiting.last == self._window.sent:
                return
            batch = wording.batch(
                told.device,
                waiting,
                session=self._session.number,
                stream=self._outbox.stream,
                at=told.clock(),
            )
            if not self._session.say(up(told.device.name, "records"), batch):
                return
            self._window = self._window.after_sending(waiting.last, now)


def _check_is_for(name: str, device: str) -> None:
    if device != name:
        raise MalformedMessage(f"it is about {device}")
