"""A device by hand: nothing of the agent's, only what the contract says, through paho."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from beltmark.contract.messages import Committed, Death, Desired, ServerOnline
from beltmark.contract.topics import SERVER_ONLINE, Up, down, up
from beltmark.contract.wire import MAX_MESSAGE_BYTES, Message, decode, encode

TIMEOUT_S = 30.0

Found = TypeVar("Found")


def wait_for(find: Callable[[], Found], what: str, timeout_s: float = TIMEOUT_S) -> Found:
    """Waits until something is found that is true, and returns it."""
    deadline = time.monotonic() + timeout_s
    while not (found := find()):
        assert time.monotonic() < deadline, f"{what}: waited {timeout_s} s"
        time.sleep(0.02)
    return found


class RawDevice:
    """A connected device that hears what it is told.

    Args:
        port: The broker's, on loopback.
        device: Its name.
        session: Of its will.

    Attributes:
        committed: What it was told of its records, in order.
        desired: What it was told to run, in order.
        servers: Servers that came online, in order.
        heard_bytes: Length of all that it was told.
    """

    def __init__(self, port: int, device: str, session: int = 1) -> None:
        self.device = device
        self.committed: list[Committed] = []
        self.desired: list[Desired] = []
        self.servers: list[ServerOnline] = []
        self.heard_bytes = 0
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"device-{device}")
        self._client.will_set(
            up(device, "death"), encode(Death(device=device, session=session, reason="lost")), qos=1
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, what: Up, message: Message) -> None:
        """Says something; returns when the broker has it."""
        self.say_raw(up(self.device, what), encode(message))

    def mutter(self, what: Up, message: Message) -> None:
        """Says something of which nobody needs to know whether it was heard (quality 0)."""
        self._client.publish(up(self.device, what), encode(message), qos=0).wait_for_publish(
            TIMEOUT_S
        )

    def say_raw(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Sends anything anywhere; returns when the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(TIMEOUT_S)

    def wait_until_committed(self, sequence: int) -> Committed:
        """Waits until the server says that all up to this number is committed."""
        return wait_for(
            lambda: next((one for one in self.committed if one.sequence >= sequence), None),
            f"{self.device}: committed {sequence}; told {self.committed[-3:]}",
        )

    def cut(self) -> None:
        """Loses the connection without a word."""
        self._client.loop_stop()
        socket = self._client.socket()
        assert socket is not None
        socket.close()

    def _connected(self, client: Client, *_: Any) -> None:
        topics = (SERVER_ONLINE, down(self.device, "committed"), down(self.device, "desired"))
        client.subscribe([(topic, 1) for topic in topics])

    def _heard(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        self.heard_bytes += len(payload)
        if len(payload) > MAX_MESSAGE_BYTES:
            return
        if message.topic == SERVER_ONLINE:
            self.servers.append(decode(payload, ServerOnline))
        elif message.topic == down(self.device, "committed"):
            self.committed.append(decode(payload, Committed))
        elif message.topic == down(self.device, "desired"):
            self.desired.append(decode(payload, Desired))
