"""Counts that are told over a network: whole numbers at a topic, or of a relay's named counter.

Each is the count itself, not a difference: what is lost on the way changes nothing.
"""

import logging
import re
import select
import socket
import time
from collections.abc import Callable, Sequence

from edge_agent.signals.addresses import MqttAddress, TcpAddress
from edge_agent.signals.broker import BrokerSession
from edge_agent.signals.words import LineReader, connect
from edge_agent.station.encoder import Position

logger = logging.getLogger(__name__)

_COUNT = re.compile(r"-?\d{1,15}", re.ASCII)


class MqttCounts:
    """A topic at which the count is said.

    Args:
        address: Broker and topic.
        clock: Seconds since the epoch.
    """

    def __init__(self, address: MqttAddress, clock: Callable[[], float] = time.time) -> None:
        self._address, self._clock = address, clock

    @property
    def address(self) -> str:
        """Broker and topic."""
        return str(self._address)

    def open(self) -> "_HeardTopic":
        """Connects and subscribes; see `Source.open`."""
        session = BrokerSession(self._address.broker, [self._address.topic])
        return _HeardTopic(session, self._clock)


class _HeardTopic:
    def __init__(self, session: BrokerSession, clock: Callable[[], float]) -> None:
        self._session, self._clock = session, clock

    def read(self, timeout_s: float) -> Sequence[Position]:
        words = self._session.turn(timeout_s)
        at = self._clock()
        # What is retained is how it was before we listened.
        texts = [word.text.strip() for word in words if not word.is_retained]
        for text in texts:
            if not _COUNT.fullmatch(text):
                logger.warning("encoder: not understood: %r", text)
        return [Position(at, int(text)) for text in texts if _COUNT.fullmatch(text)][-1:]

    def close(self) -> None:
        self._session.close(says_goodbye=True)


class TcpCounts:
    """A counter of a relay, which says `COUNT name N` to all who are connected.

    Args:
        address: The relay and the counter's name.
        clock: Seconds since the epoch.
    """

    def __init__(self, address: TcpAddress, clock: Callable[[], float] = time.time) -> None:
        self._address, self._clock = address, clock

    @property
    def address(self) -> str:
        """The relay and the counter's name."""
        return str(self._address)

    def open(self) -> "_HeardRelay":
        """Connects; see `Source.open`."""
        connection = connect(self._address.host, self._address.port)
        return _HeardRelay(connection, self._address.name, self._clock)


class _HeardRelay:
    def __init__(self, connection: socket.socket, name: str, clock: Callable[[], float]) -> None:
        self._connection, self._name, self._clock = connection, name, clock
        self._lines = LineReader()

    def read(self, timeout_s: float) -> Sequence[Position]:
        readable, _, _ = select.select([self._connection], [], [], timeout_s)
        if not readable:
            return []
        lines = self._lines.take(self._connection)
        at = self._clock()
        counts = []
        for line in lines:
            match line.split():
                case ["COUNT", self._name, text] if _COUNT.fullmatch(text):
                    counts.append(int(text))
        # Of several that came at once, only the last was just said.
        return [Position(at, counts[-1])] if counts else []

    def close(self) -> None:
        self._connection.close()
