"""One connection to the broker at a time, made again for ever; its thread, and paho's, live here.

Hands over what comes as it comes. What is done with it, and what is said to devices, is left to
`link`.
"""

import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from beltmark.contract.broker import BrokerAddress
from beltmark.contract.messages import ServerOnline
from beltmark.contract.topics import ALL_UP, SERVER_ONLINE
from beltmark.contract.wire import MalformedMessage, Message, decode, encode

logger = logging.getLogger(__name__)

# One name for every server: a broker lets only one be connected under it, so never two take the
# records of one device, each a part of them.
CLIENT_ID: Final = "beltmark-fleet"
_KEEP_ALIVE_S: Final = 15
_CONNECT_TIMEOUT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.25
_MAX_PAUSE_S: Final = 10.0


@dataclass(frozen=True)
class Arrived:
    """A message as it came.

    Attributes:
        session: The connection over which it came.
        topic: Its topic.
        payload: Its bytes.
        retained: Whether the broker had kept it: then it says nothing about now.
        mid: By what it is acknowledged.
        qos: Its quality of service.
        at: When it came, in seconds since the epoch.
    """

    session: int
    topic: str
    payload: bytes
    retained: bool
    mid: int
    qos: int
    at: float


@dataclass(frozen=True)
class Condition:
    """Whether something works.

    Attributes:
        problem: Why it does not; None when it does.
        since: Since when, in seconds since the epoch.
    """

    problem: str | None
    since: float


class Connection:
    """The server's connection. For use from any thread.

    Each session is a new client with a clean MQTT session. A kept one would only bring what is of
    no use: heartbeats that say nothing about now, and a part of the records that were sent
    meanwhile (a broker's queue is bounded), while the outboxes send all of them again, and births
    are asked for anew. And a client that paho connects again sends what was not acknowledged after
    what is said since: an old desired state would replace a newer one.

    Args:
        address: The broker.
        online: What is said at the begin of each session.
        deliver: Takes each message; returns at once, and whether there was room for it. One for
            which there was none is not acknowledged: the session should be made anew later.
        echo_timeout_s: What is said should have come back by then.
        clock: Seconds since the epoch.
        tls: Makes what proves each session, where the address asks for it.
    """

    def __init__(
        self,
        address: BrokerAddress,
        online: ServerOnline,
        deliver: Callable[[Arrived], bool],
        echo_timeout_s: float,
        clock: Callable[[], float] = time.time,
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._echo_timeout_s, self._tls = echo_timeout_s, tls
        self._address, self._online, self._deliver, self._clock = address, online, deliver, clock
        self._condition = Condition("not connected yet", clock())
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._session = 0
        self._is_open = False  # the session is subscribed
        self._ended = threading.Event()  # of the session
        self._is_heard = False  # in the session
        self._has_served = False
        self._stopping = threading.Event()
        self._acknowledged: deque[tuple[int, int]] = deque()
        self._missed = False
        self._earlier_servers: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="broker link", daemon=True)

    @property
    def condition(self) -> Condition:
        """Whether the broker is connected, and passes on what is said."""
        return self._condition

    @property
    def session(self) -> int | None:
        """Number of the session in which things can be published; None between sessions."""
        with self._lock:
            return self._session if self._is_open else None

    @property
    def missed(self) -> bool:
        """Whether there was no room for a message of this session."""
        return self._missed

    def start(self) -> None:
        """Begins to connect; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the session and begins no other."""
        self._leave()
        if self._thread.is_alive():
            self._thread.join()

    def renew(self) -> None:
        """Ends the session; a new one begins soon."""
        with self._lock:
            self._ended.set()

    def publish(self, session: int, topic: str, message: Message) -> int | None:
        """Says something that the broker keeps for whoever comes later.

        Returns:
            By what `acknowledged` tells that the broker has it; None if the session is over.
        """
        with self._lock:
            client = self._client if self._is_open and session == self._session else None
        if client is None:
            return None
        info = client.publish(topic, encode(message), qos=1, retain=True)
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def acknowledge(self, message: Arrived) -> None:
        """Tells the broker that a message is dealt with; in the order in which they came.

        rumqttd cuts the connection of whoever acknowledges out of order.
        """
        with self._lock:
            client = self._client if message.session == self._session else None
        if client is not None:
            client.ack(message.mid, message.qos)

    def acknowledged(self) -> list[tuple[int, int]]:
        """Session and mid of what the broker has acknowledged since it was last asked."""
        return [self._acknowledged.popleft() for _ in range(len(self._acknowledged))]

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            was_heard = self._hold_session()
            pause_s = _FIRST_PAUSE_S if was_heard else min(2 * pause_s, _MAX_PAUSE_S)
            self._stopping.wait(pause_s)

    def _hold_session(self) -> bool:
        """Connects, and waits until the session ends; returns whether it was of use."""
        client, ended = self._begin()
        try:
            if self._address.is_tls and self._tls is not None:
                client.tls_set_context(self._tls())
            client.connect(self._address.host, self._address.port, _KEEP_ALIVE_S)
        except (OSError, ValueError) as error:  # ValueError: a name that no resolver takes
            self._report(f"the broker {self._address} cannot be reached: {error}")
            return False
        client.loop_start()
        if not ended.wait(self._echo_timeout_s) and not self._is_heard:
            self._report(
                f"the broker {self._address} passes nothing on: may {self._user} read and write "
                "beltmark/#?"
            )
        ended.wait()
        with self._lock:
            self._is_open = False
        client.disconnect()
        client.loop_stop()
        told = "stopped" if self._stopping.is_set() else "the connection to the broker was lost"
        if self._condition.problem is None:
            self._report(told)
        return self._is_heard

    def _begin(self) -> tuple[Client, threading.Event]:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=CLIENT_ID,
            clean_session=True,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        ended = threading.Event()
        with self._lock:
            self._session += 1
            self._client, self._ended, session = client, ended, self._session
            self._is_heard = self._missed = False
            if self._stopping.is_set():
                ended.set()
        client.on_connect = lambda client, _, __, reason, ___: self._connected(client, reason)
        client.on_subscribe = lambda client, _, __, reasons, ___: self._subscribed(client, reasons)
        client.on_message = lambda _, __, message: self._arrived(session, message)
        client.on_publish = lambda _, __, mid, ___, ____: self._acknowledged.append((session, mid))
        client.on_disconnect = lambda *_: ended.set()
        return client, ended

    def _leave(self) -> None:
        with self._lock:
            self._stopping.set()
            self._ended.set()

    @property
    def _user(self) -> str:
        return f"user {self._address.user}" if self._address.user else "a client without a user"

    def _connected(self, client: Client, reason: Any) -> None:
        if reason.is_failure:
            self._report(f"the broker {self._address} refuses {self._user}: {reason}")
            self.renew()
            return
        # In this order: what another server left is seen before the first message of a device.
        client.subscribe([(SERVER_ONLINE, 1), (ALL_UP, 1)])

    def _subscribed(self, client: Client, reasons: list[Any]) -> None:
        if any(reason.is_failure for reason in reasons):
            self._report(
                f"the broker {self._address} refuses the subscription: let {self._user} read "
                "beltmark/#"
            )
            self.renew()
            return
        with self._lock:
            self._is_open = True
        client.publish(SERVER_ONLINE, encode(self._online), qos=1, retain=True)

    def _arrived(self, session: int, message: MQTTMessage) -> None:
        if message.topic == SERVER_ONLINE:
            self._hear_server(message)
        said = message.topic, bytes(message.payload), message.retain, message.mid, message.qos
        if not self._deliver(Arrived(session, *said, self._clock())):
            self._missed = True

    def _hear_server(self, message: MQTTMessage) -> None:
        """Own words that come back prove that the broker passes on; another's, that it is there."""
        try:
            other = decode(bytes(message.payload), ServerOnline)
        except MalformedMessage:
            return
        if other.epoch == self._online.epoch:
            self._is_heard = self._has_served = True
            self._report(None)
        elif not self._has_served:
            self._earlier_servers.add(other.epoch)
        elif other.epoch not in self._earlier_servers and other.at > self._online.at:
            # Each that connects cuts the other off. The later one stays, or it would never end.
            self._report(
                f"a server that was started later has taken over the broker {self._address}; this "
                "one stays away from it until it is started again"
            )
            self._leave()

    def _report(self, problem: str | None) -> None:
        if problem == self._condition.problem:
            return
        if problem is None:
            logger.info("connected to the broker %s", self._address)
        else:
            logger.log(logging.INFO if self._stopping.is_set() else logging.WARNING, "%s", problem)
        self._condition = Condition(problem, self._clock())
