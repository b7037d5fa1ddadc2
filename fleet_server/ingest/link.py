"""The server's side of the conversation: commits what devices say, then tells them how far.

One thread owns it: all that waits goes into one transaction, and is acknowledged and answered after
it. Nobody else's word counts for that something is stored. The socket is `connection`'s, the SQL
`storage`'s.
"""

import contextlib
import logging
import queue
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from beltmark.contract.broker import parse_broker
from beltmark.contract.messages import Committed, ServerOnline
from beltmark.contract.topics import SERVER_ONLINE, down
from fleet_server.ingest.connection import Arrived, Condition, Connection
from fleet_server.ingest.decoding import decode_said
from fleet_server.storage.engine import StorageUnavailable
from fleet_server.storage.fleet import StoredDesired
from fleet_server.storage.telemetry import Malformed, Received

logger = logging.getLogger(__name__)

# A broker has at most a hundred messages unacknowledged under way to one client by default.
_QUEUE_SIZE: Final = 1_000
_TRANSACTION_SIZE: Final = 100
_LOOK_PERIOD_S: Final = 0.25
_FIRST_PAUSE_S: Final = 0.25
_MAX_PAUSE_S: Final = 5.0


class Telemetry(Protocol):
    """Where what devices say is committed."""

    def take(self, received: Sequence[Received]) -> list[Committed]:
        """See `TelemetryStore.take`."""
        ...

    def committed(self) -> list[Committed]:
        """See `TelemetryStore.committed`."""
        ...


class Wishes(Protocol):
    """What devices are to run."""

    def all_desired(self) -> list[StoredDesired]:
        """See `FleetStore.all_desired`."""
        ...

    def unpublished(self) -> list[StoredDesired]:
        """See `FleetStore.unpublished`."""
        ...

    def mark_published(self, device: str, version: int) -> None:
        """See `FleetStore.mark_published`."""
        ...


@dataclass(frozen=True)
class LinkHealth:
    """How the link is.

    Attributes:
        broker: Whether the broker is connected and passes things on.
        database: Whether the database takes what devices say.
        waiting: Messages that wait for the database.
        refused: Messages that belong to no device, since the start.
    """

    broker: Condition
    database: Condition
    waiting: int
    refused: int

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words."""
        told = (self.broker.problem, self.database.problem)
        return [problem for problem in told if problem is not None]


class FleetLink:
    """Connects the database with the devices, through a broker.

    Args:
        address: The broker: `mqtt://[user:password@]host[:port]` or `mqtts://host[:port]`.
        telemetry: Where what devices say is committed.
        fleet: What they are to run.
        spread_s: Devices begin to fetch a release within so long.
        clock: Seconds since the epoch.
        echo_timeout_s: A broker that has not passed on the server's own words by then is told of.
        tls: Makes what proves each connection, where the address is mqtts://.

    Raises:
        InputError: The address cannot be read.
    """

    def __init__(
        self,
        address: str,
        telemetry: Telemetry,
        fleet: Wishes,
        *,
        spread_s: float = 0.0,
        clock: Callable[[], float] = time.time,
        echo_timeout_s: float = 10.0,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._telemetry, self._fleet, self._clock = telemetry, fleet, clock
        self._spread_s = spread_s
        self.online = ServerOnline(epoch=secrets.token_hex(8), at=clock())
        self._queue: queue.Queue[Arrived] = queue.Queue(_QUEUE_SIZE)
        self._connection = Connection(
            parse_broker(address, may_be_tls=True),
            self.online,
            self._put,
            echo_timeout_s,
            clock,
            tls=tls,
        )
        self._database = Condition(None, clock())
        self._refused = 0
        self._told_session: int | None = None  # the session in which all was said that is retained
        self._offered: dict[str, int] = {}  # by device, the version offered in this session
        self._on_the_way: dict[tuple[int, int], StoredDesired] = {}  # by session and mid
        self._to_note: list[StoredDesired] = []  # the broker has them
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet writer", daemon=True)

    @property
    def health(self) -> LinkHealth:
        """How it is."""
        return LinkHealth(
            self._connection.condition, self._database, self._queue.qsize(), self._refused
        )

    def start(self) -> None:
        """Begins to connect and to write; returns at once."""
        self._connection.start()
        self._thread.start()

    def stop(self) -> None:
        """Leaves the broker, and commits what has come so far if the database takes it."""
        self._connection.stop()
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _put(self, message: Arrived) -> bool:
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._queue.empty()):
            messages = self._waiting()
            if messages and not self._deal_with(messages):
                return
            self._try_to_tell()

    def _waiting(self) -> list[Arrived]:
        """Waits a moment for a message, and returns all that are there."""
        messages: list[Arrived] = []
        with contextlib.suppress(queue.Empty):
            messages.append(self._queue.get(timeout=_LOOK_PERIOD_S))
            while len(messages) < _TRANSACTION_SIZE:
                messages.append(self._queue.get_nowait())
        return messages

    def _deal_with(self, messages: Sequence[Arrived]) -> bool:
        """Commits messages, acknowledges and answers them; returns False if it gave up to end."""
        received = [one for message in messages if (one := self._read(message)) is not None]
        committed = self._commit_in_the_end(received)
        if committed is None:
            return False
        for message in messages:
            self._connection.acknowledge(message)
        session = self._connection.session
        if session is not None:
            for answer in committed:
                self._connection.publish(session, down(answer.device, "committed"), answer)
        return True

    def _read(self, message: Arrived) -> Received | None:
        if message.topic == SERVER_ONLINE or message.retained:
            return None  # what a broker kept may have been said years ago: devices say it again
        said = decode_said(message.topic, message.payload)
        if said is None:
            self._refused += 1
            return None
        return Received(said, message.at)

    def _commit_in_the_end(self, received: Sequence[Received]) -> list[Committed] | None:
        """Tries until it is committed; returns None if the link is to end before that."""
        pause_s = _FIRST_PAUSE_S
        while received:
            try:
                committed = self._commit(received)
            except StorageUnavailable as error:
                self._report(str(error))
                if self._stopping.wait(pause_s):
                    return None
                pause_s = min(2 * pause_s, _MAX_PAUSE_S)
            else:
                self._report(None)
                return committed
        return []

    def _commit(self, received: Sequence[Received]) -> list[Committed]:
        """Commits all together; if one cannot be stored, the others without it."""
        try:
            return self._telemetry.take(received)
        except StorageUnavailable:
            raise
        except Exception as error:  # whatever is wrong with it: one message stops no others
            if len(received) > 1:
                return [answer for one in received for answer in self._commit([one])]
            one = received[0]
            logger.exception("a message of %s cannot be stored", one.said.device)
            if isinstance(one.said, Malformed):
                return []
            told = Malformed(one.said.device, f"cannot be stored: {error}"[:200])
            return self._commit([replace(one, said=told)])

    def _try_to_tell(self) -> None:
        if self._connection.missed and self._queue.empty():
            self._connection.renew()  # what there was no room for is asked for again
        try:
            self._note_published()
            self._tell()
        except StorageUnavailable as error:
            self._report(str(error))
        else:
            self._report(None)

    def _note_published(self) -> None:
        """Notes the desired states that the broker has."""
        for key in self._connection.acknowledged():
            if (desired := self._on_the_way.pop(key, None)) is not None:
                self._to_note.append(desired)
        while self._to_note:
            self._fleet.mark_published(self._to_note[0].device, self._to_note[0].version)
            del self._to_note[0]

    def _tell(self) -> None:
        """Says what is new; in a new session all of it, for the broker may have lost its memory."""
        session = self._connection.session
        if session is None:
            return
        if session == self._told_session:
            for desired in self._fleet.unpublished():
                if self._offered.get(desired.device, 0) < desired.version:
                    self._offer(session, desired)
            return
        committed, wishes = self._telemetry.committed(), self._fleet.all_desired()
        self._on_the_way.clear()
        self._offered.clear()
        for answer in committed:
            self._connection.publish(session, down(answer.device, "committed"), answer)
        for desired in wishes:
            self._offer(session, desired)
        self._told_session = session

    def _offer(self, session: int, desired: StoredDesired) -> None:
        message = desired.message(self._spread_s)
        mid = self._connection.publish(session, down(desired.device, "desired"), message)
        if mid is not None:
            self._on_the_way[session, mid] = desired
            self._offered[desired.device] = desired.version

    def _report(self, problem: str | None) -> None:
        if problem == self._database.problem:
            return
        if problem is None:
            logger.warning("database: takes what devices say again")
        else:
            logger.error("database: %s; what devices say waits", problem)
        self._database = Condition(problem, self._clock())
