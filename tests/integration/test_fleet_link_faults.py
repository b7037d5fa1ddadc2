"""The link over a real broker, with stores that fail in ways that a real one seldom does."""

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fleet_messages import DEVICE, batch, birth, heartbeat
from mqtt_brokers import RealBroker
from raw_device import RawDevice, wait_for

from beltmark.contract.messages import Committed, Desired, RecordBatch
from fleet_server.ingest.link import FleetLink
from fleet_server.storage.engine import StorageUnavailable, Unstorable
from fleet_server.storage.fleet import StoredDesired
from fleet_server.storage.telemetry import Malformed, Received, Said


class Memory:
    """Keeps what is said in memory, after a look at it."""

    def __init__(self, look: Callable[[Said], None] = lambda _: None) -> None:
        self.taken: list[Said] = []
        self._look = look

    def take(self, received: Sequence[Received]) -> list[Committed]:
        for one in received:
            self._look(one.said)
        self.taken += [one.said for one in received]
        return [
            Committed(
                device=one.said.device,
                stream=one.said.stream,
                sequence=one.said.records[-1].sequence,
            )
            for one in received
            if isinstance(one.said, RecordBatch)
        ]

    def committed(self) -> list[Committed]:
        return []


class NoWishes:
    """Nobody wishes for anything."""

    def all_desired(self) -> list[StoredDesired]:
        return []

    def unpublished(self) -> list[StoredDesired]:
        return []

    def mark_published(self, device: str, version: int) -> None:
        raise AssertionError(f"nothing was published for {device}")


class OneWish(NoWishes):
    """One desired state, and a database that at first does not take that it is published."""

    def __init__(self) -> None:
        self.asked = self.noted = 0
        self._wish = StoredDesired("belt-1", 1, "release-1", None, 0.0, "admin", 0)

    def unpublished(self) -> list[StoredDesired]:
        return [] if self.noted else [self._wish]

    def mark_published(self, device: str, version: int) -> None:
        self.asked += 1
        if self.asked < 3:
            raise StorageUnavailable("the disk is full")
        self.noted = version


@contextmanager
def linked(address: str, telemetry: Memory, wishes: NoWishes | None = None) -> Iterator[FleetLink]:
    link = FleetLink(address, telemetry, wishes or NoWishes())
    link.start()
    try:
        wait_for(lambda: link.health.broker.problem is None, "the link is connected")
        yield link
    finally:
        link.stop()


def test_a_message_that_can_never_be_stored_stops_no_other(broker: RealBroker):
    gate = threading.Event()

    def look(said: Said) -> None:
        gate.wait(30)  # so that several come together
        if isinstance(said, RecordBatch) and said.records[0].sequence == 2:
            raise Unstorable("value out of range")

    memory = Memory(look)
    with linked(broker.address, memory) as link, RawDevice(broker.port, DEVICE) as device:
        for sequence in (1, 2, 3):
            device.say("records", batch([sequence]))
        gate.set()
        device.wait_until_committed(3)
        assert [told.sequence for told in device.committed] == [1, 3]
        assert Malformed(DEVICE, "cannot be stored: value out of range") in memory.taken
        assert link.health.problems == []


def test_a_store_with_a_mistake_in_it_does_not_end_the_link(broker: RealBroker):
    def look(said: Said) -> None:
        if not isinstance(said, RecordBatch):
            raise ZeroDivisionError

    memory = Memory(look)
    with linked(broker.address, memory), RawDevice(broker.port, DEVICE) as device:
        device.say("birth", birth())
        device.say("records", batch([1]))
        device.wait_until_committed(1)
    assert memory.taken == [batch([1])]


def test_what_there_is_no_room_for_is_asked_for_again(mosquitto: RealBroker):
    """Mosquitto alone: rumqttd holds back what is not acknowledged, of whatever quality."""
    gate = threading.Event()

    def look(said: Said) -> None:
        if not gate.is_set():
            raise StorageUnavailable("the disk is full")

    memory = Memory(look)
    with linked(mosquitto.address, memory) as link, RawDevice(mosquitto.port, DEVICE) as device:
        wait_for(lambda: device.servers, "the server is online")
        for _ in range(1_200):
            device.mutter("heartbeat", heartbeat())
        wait_for(lambda: link.health.waiting == 1_000, "the queue is full")
        gate.set()
        wait_for(lambda: len(device.servers) > 1, "the server asks again")
        device.say("records", batch([1]))
        device.wait_until_committed(1)
        wait_for(lambda: link.health.problems == [], "all is well")
    assert 1_000 <= len(memory.taken) < 1_200


def test_the_database_is_told_to_be_away_until_it_takes_something(broker: RealBroker):
    gate = threading.Event()

    def look(said: Said) -> None:
        if not gate.is_set():
            raise StorageUnavailable("the disk is full")

    memory = Memory(look)
    with linked(broker.address, memory) as link, RawDevice(broker.port, DEVICE) as device:
        device.say("records", batch([1]))
        wait_for(lambda: link.health.problems == ["the disk is full"], "it is told")
        gate.set()
        device.wait_until_committed(1)
        wait_for(lambda: link.health.problems == [], "it is over")


def test_a_link_ends_though_the_database_is_away(mosquitto: RealBroker):
    def look(said: Said) -> None:
        raise StorageUnavailable("the disk is full")

    memory = Memory(look)
    with linked(mosquitto.address, memory) as link, RawDevice(mosquitto.port, DEVICE) as device:
        device.say("records", batch([1]))
        wait_for(lambda: link.health.problems, "it is told")
    assert memory.taken == []


def test_that_a_wish_is_published_is_noted_in_the_end_and_said_once(broker: RealBroker):
    wishes = OneWish()
    with linked(broker.address, Memory(), wishes), RawDevice(broker.port, DEVICE) as device:
        wait_for(lambda: wishes.noted == 1, "it is noted")
        device.say("records", batch([1]))
        device.wait_until_committed(1)
        assert [type(one) for one in device.desired] == [Desired]


def test_what_cannot_prove_itself_at_first_comes_later() -> None:
    asked: list[bool] = []

    def full() -> ssl.SSLContext:
        asked.append(True)
        raise OSError("no space left on device")

    link = FleetLink("mqtts://127.0.0.1:9", Memory(), NoWishes(), tls=full)
    link.start()
    try:
        wait_for(lambda: len(asked) > 1, "it tries again")
        assert any("no space left" in one for one in link.health.problems)
    finally:
        link.stop()
