"""Real brokers for tests: Mosquitto and the embedded one, each can be ended and started again."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from beltmark.demo.processes import free_port
from fleet_server.broker import EmbeddedBroker

_START_TIMEOUT_S = 20.0


class RealBroker(Protocol):
    """A broker on loopback."""

    port: int

    @property
    def address(self) -> str:
        """As the server is given it."""
        ...

    def start(self) -> None:
        """Starts it; returns when it takes connections."""
        ...

    def stop(self) -> None:
        """Ends it, and what it retained with it."""
        ...


class Mosquitto:
    """Mosquitto as it comes, without persistence.

    Args:
        folder: For its files.
        settings: Further lines of its configuration.
    """

    def __init__(self, folder: Path, settings: str = "allow_anonymous true") -> None:
        self.port = free_port()
        self._configuration = folder / f"mosquitto-{self.port}.conf"
        self._configuration.write_text(f"listener {self.port} 127.0.0.1\nuser root\n{settings}\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._process = subprocess.Popen(
            [mosquitto_path(), "-c", self._configuration], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError("Mosquitto does not start") from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Embedded:
    """The embedded broker, on the same port each time."""

    def __init__(self) -> None:
        self.port = free_port()
        self._broker: EmbeddedBroker | None = None

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._broker = EmbeddedBroker(self.port)
        self._broker.start()

    def stop(self) -> None:
        if self._broker is not None:
            self._broker.stop()
            self._broker = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[RealBroker]:
    """A running Mosquitto."""
    with ExitStack() as stack:
        yield _started(Mosquitto(tmp_path), stack)


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealBroker]:
    """A running broker of each kind."""
    with ExitStack() as stack:
        real = Mosquitto(tmp_path) if request.param == "mosquitto" else Embedded()
        yield _started(real, stack)


def _started(broker: RealBroker, stack: ExitStack) -> RealBroker:
    stack.callback(broker.stop)
    broker.start()
    return broker


def mosquitto_path() -> str:
    """Where Mosquitto is; the test skips where it is nowhere."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("Mosquitto is not on this machine")
    return found
