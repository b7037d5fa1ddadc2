"""The line to the relay, against a real socket: beats, diverts, and a relay that goes away."""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from waiting import until

from edge_agent.outputs.line import RelayLine
from edge_agent.signals.addresses import TcpAddress

PATIENCE_S = 20.0


class Relay:
    """Listens, and keeps the lines that it hears; it can be unplugged and plugged in."""

    def __init__(self, port: int = 0) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        self._connections: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                connection, _ = self._server.accept()
                self._connections.append(connection)
                threading.Thread(target=self._listen, args=(connection,), daemon=True).start()
        except OSError:
            return

    def _listen(self, connection: socket.socket) -> None:
        try:
            for line in connection.makefile():
                self.lines.put(line.rstrip("\n"))
        except OSError:
            return

    def answer(self, text: str) -> None:
        for connection in self._connections:
            connection.sendall(text.encode())

    def unplug(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._connections:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def hears(self, wanted: str) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.lines.get(timeout=PATIENCE_S).startswith(wanted):
                return True
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def relay_line(port: int, may_run: Callable[[], bool] | None) -> RelayLine:
    return RelayLine(TcpAddress("127.0.0.1", port), may_run)


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    yield relay
    with contextlib.suppress(OSError):  # a test may have done it
        relay.unplug()


def test_it_beats_only_while_the_belt_may_run(relay: Relay) -> None:
    may_run = threading.Event()
    line = relay_line(relay.port, may_run.is_set)
    line.start()
    wait_until(lambda: line.health.problem is None)
    line.say("DIVERT item-1 10.0 20.5 1000.250")
    assert relay.lines.get(timeout=PATIENCE_S) == "DIVERT item-1 10.0 20.5 1000.250"
    may_run.set()
    assert relay.lines.get(timeout=PATIENCE_S) == "PERMIT"
    line.stop()


def test_a_line_without_permit_never_beats(relay: Relay) -> None:
    line = relay_line(relay.port, None)
    line.start()
    line.say("DIVERT item-1 1.0 2.0 3.0")
    assert relay.hears("DIVERT")
    time.sleep(0.6)
    line.stop()
    assert relay.lines.empty()


def test_a_divert_outlives_a_relay_that_was_away(relay: Relay) -> None:
    line = relay_line(relay.port, lambda: True)
    line.start()
    assert relay.hears("PERMIT")
    relay.unplug()
    wait_until(lambda: line.health.problem is not None)
    line.say("DIVERT item-7 1.0 2.0 3.0")
    assert line.hold_reason is not None
    again = Relay(relay.port)
    assert again.hears("DIVERT item-7")
    wait_until(lambda: line.hold_reason is None)
    line.stop()
    again.unplug()


def test_diverts_that_nobody_takes_are_bounded_and_hold_the_belt_for_good() -> None:
    line = relay_line(9, lambda: True)
    for number in range(300):
        line.say(f"DIVERT item-{number} 1.0 2.0 3.0")
    assert "44 diverts were lost" in (line.hold_reason or "")


def test_what_is_left_is_delivered_before_the_end(relay: Relay) -> None:
    line = relay_line(relay.port, lambda: True)
    line.start()
    wait_until(lambda: line.health.problem is None)
    for number in range(20):
        line.say(f"DIVERT item-{number} 1.0 2.0 3.0")
    line.stop()
    assert relay.hears("DIVERT item-19")


def test_an_id_that_is_no_plain_word_is_never_sent() -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        relay_line(9, None).say("DIVERT a\nPERMIT 0.0 0.0 0.0")


def test_an_objection_takes_the_permit_back_at_once_and_its_end_gives_it_again() -> None:
    relay = Relay()
    objects = threading.Event()
    line = relay_line(relay.port, lambda: not objects.is_set())
    line.start()
    try:
        assert relay.hears("PERMIT")
        assert line.held_since is None
        objects.set()
        begun = time.monotonic()
        assert relay.hears("HOLD")
        until(lambda: line.held_since is not None, "it knows that the belt was told to stand")
        assert line.held_since is not None
        assert line.held_since >= begun
        objects.clear()
        assert relay.lines.get(timeout=PATIENCE_S) == "PERMIT", "no word between the two"
        until(lambda: line.held_since is None, "it knows that the belt may run")
    finally:
        line.stop()
    assert relay.hears("HOLD"), "the belt stands when the agent ends"


def test_what_the_relay_says_is_heard(relay: Relay) -> None:
    line = relay_line(relay.port, None)
    heard: queue.Queue[str] = queue.Queue()
    line.hear(heard.put)
    line.start()
    line.say("DIVERT item-1 1.0 2.0 3.0")
    assert relay.hears("DIVERT")
    relay.answer("DIVER")
    relay.answer("TED item-1\nAPPLIED item-2\n")
    told = [heard.get(timeout=PATIENCE_S) for _ in range(2)]
    line.stop()
    assert told == ["DIVERTED item-1", "APPLIED item-2"]
