"""The broker for one machine: iotcore's, as a child process that is started again when it dies.

It knows no users and no rights, and forgets what was retained when it ends: for a demo, a bench or
a site on one machine, and on loopback unless told otherwise. For a site with a network use
Mosquitto with an access list.
"""

import errno
import logging
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from iotcore import Broker

from beltmark.contract.errors import InputError

logger = logging.getLogger(__name__)

DEFAULT_PORT: Final = 1883
# Its own limit, 20 KiB, cuts the connection of whoever sends more, again and again. Messages have
# up to a quarter of this; what is larger than that is to be counted as malformed, not to cut.
_MAX_PAYLOAD_BYTES: Final = 1024 * 1024
# It keeps what went through, up to this much for each subscription: its own limit is a gigabyte.
_MAX_SEGMENT_BYTES: Final = 8 * 1024 * 1024
_MAX_SEGMENTS: Final = 4
_WATCH_PERIOD_S: Final = 0.5
_MAX_PAUSE_S: Final = 10.0
_PORT_PATIENCE_S: Final = 1.0
_PORT_PERIOD_S: Final = 0.05

_CONFIGURATION: Final = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = {segment_bytes}
max_segment_count = {segments}

[v4.1]
name = "beltmark"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = {payload_bytes}
max_inflight_count = 100
dynamic_filters = true
"""


class EmbeddedBroker:
    """A broker that lives as long as this process, and no longer: its pipe to it ends with it.

    Args:
        port: Where it listens; 0 for any free port.
        host: The address on which it listens.
    """

    def __init__(self, port: int = DEFAULT_PORT, host: str = "127.0.0.1") -> None:
        self._port, self._host = port, host
        self._broker: Broker | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Where it listens; known once it is started."""
        return self._port

    @property
    def address(self) -> str:
        """Where this machine reaches it."""
        host = "127.0.0.1" if self._host == "0.0.0.0" else self._host
        return f"mqtt://{host}:{self._port}"

    @property
    def is_running(self) -> bool:
        """Whether it runs at the moment."""
        return self._broker is not None and self._broker.is_running

    def start(self) -> None:
        """Starts it; returns when it takes connections.

        Raises:
            InputError: The port is in use, or the host is none of this machine.
        """
        self._host, self._port = _check_address(self._host, self._port)
        self._folder = tempfile.TemporaryDirectory(prefix="beltmark-broker-")
        configuration = Path(self._folder.name, "rumqttd.toml")
        configuration.write_text(
            _CONFIGURATION.format(
                host=self._host,
                port=self._port,
                payload_bytes=_MAX_PAYLOAD_BYTES,
                segment_bytes=_MAX_SEGMENT_BYTES,
                segments=_MAX_SEGMENTS,
            )
        )
        self._broker = Broker(config_path=str(configuration))
        try:
            _start(self._broker)
        except (OSError, RuntimeError) as error:
            self.stop()
            raise InputError(
                f"the embedded broker does not start on port {self._port}: {error}",
                "give another port, or use a broker of your own with --broker",
            ) from None
        self._stopping.clear()
        self._watch = threading.Thread(target=self._keep_alive, name="broker watch", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """Ends it; what was retained is forgotten."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None
        if self._broker is not None:
            self._broker.stop()
            self._broker = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _keep_alive(self) -> None:
        """Starts it again when it has died."""
        pause_s = _WATCH_PERIOD_S
        while not self._stopping.wait(pause_s):
            broker = self._broker
            if broker is None or broker.is_running:
                pause_s = _WATCH_PERIOD_S
                continue
            logger.error("the embedded broker has ended; it is started again")
            try:
                _start(broker)
            except (OSError, RuntimeError) as error:
                logger.error("the embedded broker does not start: %s", error)
                pause_s = min(2 * pause_s, _MAX_PAUSE_S)
            except Exception:
                # The last resort of a thread that must not die: say it and go on.
                logger.exception("the embedded broker does not start")
                pause_s = _MAX_PAUSE_S


def _start(broker: Broker) -> None:
    """Starts it so that Ctrl-C, which reaches every process of a terminal, leaves it to us to end.

    Raises:
        OSError: Its port is in use.
        RuntimeError: It does not come up.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        broker.start()  # the process inherits what its maker does not hear
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _check_address(host: str, port: int) -> tuple[str, int]:
    """Returns the address and the port, a free one for 0, after trying to listen there.

    The broker of a server that was killed ends a moment after it: that is waited for.
    """
    gives_up_at = time.monotonic() + _PORT_PATIENCE_S
    while True:
        try:
            found = socket.getaddrinfo(host or "0.0.0.0", None, socket.AF_INET, socket.SOCK_STREAM)
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind((found[0][4][0], port))  # getaddrinfo would take port 70000 for 4464
                address, free_port = tried.getsockname()
        except (OSError, OverflowError) as error:
            is_in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            if not is_in_use or time.monotonic() > gives_up_at:
                raise InputError(
                    f"the embedded broker cannot listen on port {port} of {host}: {error}",
                    "end what uses the port, or give another one (--broker-port)",
                ) from None
            time.sleep(_PORT_PERIOD_S)
        else:
            return address, free_port
