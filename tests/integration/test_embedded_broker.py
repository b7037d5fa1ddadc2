import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from fleet_messages import DEVICE
from mqtt_brokers import free_port
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from raw_device import RawDevice, wait_for

from beltmark.contract.errors import InputError
from beltmark.contract.messages import Committed
from beltmark.contract.topics import down
from beltmark.contract.wire import encode
from fleet_server.broker import EmbeddedBroker

REPOSITORY = Path(__file__).resolve().parents[2]

PARENT = """
import time
from fleet_server.broker import EmbeddedBroker
with EmbeddedBroker(0) as broker:
    print(broker.port, flush=True)
    time.sleep(120)
"""


def is_reachable(port: int, host: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def listening_children() -> dict[int, Any]:
    """By process id, where our brokers listen; a database of other tests may be our child, too."""
    found = {}
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may just be ending
            if any("iotcore" in word for word in child.cmdline()):
                for connection in child.net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        found[child.pid] = connection.laddr
    return found


def test_it_listens_on_loopback_alone_while_it_runs():
    with EmbeddedBroker(0) as broker:
        assert is_reachable(broker.port)
        assert broker.address == f"mqtt://127.0.0.1:{broker.port}"
        assert [(where.ip, where.port) for where in listening_children().values()] == [
            ("127.0.0.1", broker.port)
        ]
        assert broker.is_running
    assert not is_reachable(broker.port)
    assert not broker.is_running


def test_a_port_in_use_is_told():
    with EmbeddedBroker(0) as broker, pytest.raises(InputError) as refusal:
        EmbeddedBroker(broker.port).start()
    assert f"port {broker.port} of 127.0.0.1" in str(refusal.value)
    assert "--broker-port" in refusal.value.mend


@pytest.mark.parametrize(
    ("port", "host"), [(70_000, "127.0.0.1"), (0, "192.0.2.1"), (0, "no host")]
)
def test_an_address_that_is_not_ours_is_told(port, host):
    with pytest.raises(InputError, match="cannot listen"):
        EmbeddedBroker(port, host).start()


def test_it_ends_with_its_parent_even_if_that_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=REPOSITORY, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    with parent.stdout:
        port = int(parent.stdout.readline())
        assert is_reachable(port)
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
        parent.wait()
        wait_for(lambda: not child.is_running() or child.status() == "zombie", "it ends")
        wait_for(lambda: not is_reachable(port), "its port is free")


def test_it_is_started_again_when_it_dies():
    with EmbeddedBroker(0) as broker:
        ((pid, _),) = listening_children().items()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: pid not in listening_children(), "it ended")
        wait_for(lambda: is_reachable(broker.port), "it is back")
        assert broker.is_running


def test_it_passes_on_what_is_larger_than_any_message_may_be():
    with EmbeddedBroker(0) as broker, RawDevice(broker.port, DEVICE) as device:
        for sequence, padding in ((1, 200_000), (2, 1_000_000)):
            told = encode(Committed(device=DEVICE, stream="s", sequence=sequence))
            device.say_raw(down(DEVICE, "committed"), told + b" " * padding)
        wait_for(lambda: device.heard_bytes > 1_200_000, "both")


def test_its_memory_is_bounded():
    """It keeps what went through, but only so much of it."""
    with EmbeddedBroker(0) as broker, RawDevice(broker.port, DEVICE) as device:
        heard: list[int] = []
        server = Client(CallbackAPIVersion.VERSION2, client_id="server")
        server.on_message = lambda _, __, message: heard.append(len(message.payload))
        server.connect("127.0.0.1", broker.port)
        server.on_subscribe = lambda *_: heard.append(0)
        server.loop_start()
        server.subscribe("beltmark/+/up/+", qos=1)
        wait_for(lambda: heard, "it is subscribed")
        ((pid, _),) = listening_children().items()
        process, count = psutil.Process(pid), 400
        before = process.memory_info().rss
        for _ in range(count):
            device.say_raw("beltmark/belt-1/up/records", b" " * 500_000)
        wait_for(lambda: len(heard) > count, "all of it")
        server.disconnect()
        server.loop_stop()
        assert process.memory_info().rss - before < 120e6  # of the 200 MB that went through


def test_it_can_be_ended_before_it_was_started():
    EmbeddedBroker(free_port()).stop()
