"""An input that is posted to: each `POST /photo-eye` tells of one item, with a count if any.

For controllers that speak HTTP only. A post is a broken beam and a whole one at once, so that items
which touch are told apart by the sender alone. Everything is bounded: size, time, senders.
"""

import hmac
import http.server
import json
import logging
import math
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from beltmark.contract.errors import InputError
from edge_agent.signals.ports import Edge, Listener, SignalHealth
from edge_agent.signals.reachability import Reachability

logger = logging.getLogger(__name__)

PATH = "/photo-eye"

_MAX_BODY_BYTES = 1_024
_MAX_SENDERS = 4
_TIMEOUT_S = 5.0
_LOOK_EVERY_S = 0.1
# A time that is told must be about now: the sender's clock may be another.
_LATEST_S = 2.0
_MAX_COUNT = 2**53
# A count that leaps by more was set anew.
_MOST_LOST = 100


class HttpInput:
    """An `InputPort` on a port of this computer.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        name: What its edges are called.
        token: What posts must bear as `Authorization: Bearer TOKEN`; None asks for nothing.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        token: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._target, self._name, self._token, self._clock = (host, port), name, token, clock
        self._reach = Reachability(
            f"input {name}", clock, before="not listening yet", well="listens"
        )
        self._listener: Listener = lambda _: None
        self._lock = threading.Lock()
        self._count: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"input-{name}", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._target
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def health(self) -> SignalHealth:
        """Whether it listens."""
        return self._reach.health

    def start(self, listener: Listener) -> None:
        """Begins to listen; see `InputPort.start`."""
        self._listener = listener
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ends it; safe where it was never started."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def accepts(self, authorization: str | None) -> bool:
        """Whether a post with this header may tell anything."""
        if self._token is None:
            return True
        given = (authorization or "").encode("utf-8", "replace")
        return hmac.compare_digest(given, f"Bearer {self._token}".encode())

    def take(self, body: bytes) -> str | None:
        """Takes one post in; returns what is wrong with it, or None."""
        try:
            told = json.loads(body) if body.strip() else {}
        except (ValueError, RecursionError):
            return "is no JSON"
        if not isinstance(told, dict) or not told.keys() <= {"count", "at"}:
            return "holds more than count and at"
        count, at = told.get("count"), told.get("at")
        if count is not None and (type(count) is not int or not 0 <= count <= _MAX_COUNT):
            return "count is no whole number"
        now = self._clock()
        if at is not None and (
            type(at) not in (int, float) or not math.isfinite(at) or abs(now - at) > _LATEST_S
        ):
            return f"at is not within {_LATEST_S:g} s of this computer's clock"
        with self._lock:  # in the order in which they are counted
            if count is not None and count == self._count:
                return None  # said again, because the answer was lost
            lost = 0 if count is None or self._count is None else count - self._count - 1
            self._count = count
            when = now if at is None else float(at)
            # A broken beam and a whole one for each.
            self._listener(Edge(self._name, when, True, 2 * lost if 0 < lost <= _MOST_LOST else 0))
            self._listener(Edge(self._name, when, False))
        return None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                server = _Server(self._target, self)
            except OSError as error:
                self._reach.failed(error)
                self._stopping.wait(_TIMEOUT_S)
                continue
            with server:
                self._target = (self._target[0], server.server_address[1])
                self._reach.reached()
                while not self._stopping.is_set():
                    server.handle_request()


def parse_http_input(address: str, field: str) -> tuple[str, int]:
    """Reads `http://host:port`, this computer's own.

    Raises:
        InputError: It is something else.
    """
    try:
        parts = urlsplit(address)
        is_plain = not (parts.query or parts.fragment or parts.username)
        if parts.hostname and parts.port is not None and is_plain and parts.path in ("", "/", PATH):
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise InputError(
        f"{address!r} is no address to listen on",
        "write http://127.0.0.1:PORT, or this computer's own address in the machines' network",
        field=field,
    )


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    timeout = _LOOK_EVERY_S

    def __init__(self, target: tuple[str, int], told: HttpInput) -> None:
        self.told = told
        self.senders = threading.BoundedSemaphore(_MAX_SENDERS)
        if ":" in target[0]:
            self.address_family = socket.AF_INET6
        super().__init__(target, _Handler)

    def process_request(self, request: object, client_address: object) -> None:
        """Serves one connection on a thread of its own; those beyond the bound are hung up on."""
        if not self.senders.acquire(blocking=False):
            self.shutdown_request(request)  # type: ignore[arg-type]
            return
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Lets the next sender in when it is done."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self.senders.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that goes away is no fault of ours."""
        logger.info("input: sender %s went away", client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S
    server_version, sys_version = "beltmark", ""

    def do_POST(self) -> None:
        """Takes one post."""
        told = self.server.told
        length = self.headers.get("Content-Length", "")
        if self.path != PATH:
            self._answer(404, f"post to {PATH}")
        elif not told.accepts(self.headers.get("Authorization")):
            self._answer(401, "bears no token, or another")
        elif not length.isascii() or not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            self._answer(413, f"tell its length, at most {_MAX_BODY_BYTES} bytes")
        elif (problem := told.take(self.rfile.read(int(length)))) is not None:
            self._answer(422, problem)
        else:
            self._answer(204, "")

    def log_message(self, *_: object) -> None:
        """Says nothing for each post."""

    def _answer(self, status: int, told: str) -> None:
        body = told.encode()
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
