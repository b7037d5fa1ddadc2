"""One MQTT session of a device: connects once, hands over what comes, and ends. Threads are paho's.

A session is never mended: the next one has a new number, which its will must carry. When to begin
one, and what is said in it, is left to `link`.
"""

import contextlib
import queue
import threading
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from beltmark.contract.broker import BrokerAddress
from beltmark.contract.messages import Death
from beltmark.contract.topics import SERVER_ONLINE, down, up
from beltmark.contract.wire import Message, encode

_KEEP_ALIVE_S: Final = 10
_CONNECT_TIMEOUT_S: Final = 5.0
_GOODBYE_TIMEOUT_S: Final = 2.0
_MAX_HEARD: Final = 1_000


@dataclass(frozen=True)
class Heard:
    """A message from the server's side."""

    topic: str
    payload: bytes


class SessionFailed(Exception):  # noqa: N818 - the state's own name
    """The broker cannot be reached."""


class MqttSession:
    """A session that is being opened, is open, or is over.

    Args:
        address: The broker.
        device: Whose it is.
        number: Its number.

    Raises:
        SessionFailed: Nobody listens there.
    """

    def __init__(self, address: BrokerAddress, device: str, number: int) -> None:
        self.number, self._device = number, device
        self._heard: queue.Queue[Heard] = queue.Queue(_MAX_HEARD)
        self._is_open, self._is_over = threading.Event(), threading.Event()
        self._problem: str | None = None
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"beltmark-{device}",
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_queued_messages_set(0)
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        lost = Death(device=device, session=number, reason="lost")
        client.will_set(up(device, "death"), encode(lost), qos=1)
        client.on_connect = lambda _, __, ___, reason, ____: self._connected(reason)
        client.on_subscribe = lambda _, __, ___, reasons, ____: self._subscribed(reasons)
        client.on_message = lambda _, __, message: self._take(message)
        client.on_disconnect = lambda *_: self._is_over.set()
        try:
            client.connect(address.host, address.port, _KEEP_ALIVE_S)
        except (OSError, ValueError) as error:  # ValueError: a name that no resolver takes
            raise SessionFailed(f"the broker {address} cannot be reached: {error}") from None
        client.loop_start()

    @property
    def is_open(self) -> bool:
        """Whether things can be said and heard in it."""
        return self._is_open.is_set() and not self.is_over

    @property
    def is_over(self) -> bool:
        """Whether it has ended; it never opens again."""
        return self._is_over.is_set()

    @property
    def problem(self) -> str | None:
        """Why the broker does not let the device in, where that is so."""
        return self._problem

    def heard(self) -> Heard | None:
        """Returns the next message that came; None while there is none."""
        try:
            return self._heard.get_nowait()
        except queue.Empty:
            return None

    def say(self, topic: str, message: Message, *, qos: int = 1) -> bool:
        """Hands a message to the broker; False if the session is over."""
        if self.is_over:
            return False
        info = self._client.publish(topic, encode(message), qos=qos)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def end(self, *, says_goodbye: bool) -> None:
        """Ends it, with a word of its own to the server or without one, as after a loss."""
        if says_goodbye and self.is_open:
            stopped = Death(device=self._device, session=self.number, reason="stopped")
            info = self._client.publish(up(self._device, "death"), encode(stopped), qos=1)
            with contextlib.suppress(RuntimeError, ValueError):  # lost just now: its will is heard
                info.wait_for_publish(_GOODBYE_TIMEOUT_S)
        self._client.disconnect()
        self._client.loop_stop()
        self._is_over.set()

    def _connected(self, reason: Any) -> None:
        if reason.is_failure:
            self._problem = f"the broker refuses this device: {reason}"
            self._is_over.set()
            return
        wanted = (down(self._device, "committed"), down(self._device, "desired"), SERVER_ONLINE)
        self._client.subscribe([(topic, 1) for topic in wanted])

    def _subscribed(self, reasons: list[Any]) -> None:
        if any(reason.is_failure for reason in reasons):
            self._problem = "the broker does not let this device hear the server"
            self._is_over.set()
            return
        self._is_open.set()

    def _take(self, message: Any) -> None:
        try:
            self._heard.put_nowait(Heard(message.topic, bytes(message.payload)))
        except queue.Full:
            self._is_over.set()  # what is retained comes again in the next session
