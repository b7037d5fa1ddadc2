"""What is told over a network: at a topic of a broker, or by a relay to all who are connected.

Its time is the time at which it was heard here; what it means is `Telling`'s to say.
"""

import logging
import re
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from edge_agent.signals.addresses import MqttAddress, TcpAddress
from edge_agent.signals.broker import BrokerSession
from edge_agent.signals.input_thread import Change
from edge_agent.signals.words import LineReader, connect
from edge_agent.station.encoder import Position

logger = logging.getLogger(__name__)

_LEVELS = {"1": True, "0": False}
_COUNT = re.compile(r"-?\d{1,15}", re.ASCII)

Told = TypeVar("Told")


@dataclass(frozen=True)
class Telling(Generic[Told]):
    """How something is told.

    Attributes:
        keyword: The word before its name, where a relay tells it.
        understand: What a text means, given when it was heard; None where it is not understood.
        is_state: Whether each text says all: of several that come at once, only the last counts.
    """

    keyword: str
    understand: Callable[[str, float], Told | None]
    is_state: bool = False

    def all_of(self, texts: Sequence[str], at: float) -> list[Told]:
        """What these texts mean, in order; `at` is when they were heard."""
        told = [one for text in texts if (one := self.understand(text, at)) is not None]
        return told[-1:] if self.is_state else told


def _change(text: str, at: float) -> Change | None:
    return Change(at, _LEVELS[text]) if text in _LEVELS else None


def _position(text: str, at: float) -> Position | None:
    return Position(at, int(text)) if _COUNT.fullmatch(text) else None


CHANGES = Telling("INPUT", _change)
"""A level that changed: `1` (on) or `0` (off)."""

COUNTS = Telling("COUNT", _position, is_state=True)
"""A whole number: the count itself, no difference, so what is lost on the way changes nothing."""


class TopicSource(Generic[Told]):
    """A topic at which something is told.

    Args:
        address: Broker and topic.
        telling: What is told.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, address: MqttAddress, telling: Telling[Told], clock: Callable[[], float] = time.time
    ) -> None:
        self._address, self._telling, self._clock = address, telling, clock

    @property
    def address(self) -> str:
        """Broker and topic."""
        return str(self._address)

    def open(self) -> "_HeardTopic[Told]":
        """Connects and subscribes; see `Source.open`."""
        session = BrokerSession(self._address.broker, [self._address.topic])
        return _HeardTopic(session, self._telling, self._clock)


class _HeardTopic(Generic[Told]):
    def __init__(
        self, session: BrokerSession, telling: Telling[Told], clock: Callable[[], float]
    ) -> None:
        self._session, self._telling, self._clock = session, telling, clock

    def read(self, timeout_s: float) -> Sequence[Told]:
        words = self._session.turn(timeout_s)
        at = self._clock()
        # What is retained is how it was before we listened, and no news.
        fresh = [word for word in words if not word.is_retained]
        for word in fresh:
            if self._telling.understand(word.text.strip(), at) is None:
                logger.warning("%s: not understood: %r", word.topic, word.text)
        return self._telling.all_of([word.text.strip() for word in fresh], at)

    def close(self) -> None:
        self._session.close(says_goodbye=True)


class RelaySource(Generic[Told]):
    """Something that a relay tells by name to all who are connected: `INPUT name 1`.

    Args:
        address: The relay and the name.
        telling: What is told.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, address: TcpAddress, telling: Telling[Told], clock: Callable[[], float] = time.time
    ) -> None:
        self._address, self._telling, self._clock = address, telling, clock

    @property
    def address(self) -> str:
        """The relay and the name."""
        return str(self._address)

    def open(self) -> "_HeardRelay[Told]":
        """Connects; see `Source.open`."""
        connection = connect(self._address.host, self._address.port)
        return _HeardRelay(connection, self._address.name, self._telling, self._clock)


class _HeardRelay(Generic[Told]):
    def __init__(
        self,
        connection: socket.socket,
        name: str,
        telling: Telling[Told],
        clock: Callable[[], float],
    ) -> None:
        self._connection, self._name = connection, name
        self._telling, self._clock = telling, clock
        self._lines = LineReader()

    def read(self, timeout_s: float) -> Sequence[Told]:
        readable, _, _ = select.select([self._connection], [], [], timeout_s)
        if not readable:
            return []
        lines = [line.split() for line in self._lines.take(self._connection)]
        mine = [self._telling.keyword, self._name]
        texts = [words[2] for words in lines if len(words) == 3 and words[:2] == mine]
        return self._telling.all_of(texts, self._clock())

    def close(self) -> None:
        self._connection.close()
