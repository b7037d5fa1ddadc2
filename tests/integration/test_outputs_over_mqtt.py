"""Run permit and divert over a real broker to a PLC with a clock of its own; each of them dies."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from mqtt_brokers import Mosquitto, RealBroker, mosquitto
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from waiting import until

from beltmark.simulation.permit import RunPermit
from edge_agent.outputs.broker_line import BrokerLine
from edge_agent.signals.addresses import MqttAddress, parse_signal_address

__all__ = ["mosquitto"]


class Plc:
    """Hears the topic, lets the belt run for a second after each `PERMIT`, answers diverts."""

    def __init__(self, port: int) -> None:
        self.heard: list[str] = []
        self.permit = RunPermit()
        self._client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=True)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda *_: self._client.subscribe("line-1", 1)
        self._client.on_message = lambda _, __, message: self._take(message)
        self.is_listening = threading.Event()
        self._client.on_subscribe = lambda *_: self.is_listening.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self.is_listening.wait(20)

    @property
    def runs(self) -> bool:
        return self.permit.holds(time.time())

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, message: Any) -> None:
        text = message.payload.decode()
        assert not message.retain
        self.heard.append(text)
        if text == "PERMIT":
            self.permit.renew(time.time())
        elif text == "HOLD":
            self.permit.revoke(time.time())
        elif text.startswith("DIVERT "):
            self._client.publish("line-1/answer", f"DIVERTED {text.split()[1]}", 1)


@pytest.fixture
def plc(mosquitto: RealBroker) -> Iterator[Plc]:
    plc = Plc(mosquitto.port)
    yield plc
    plc.stop()


def address_at(broker: RealBroker) -> MqttAddress:
    parsed = parse_signal_address(f"{broker.address}/line-1", "outputs.run_permit")
    assert isinstance(parsed, MqttAddress)
    return parsed


def test_permit_and_divert_and_what_comes_back(mosquitto: RealBroker, plc: Plc) -> None:
    objects = threading.Event()
    line = BrokerLine(address_at(mosquitto), lambda: not objects.is_set())
    answers: list[str] = []
    line.hear(answers.append)
    line.start()
    until(lambda: plc.runs, "the belt runs")
    assert line.hold_reason is None
    line.say("DIVERT item-1 1.0 2.0 3.0")
    until(lambda: answers == ["DIVERTED item-1"], "the PLC answers")
    objects.set()
    until(lambda: not plc.runs, "an objection stops it")
    assert plc.heard[-1] == "HOLD"
    assert line.held_since is not None
    objects.clear()
    until(lambda: plc.runs, "the belt runs again")
    line.stop()
    until(lambda: plc.heard[-1] == "HOLD", "the end stops it")


def test_a_broker_that_dies_lets_the_permit_fall_and_no_old_permit_comes_back(
    mosquitto: RealBroker, plc: Plc
) -> None:
    may_run = threading.Event()
    may_run.set()
    line = BrokerLine(address_at(mosquitto), may_run.is_set)
    line.start()
    until(lambda: plc.runs, "the belt runs")
    plc.is_listening.clear()
    mosquitto.stop()
    until(lambda: line.hold_reason is not None, "the station knows")
    until(lambda: not plc.runs, "the belt stands by the PLC's own clock")
    may_run.clear()
    line.say("DIVERT item-7 1.0 2.0 3.0")
    heard_before = len(plc.heard)
    mosquitto.start()
    until(lambda: line.hold_reason is None, "the station is back")
    assert plc.is_listening.wait(20)
    line.say("DIVERT item-8 1.0 2.0 3.0")
    until(lambda: any("item-8" in text for text in plc.heard), "the divert arrives")
    assert "PERMIT" not in plc.heard[heard_before:]
    line.stop()


def _agent(address: MqttAddress) -> None:
    BrokerLine(address, lambda: True).start()
    threading.Event().wait()


def test_an_agent_that_is_killed_is_said_to_hold_by_the_broker(
    mosquitto: RealBroker, plc: Plc
) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_agent, args=(address_at(mosquitto),)
    )
    process.start()
    try:
        until(lambda: plc.runs, "the belt runs")
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: not plc.runs, "the belt stands")
        until(lambda: plc.heard[-1] == "HOLD", "the will is said")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.join()


def test_a_broker_that_hangs_is_noticed(mosquitto: RealBroker, plc: Plc) -> None:
    line = BrokerLine(address_at(mosquitto), lambda: True)
    line.start()
    until(lambda: plc.runs, "the belt runs")
    assert isinstance(mosquitto, Mosquitto)
    os.kill(mosquitto.pid, signal.SIGSTOP)
    try:
        until(lambda: line.hold_reason is not None, "the station notices")
    finally:
        os.kill(mosquitto.pid, signal.SIGCONT)
    until(lambda: line.hold_reason is None, "it comes back")
    line.stop()
