"""One MQTT session for signals: connects once, says and hears words, and ends.

A session is never mended, and what it did not say is never said by the next: a run permit that
comes late would be a lie. When to begin one is left to its owner, whose thread `turn`s it.
"""

import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from beltmark.contract.broker import BrokerAddress

_KEEP_ALIVE_S: Final = 2
_TIMEOUT_S: Final = 1.0
_MAX_HEARD: Final = 256
_MAX_WORD_BYTES: Final = 256


@dataclass(frozen=True)
class Word:
    """A short text at a topic; `is_retained` where it was said before anybody listened."""

    topic: str
    text: str
    is_retained: bool = False


class BrokerSession:
    """A session that is open, or over. For use from one thread.

    Args:
        address: The broker.
        topics: What to hear.
        will: What the broker says when this session ends without a goodbye.

    Raises:
        OSError: The broker cannot be reached, or refuses.
    """

    def __init__(
        self, address: BrokerAddress, topics: Sequence[str] = (), will: Word | None = None
    ) -> None:
        self._heard: deque[Word] = deque()
        self._problem: str | None = None
        self._is_open = False
        self._topics = tuple(topics)
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"beltmark-signals-{uuid4().hex[:8]}",
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _TIMEOUT_S
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        if will is not None:
            client.will_set(will.topic, will.text, qos=1)
        client.on_connect = lambda _, __, ___, reason, ____: self._connected(reason)
        client.on_subscribe = lambda _, __, ___, reasons, ____: self._subscribed(reasons)
        client.on_message = lambda _, __, message: self._take(message)
        try:
            self._open(address)
        except BaseException:
            self.close()
            raise

    def turn(self, timeout_s: float) -> list[Word]:
        """Sends and receives; returns what was heard, or nothing after the timeout.

        Raises:
            OSError: The session is over.
        """
        end = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, end - time.monotonic())
            self._exchange(0.0 if self._heard else left_s)
            if self._heard or left_s == 0:
                words = list(self._heard)
                self._heard.clear()
                return words

    def say(self, word: Word) -> MQTTMessageInfo:
        """Hands a word to the broker, at least once, and never retained.

        Raises:
            OSError: The session is over.
        """
        info = self._client.publish(word.topic, word.text, qos=1, retain=False)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionResetError(None, "the broker hung up")
        return info

    def close(self, *, says_goodbye: bool = False) -> None:
        """Ends it; without a goodbye, its will is said."""
        client = self._client
        if says_goodbye and self._is_open:
            client.disconnect()
        if (connection := client.socket()) is not None:
            connection.close()
        client.on_connect = client.on_subscribe = client.on_message = None

    def _open(self, address: BrokerAddress) -> None:
        try:
            self._client.connect(address.host, address.port, _KEEP_ALIVE_S)
        except ValueError as error:  # a name that no resolver takes
            raise OSError(None, str(error)) from None
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            # What is not acknowledged for so long must not arrive later.
            connection.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1_000 * _TIMEOUT_S)
            )
        end = time.monotonic() + _TIMEOUT_S
        while not self._is_open:
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(None, "the broker does not answer")
            self._exchange(left_s)

    def _exchange(self, timeout_s: float) -> None:
        try:
            code = self._client.loop(timeout_s)
        except Exception as error:  # paho trusts the other side's bytes; whoever it is, we do not
            raise OSError(None, f"what answers is no broker: {type(error).__name__}") from None
        if self._problem is not None:
            raise OSError(None, self._problem)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionResetError(None, "the broker hung up")

    def _connected(self, reason: Any) -> None:
        if reason.is_failure:
            self._problem = f"the broker refuses this station: {reason}"
        elif self._topics:
            self._client.subscribe([(topic, 1) for topic in self._topics])
        else:
            self._is_open = True

    def _subscribed(self, reasons: list[Any]) -> None:
        if any(reason.is_failure for reason in reasons):
            self._problem = "the broker does not let this station hear the topic"
        self._is_open = True

    def _take(self, message: Any) -> None:
        payload = bytes(message.payload)
        if len(payload) > _MAX_WORD_BYTES or len(self._heard) >= _MAX_HEARD:
            self._problem = "the broker says more than can be taken"
            return
        text = payload.decode("ascii", errors="replace").strip()
        self._heard.append(Word(message.topic, text, bool(message.retain)))
