"""One MQTT session of a device: connects once, says and hears, and ends.

A session is never mended: the next one has a new number, which its will must carry. When to begin
one is left to `link`, what is said in it to `conversation`. Owned by one thread, which `turn`s it.
"""

import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from beltmark.contract.broker import BrokerAddress
from beltmark.contract.errors import InputError
from beltmark.contract.messages import Death
from beltmark.contract.topics import SERVER_ONLINE, down, up
from beltmark.contract.wire import Message, encode

_KEEP_ALIVE_S: Final = 10
_CONNECT_TIMEOUT_S: Final = 5.0
_GOODBYE_TIMEOUT_S: Final = 2.0
_MAX_HEARD: Final = 1_000
_NOT_LET_IN: Final = (
    "the broker does not let this station in: has its certificate run out, or was it revoked? "
    "(beltmark-fleet enrolled)"
)


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
        tls: Makes what proves who it is, where the address asks for that; may raise InputError.

    Raises:
        SessionFailed: Nobody listens there, or it is not the fleet's broker, or there is nothing
            to prove who this is.
    """

    def __init__(
        self,
        address: BrokerAddress,
        device: str,
        number: int,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self.number, self._device = number, device
        self._heard: deque[Heard] = deque()
        self._is_open = self._is_over = self._is_answered = False
        self._is_tls = address.is_tls
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
        if address.is_tls and tls is not None:
            try:
                client.tls_set_context(tls())
            except (InputError, OSError) as error:  # OSError: what was read just now is damaged
                raise SessionFailed(str(error)) from None
        lost = Death(device=device, session=number, reason="lost")
        client.will_set(up(device, "death"), encode(lost), qos=1)
        client.on_connect = lambda _, __, ___, reason, ____: self._connected(reason)
        client.on_subscribe = lambda _, __, ___, reasons, ____: self._subscribed(reasons)
        client.on_message = lambda _, __, message: self._take(message)
        try:
            client.connect(address.host, address.port, _KEEP_ALIVE_S)
        except ssl.SSLCertVerificationError as error:
            self._hang_up()
            told = f"what answers at {address} is not the fleet's broker: {error.verify_message}"
            raise SessionFailed(told) from None
        except (OSError, ValueError) as error:  # ValueError: a name that no resolver takes
            self._hang_up()
            why = getattr(error, "strerror", None) or str(error)
            raise SessionFailed(f"the broker {address} cannot be reached: {why.lower()}") from None

    @property
    def is_open(self) -> bool:
        """Whether things can be said and heard in it."""
        return self._is_open and not self._is_over

    @property
    def is_over(self) -> bool:
        """Whether it has ended; it never opens again."""
        return self._is_over

    @property
    def problem(self) -> str | None:
        """Why the broker does not let the device in, where that is so."""
        return self._problem

    def turn(self, timeout_s: float) -> None:
        """Sends and receives; returns after the timeout, or earlier with something heard."""
        end = time.monotonic() + timeout_s
        while not self._is_over:
            left_s = max(0.0, end - time.monotonic())
            self._exchange(0.0 if self._has_news else left_s)
            if self._has_news or left_s == 0:
                return

    def heard(self) -> Heard | None:
        """Returns the next message that came; None while there is none."""
        return self._heard.popleft() if self._heard else None

    def say(self, topic: str, message: Message, *, qos: int = 1) -> bool:
        """Hands a message to the broker; False if the session is over."""
        if self._is_over:
            return False
        info = self._client.publish(topic, encode(message), qos=qos)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def end(self, *, says_goodbye: bool) -> None:
        """Ends it with a word of its own to the server, or without one: then its will speaks."""
        if says_goodbye and self.is_open:
            stopped = Death(device=self._device, session=self.number, reason="stopped")
            info = self._client.publish(up(self._device, "death"), encode(stopped), qos=1)
            end = time.monotonic() + _GOODBYE_TIMEOUT_S
            while not (self._is_over or info.is_published()) and time.monotonic() < end:
                self._exchange(0.1)
            if not self._is_over:
                self._client.disconnect()
        self._is_over = True
        self._hang_up()

    @property
    def _has_news(self) -> bool:
        return self._is_open and bool(self._heard)

    def _exchange(self, timeout_s: float) -> None:
        try:
            code = self._client.loop(timeout_s)
        except Exception as error:  # paho trusts the other side's bytes; whoever it is, we do not
            self._refuse(f"what answers is no broker: {type(error).__name__}")
        else:
            # A session that was refused has said more about it than the code does.
            ends = code != MQTTErrorCode.MQTT_ERR_SUCCESS
            if ends and self._is_tls and not self._is_answered and self._problem is None:
                # Since TLS 1.3 the broker says so only after the client takes itself for
                # connected, and what it says is often lost with the connection.
                self._problem = _NOT_LET_IN
            self._is_over = self._is_over or ends

    def _hang_up(self) -> None:
        client = self._client
        if (connection := client.socket()) is not None:
            connection.close()
        client.on_connect = client.on_subscribe = client.on_message = None

    def _connected(self, reason: Any) -> None:
        self._is_answered = True
        if reason.is_failure:
            self._refuse(f"the broker refuses this device: {reason}")
            return
        wanted = (down(self._device, "committed"), down(self._device, "desired"), SERVER_ONLINE)
        self._client.subscribe([(topic, 1) for topic in wanted])

    def _subscribed(self, reasons: list[Any]) -> None:
        if any(reason.is_failure for reason in reasons):
            self._refuse("the broker does not let this device hear the server")
            return
        self._is_open = True

    def _refuse(self, problem: str) -> None:
        self._problem, self._is_over = problem, True

    def _take(self, message: Any) -> None:
        if len(self._heard) < _MAX_HEARD:
            self._heard.append(Heard(message.topic, bytes(message.payload)))
        else:
            self._is_over = True  # what is retained comes again in the next session
