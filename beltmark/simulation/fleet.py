"""Carries the messages of a simulated fleet: each device has a connection of its own to the broker.

One thread for all of them: a selector tells which socket has something to say.
"""

import random
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from beltmark.contract.broker import BrokerAddress
from beltmark.contract.messages import Committed, Death, Desired
from beltmark.contract.topics import SERVER_ONLINE, Up, down, up
from beltmark.contract.wire import MalformedMessage, Message, decode, encode
from beltmark.simulation.fleet_device import FleetDevice, FleetPlan

_KEEP_ALIVE_S: Final = 30
_LOOK_S: Final = 0.2
_AGAIN_S: Final = 2.0
"""So long after a connection that failed it is tried again, or up to twice as long."""


class _Line:
    """A device and its connection, if it has one."""

    def __init__(self, device: FleetDevice, fleet: "SimulatedFleet") -> None:
        self.device, self._fleet = device, fleet
        self._client: Client | None = None
        self._session = int(time.time())
        self._is_open = False
        self.try_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._is_open

    def connect(self, address: BrokerAddress) -> socket.socket | None:
        """Begins a session; its socket is to be watched."""
        self._session += 1
        name = self.device.name
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"beltmark-{name}",
            clean_session=True,
            reconnect_on_failure=False,
        )
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        lost = Death(device=name, session=self._session, reason="lost")
        client.will_set(up(name, "death"), encode(lost), qos=1)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = lambda _, __, message: self._hear(message.topic, bytes(message.payload))
        try:
            client.connect(address.host, address.port, _KEEP_ALIVE_S)
        except OSError:
            return None
        self._client = client
        found = client.socket()
        return found if isinstance(found, socket.socket) else None

    def _connected(self, client: Client, _d: object, _f: object, reason: Any, _p: object) -> None:
        if not reason.is_failure:
            name = self.device.name
            topics = (down(name, "committed"), down(name, "desired"), SERVER_ONLINE)
            client.subscribe([(topic, 1) for topic in topics])

    def _subscribed(self, *_: object) -> None:
        self._is_open = True
        self._begin()

    def _begin(self) -> None:
        for what, message in self.device.begin(self._session, time.time()):
            self.say(what, message)

    def _hear(self, topic: str, payload: bytes) -> None:
        name = self.device.name
        try:
            if topic == SERVER_ONLINE:
                if self._is_open:
                    self._begin()
            elif topic == down(name, "committed"):
                self.device.hear_committed(decode(payload, Committed))
            elif topic == down(name, "desired"):
                self.device.hear_desired(decode(payload, Desired), time.time())
        except MalformedMessage:
            self._fleet.malformed += 1

    def say(self, what: Up, message: Message) -> None:
        """Hands a message to the broker."""
        if self._client is not None:
            self._client.publish(up(self.device.name, what), encode(message), qos=1)

    def exchange(self, *, is_readable: bool) -> bool:
        """Sends and receives; returns whether the connection still stands."""
        client = self._client
        if client is None:
            return False
        if is_readable:
            client.loop_read()
        if client.want_write():
            client.loop_write()
        client.loop_misc()
        return client.socket() is not None

    def cut(self) -> None:
        """Ends the connection without a word, as a cable does: the will speaks."""
        if self._client is not None and (found := self._client.socket()) is not None:
            found.close()
        self._client, self._is_open = None, False


class SimulatedFleet:
    """A fleet.

    Args:
        address: The broker.
        plan: What it is like.
        names: Of its devices.

    Attributes:
        malformed: Messages of the server that were of no use.
    """

    def __init__(self, address: BrokerAddress, plan: FleetPlan, names: list[str]) -> None:
        self._address = address
        now = time.time()
        self._lines = [_Line(FleetDevice(name, plan, now), self) for name in names]
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[_Line, socket.socket] = {}
        self._chance = random.Random(plan.seed)
        self.malformed = 0

    @property
    def devices(self) -> list[FleetDevice]:
        """Its devices."""
        return [line.device for line in self._lines]

    def releases(self) -> Counter[str]:
        """How many devices run which release."""
        return Counter(device.running for device in self.devices)

    def online(self) -> int:
        """How many devices have a session."""
        return sum(line.is_open for line in self._lines)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Runs the fleet until it is to end."""
        try:
            while not is_over():
                self.turn()
        finally:
            for line in self._lines:
                self._drop(line)
            self._selector.close()

    def turn(self) -> None:
        """Lets each device do what is due, and carries what there is to carry."""
        now = time.time()
        for line in self._lines:
            line.device.advance(now)
            self._place(line, now)
            if line.is_open:
                for what, message in line.device.said(now):
                    line.say(what, message)
        readable = {key.data for key, _ in self._selector.select(_LOOK_S)}
        for line in list(self._sockets):
            if not line.exchange(is_readable=line in readable):
                self._drop(line)
                line.try_at = now + self._chance.uniform(_AGAIN_S, 2 * _AGAIN_S)

    def _place(self, line: _Line, now: float) -> None:
        """Connects and cuts off as the device's day has it."""
        is_connected = line in self._sockets
        if line.device.is_wanted_online and not is_connected and now >= line.try_at:
            found = line.connect(self._address)
            if found is None:
                line.try_at = now + self._chance.uniform(_AGAIN_S, 2 * _AGAIN_S)
            else:
                self._sockets[line] = found
                self._selector.register(found, selectors.EVENT_READ, line)
        elif is_connected and not line.device.is_wanted_online:
            self._drop(line)

    def _drop(self, line: _Line) -> None:
        found = self._sockets.pop(line, None)
        if found is not None:
            self._selector.unregister(found)
        line.cut()


def device_names(count: int) -> Iterator[str]:
    """Gives names of devices: `sim-0001` and so on."""
    width = len(str(count))
    return (f"sim-{number:0{width}}" for number in range(1, count + 1))
