"""A real Mosquitto as `beltmark-fleet broker-config` sets it up, and who connects to it."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from enrolling import Enrolment
from mqtt_brokers import free_port, mosquitto_path
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from raw_device import wait_for

from fleet_server.devices.broker_config import BrokerPlan, write_broker_config


class SecureBroker:
    """Mosquitto with the files of an authority.

    Args:
        fleet: Whose devices it lets in.
        folder: For its files.
    """

    def __init__(self, fleet: Enrolment, folder: Path) -> None:
        self.port, self.folder = free_port(), folder / "broker"
        self.pid_file = self.folder / "mosquitto.pid"
        self._fleet = fleet
        self.write()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"mqtts://127.0.0.1:{self.port}"

    def write(self) -> None:
        """Writes its files anew."""
        plan = BrokerPlan(
            ["127.0.0.1"], self.port, "127.0.0.1", self.folder, self.folder, self.pid_file
        )
        write_broker_config(self._fleet.authority, self.folder, plan, self._fleet.store.revoked)
        path = self.folder / "mosquitto.conf"
        path.write_text(f"user root\n{path.read_text()}")

    def start(self) -> None:
        self._process = subprocess.Popen(
            [mosquitto_path(), "-c", self.folder / "mosquitto.conf"], stderr=subprocess.DEVNULL
        )
        wait_for(self.pid_file.exists, "the broker has started")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Peer:
    """Someone who connects with a certificate, says anything, and notes what it hears.

    Args:
        broker: To what.
        context: With what.
        client_id: As whom, by its own word.
        will: A topic on which the broker speaks when it is lost.
        is_kept: Whether the broker keeps for it what comes while it is away.

    Attributes:
        heard: Topic and payload of each message.
        is_over: Whether the session has ended.
    """

    def __init__(
        self,
        broker: SecureBroker,
        context: ssl.SSLContext,
        client_id: str = "",
        will: str = "",
        *,
        is_kept: bool = False,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.is_in, self.is_over = False, False
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=not is_kept,
            reconnect_on_failure=False,
        )
        self.client.tls_set_context(context)
        if will:
            self.client.will_set(will, b"will", qos=1)
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda *_: setattr(self, "is_over", True)
        self.client.on_message = lambda _, __, one: self.heard.append((one.topic, one.payload))
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()

    def _connected(self, *answer: object) -> None:
        self.is_in = not answer[3].is_failure  # type: ignore[attr-defined]

    def subscribe(self, *topics: str) -> None:
        done: list[object] = []
        self.client.on_subscribe = lambda *_: done.append(True)
        self.client.subscribe([(topic, 1) for topic in topics])
        wait_for(lambda: done, "it is subscribed")

    def say(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> None:
        """Publishes; returns when the broker has answered, which it does for what it drops, too."""
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def cut(self) -> None:
        """Loses the connection without a word."""
        self.client.loop_stop()
        self.client.socket().close()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def connected(
    broker: SecureBroker, context: ssl.SSLContext, client_id: str = "", will: str = ""
) -> Iterator[Peer]:
    """Someone who was let in."""
    peer = Peer(broker, context, client_id, will)
    try:
        wait_for(lambda: peer.is_in or peer.is_over, "the broker answers")
        assert peer.is_in, "the broker does not let it in"
        yield peer
    finally:
        peer.close()


def is_refused(broker: SecureBroker, context: ssl.SSLContext, client_id: str = "") -> bool:
    """Whether someone is not let in."""
    try:
        peer = Peer(broker, context, client_id)
    except OSError:  # as ssl.SSLError is
        return True
    try:
        wait_for(lambda: peer.is_in or peer.is_over, "the broker answers")
        return not peer.is_in
    finally:
        peer.close()
