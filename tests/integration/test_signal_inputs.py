"""Inputs over real connections: a broker's topic, a relay's input; each goes away and returns."""

import queue
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from mqtt_brokers import RealBroker, mosquitto
from paho.mqtt import publish
from waiting import PATIENCE_S, until

from beltmark.contract.errors import InputError
from edge_agent.signals.input_thread import InputThread
from edge_agent.signals.opening import open_input
from edge_agent.signals.ports import Edge

__all__ = ["mosquitto"]


@contextmanager
def listening(address: str) -> Iterator[tuple[InputThread, "queue.Queue[Edge]"]]:
    edges: queue.Queue[Edge] = queue.Queue()
    eye = open_input(address, "eye", "trigger.eye")
    eye.start(edges.put)
    try:
        yield eye, edges
    finally:
        eye.stop()


def say(broker: RealBroker, text: str, *, retain: bool = False) -> None:
    publish.single("eye/1", text, 1, retain, hostname="127.0.0.1", port=broker.port)


def test_a_topic_is_an_input_whatever_else_is_said_there(mosquitto: RealBroker) -> None:
    say(mosquitto, "1", retain=True)
    with listening(f"{mosquitto.address}/eye/1") as (eye, edges):
        until(lambda: eye.health.problem is None, "it listens")
        for text in ("nonsense", "1", "\xff", "0"):
            say(mosquitto, text)
        assert [edges.get(timeout=PATIENCE_S).is_rising for _ in range(2)] == [True, False]
        mosquitto.stop()
        until(lambda: eye.health.problem is not None, "it says that the broker is away")
        mosquitto.start()
        until(lambda: eye.health.problem is None, "it listens again")
        say(mosquitto, "1")
        assert edges.get(timeout=PATIENCE_S).is_rising
    assert edges.empty(), "what was retained is no edge"


def test_an_input_of_a_relay_hears_its_own_name_only() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as relay:
        port = relay.getsockname()[1]
        with listening(f"tcp://127.0.0.1:{port}/eye") as (eye, edges):
            connection, _ = relay.accept()
            connection.sendall(b"INPUT other 1\nINP")
            connection.sendall(b"UT eye 1\nINPUT eye 2\nINPUT eye 0\n")
            assert [edges.get(timeout=PATIENCE_S).is_rising for _ in range(2)] == [True, False]
            connection.close()
            until(lambda: eye.health.problem == "the relay hung up", "it says so")
            connection, _ = relay.accept()
            until(lambda: eye.health.problem is None, "it listens again")
            connection.sendall(b"x" * 5_000)
            until(lambda: eye.health.problem is not None, "a line without end ends it")
            connection.close()
    assert edges.empty()


def test_a_relay_without_an_inputs_name_is_no_input() -> None:
    with pytest.raises(InputError, match="NAME"):
        open_input("tcp://127.0.0.1:7000", "eye", "trigger.eye")
