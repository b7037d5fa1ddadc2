"""Inputs that are told over a network: a topic at a broker, or a named input of a relay.

Both tell of a change with 1 (on) or 0 (off); its time is the time at which it was heard here.
"""

import logging
import select
import socket
import time
from collections.abc import Callable

from edge_agent.signals.addresses import MqttAddress, TcpAddress
from edge_agent.signals.broker import BrokerSession
from edge_agent.signals.input_thread import Change
from edge_agent.signals.words import LineReader, connect

logger = logging.getLogger(__name__)

_LEVELS = {"1": True, "0": False}


class MqttSource:
    """A topic at which `1` and `0` are said.

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

    def read(self, timeout_s: float) -> list[Change]:
        words = self._session.turn(timeout_s)
        at = self._clock()
        changes = []
        for word in words:
            if word.is_retained:
                continue  # how it was before we listened, and no change
            if word.text in _LEVELS:
                changes.append(Change(at, _LEVELS[word.text]))
            else:
                logger.warning("%s: not understood: %r", word.topic, word.text)
        return changes

    def close(self) -> None:
        self._session.close(says_goodbye=True)


class TcpSource:
    """An input of a relay, which says `INPUT name 1` and `INPUT name 0` to all who are connected.

    Args:
        address: The relay and the input's name.
        clock: Seconds since the epoch.
    """

    def __init__(self, address: TcpAddress, clock: Callable[[], float] = time.time) -> None:
        self._address, self._clock = address, clock

    @property
    def address(self) -> str:
        """The relay and the input's name."""
        return str(self._address)

    def open(self) -> "_HeardRelay":
        """Connects; see `Source.open`."""
        connection = connect(self._address.host, self._address.port)
        return _HeardRelay(connection, self._address.name, self._clock)


class _HeardRelay:
    def __init__(self, connection: socket.socket, name: str, clock: Callable[[], float]) -> None:
        self._connection, self._name, self._clock = connection, name, clock
        self._lines = LineReader()

    def read(self, timeout_s: float) -> list[Change]:
        readable, _, _ = select.select([self._connection], [], [], timeout_s)
        if not readable:
            return []
        lines = self._lines.take(self._connection)
        at = self._clock()
        changes = []
        for line in lines:
            match line.split():
                case ["INPUT", self._name, level] if level in _LEVELS:
                    changes.append(Change(at, _LEVELS[level]))
        return changes

    def close(self) -> None:
        self._connection.close()
