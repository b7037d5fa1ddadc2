"""The station's outputs over MQTT: the relay's words, said at a topic to a PLC behind a broker.

The PLC answers at the topic's `/answer`. No word is retained, and a word of an ended session is
said anew or, if it was a permit, never; the session's will is `HOLD`. That the broker has a word
does not prove that the PLC has: the permit falls by the PLC's own clock, a divert is proved by its
answer.
"""

import logging
import threading
import time
from collections.abc import Callable

from paho.mqtt.client import MQTTMessageInfo

from edge_agent.outputs.beat import ASK_EVERY_S, PERMIT_TIMEOUT_S, PermitBeat
from edge_agent.outputs.ports import WordListener
from edge_agent.outputs.undelivered import PATIENCE_S, Undelivered, Waiting
from edge_agent.signals.addresses import MqttAddress
from edge_agent.signals.broker import BrokerSession, Word
from edge_agent.signals.ports import SignalHealth
from edge_agent.signals.reachability import Reachability

logger = logging.getLogger(__name__)

_RETRY_AFTER_S = 0.5


class BrokerLine:
    """The sessions with a broker, one after the other, on a thread of their own.

    Args:
        plc: Broker and topic.
        may_run: Asked before each beat; None where this line gives no run permit.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        plc: MqttAddress,
        may_run: Callable[[], bool] | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.address = str(plc)
        self._plc, self._may_run = plc, may_run
        self._reach = Reachability(self.address, clock)
        self._undelivered, self._beat = Undelivered(), PermitBeat()
        self._listeners: list[WordListener] = []
        self._on_their_way: list[tuple[Waiting, MQTTMessageInfo]] = []
        self._last_beat: tuple[float, MQTTMessageInfo] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outputs-mqtt", daemon=True)

    @property
    def health(self) -> SignalHealth:
        """Whether the broker can be reached."""
        return self._reach.health

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when this line does not ask for it."""
        return self._undelivered.hold_reason(self._reach.health.problem, time.monotonic())

    @property
    def held_since(self) -> float | None:
        """Since when the belt was told to stand, on the steady clock; None where it may run."""
        return self._beat.held_since

    def hear(self, listener: WordListener) -> None:
        """Adds one who hears the PLC; before `start`."""
        self._listeners.append(listener)

    def say(self, words: str) -> None:
        """Has words delivered to the broker at least once; returns at once."""
        self._undelivered.add(words, time.monotonic())

    def start(self) -> None:
        """Begins to beat and to deliver."""
        self._thread.start()

    def stop(self, timeout_s: float = 4.0) -> None:
        """Lets the permit fall, delivers what is left if that goes quickly, and disconnects."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                session = self._opened()
            except OSError as error:
                self._reach.failed(error)
            else:
                self._converse(session)
            self._stopping.wait(_RETRY_AFTER_S)
        if waiting := len(self._undelivered):
            logger.error("%s: %d signals were not delivered", self.address, waiting)

    def _opened(self) -> BrokerSession:
        topic = self._plc.topic
        will = None if self._may_run is None else Word(topic, "HOLD")
        session = BrokerSession(self._plc.broker, [f"{topic}/answer"], will)
        self._beat.connected()
        self._on_their_way, self._last_beat = [], None
        return session

    def _converse(self, session: BrokerSession) -> None:
        self._reach.reached()
        is_over = False
        try:
            give_up_at: float | None = None
            while not is_over:
                ends = self._stopping.is_set()
                if ends and give_up_at is None:
                    give_up_at = time.monotonic() + PATIENCE_S
                self._turn(session, ends=ends)
                is_over = give_up_at is not None and (
                    not (self._undelivered or self._on_their_way or self._awaits_beat)
                    or time.monotonic() > give_up_at
                )
        except OSError as error:
            self._reach.failed(error)
        finally:
            session.close(says_goodbye=is_over)
            self._undelivered.disconnected()

    def _turn(self, session: BrokerSession, *, ends: bool) -> None:
        for waiting in self._undelivered.unwritten():
            self._on_their_way.append((waiting, session.say(Word(self._plc.topic, waiting.words))))
            waiting.is_written = True
        self._permit(session, ends=ends)
        for word in session.turn(ASK_EVERY_S):
            for listener in () if word.is_retained else self._listeners:
                listener(word.text)
        for waiting, info in self._on_their_way:
            if info.is_published():
                self._undelivered.delivered(waiting)
        self._on_their_way = [way for way in self._on_their_way if not way[1].is_published()]

    def _permit(self, session: BrokerSession, *, ends: bool) -> None:
        if self._may_run is None:
            return
        now = time.monotonic()
        if self._awaits_beat and self._last_beat and now - self._last_beat[0] > PERMIT_TIMEOUT_S:
            raise TimeoutError(None, "the broker does not acknowledge")
        word = self._beat.due(now, is_well=not ends and self._may_run(), ends=ends)
        # One beat at a time: what piles up on the way would let the belt run when it is over.
        if word is None or (word == "PERMIT" and self._awaits_beat):
            return
        self._last_beat = now, session.say(Word(self._plc.topic, word))
        self._beat.said(word, time.monotonic())

    @property
    def _awaits_beat(self) -> bool:
        return self._last_beat is not None and not self._last_beat[1].is_published()
