"""A simulated warehouse system: takes results over HTTP, keeps each once, and can misbehave.

It may serve a file of orders as well. What a station makes of its answers is the station's.
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from beltmark.contract.warehouse import ResultBatch
from beltmark.contract.wire import MalformedMessage, decode

_MAX_BODY_BYTES: Final = 1024 * 1024


@dataclass
class WarehouseFaults:
    """How it misbehaves; may be changed while it runs.

    Attributes:
        slow_s: Seconds before each answer.
        fails: Whether it answers 500 and takes nothing.
        cuts: Whether it keeps the results, and then hangs up without an answer.
        refused_skus: It answers 422 to a batch with one of these.
    """

    slow_s: float = 0.0
    fails: bool = False
    cuts: bool = False
    refused_skus: frozenset[str] = frozenset()


@dataclass
class WarehouseRecord:
    """The results that it has, each once, in the order in which they first came.

    Attributes:
        path: A file with a line of JSON for each; None keeps them in memory only.
        orders: A JSON file that it gives out under /orders; None for none.
        posts: How often each key came.
        results: The results by key.
    """

    path: Path | None = None
    orders: Path | None = None
    posts: dict[str, int] = field(default_factory=dict)
    results: dict[str, dict[str, object]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.exists():
            for line in self.path.read_text().splitlines():
                result = json.loads(line)
                self.results[result["key"]] = result

    def take(self, batch: ResultBatch) -> Sequence[str]:
        """Keeps what is new; returns the keys that it has now."""
        with self._lock:
            for result in batch.results:
                self.posts[result.key] = self.posts.get(result.key, 0) + 1
                if result.key in self.results:
                    continue
                kept = result.model_dump(mode="json", exclude_none=True)
                if self.path is not None:
                    with self.path.open("a") as file:
                        file.write(json.dumps(kept) + "\n")
                self.results[result.key] = kept
        return [result.key for result in batch.results]


class SimulatedWarehouse(ThreadingHTTPServer):
    """The server, on loopback.

    Args:
        record: What it has.
        faults: How it misbehaves.
        port: Its port; 0 for any free one.
    """

    daemon_threads = True

    def __init__(
        self, record: WarehouseRecord, faults: WarehouseFaults | None = None, port: int = 0
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.record, self.faults = record, faults or WarehouseFaults()

    @property
    def url(self) -> str:
        """Where results are posted."""
        return f"http://127.0.0.1:{self.server_port}/results"

    def handle_error(self, *_: object) -> None:
        """Who hangs up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: SimulatedWarehouse

    def do_GET(self) -> None:
        orders = self.server.record.orders
        if self.path.split("?")[0] != "/orders" or orders is None:
            self._answer(404, {"detail": "there is nothing here"})
            return
        self._answer(200, orders.read_bytes())

    def do_POST(self) -> None:
        server, faults = self.server, self.server.faults
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            self._answer(413, {"detail": "the body is too large, or its length is not said"})
            return
        body = self.rfile.read(int(length))
        time.sleep(faults.slow_s)
        if faults.fails:
            self._answer(500, {"detail": "as it was told to"})
            return
        try:
            batch = decode(body, ResultBatch, _MAX_BODY_BYTES)
        except MalformedMessage as error:
            self._answer(400, {"detail": str(error)})
            return
        refused = [r.item.sku for r in batch.results if r.item.sku in faults.refused_skus]
        if refused:
            self._answer(422, {"detail": f"SKU {refused[0]} is not known"})
            return
        keys = server.record.take(batch)
        if faults.cuts:
            self.connection.close()
            return
        self._answer(200, {"acknowledged": keys})

    def log_message(self, *_: object) -> None:
        """Keeps the terminal quiet."""

    def _answer(self, status: int, said: dict[str, object] | bytes) -> None:
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
