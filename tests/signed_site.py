"""A fleet's signed releases for tests, made with python-tuf's own Metadata API, and their server.

The server can be told to behave badly, path by path; it keeps what it was asked.
"""

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from release_bundles import bundle_of
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from beltmark.contract.bundle import Bundle, Requirements, blob_target, bundle_target

TOKEN = "device-token-for-tests"
ROLES = ("root", "targets", "snapshot", "timestamp")


class SignedSite:
    """A repository in a folder: `metadata/` and `targets/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signers = {role: CryptoSigner.generate_ed25519() for role in ROLES}
        self.expires = datetime.now(UTC) + timedelta(days=30)
        self.targets: dict[str, TargetFile] = {}
        root = Root(version=1, expires=self.expires, consistent_snapshot=True)
        for role, signer in self.signers.items():
            root.add_key(signer.public_key, role)
        self.root = self._signed(root, "root")
        (folder / "metadata").mkdir(parents=True)
        self.put("metadata/1.root.json", self.root)
        self.version = 0
        self.publish()

    def add(self, release: Path, requires: Requirements | None = None, **changes: object) -> Bundle:
        """Signs a release; `changes` are to its bundle's fields."""
        bundle = bundle_of(release, requires, **changes)
        for name, file in bundle.files.items():
            self.sign_target(blob_target(file.sha256), (release / name).read_bytes())
        content = bundle.model_dump_json(indent=2).encode()
        self.sign_target(bundle_target(bundle.release), content)
        self.publish()
        return bundle

    def sign_target(self, path: str, content: bytes) -> None:
        """Lays a target down and lists it; it counts once published."""
        self.targets[path] = TargetFile.from_data(path, content, ["sha256"])
        self.put(f"targets/{path}", content)

    def publish(self, expires: datetime | None = None) -> None:
        """Signs targets, snapshot and timestamp anew."""
        self.version += 1
        expires, version = expires or self.expires, self.version
        targets = Targets(version=version, expires=expires, targets=dict(self.targets))
        snapshot = Snapshot(version=version, expires=expires)
        snapshot.meta["targets.json"] = MetaFile(version=version)
        timestamp = Timestamp(version=version, expires=expires)
        timestamp.snapshot_meta = MetaFile(version=version)
        self.put(f"metadata/{version}.targets.json", self._signed(targets, "targets"))
        self.put(f"metadata/{version}.snapshot.json", self._signed(snapshot, "snapshot"))
        self.put("metadata/timestamp.json", self._signed(timestamp, "timestamp"))

    def put(self, path: str, content: bytes) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(content)

    def _signed(self, signed: Any, role: str) -> bytes:
        metadata = Metadata(signed)
        metadata.sign(self.signers[role])
        return metadata.to_bytes()


Fault = Callable[["Request"], None]


@dataclass
class Request:
    """One request, as a fault may answer it."""

    handler: BaseHTTPRequestHandler
    path: str
    content: bytes
    begin: int

    def head(self, status: int, **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()

    def send(self, content: bytes) -> None:
        self.handler.wfile.write(content)
        self.handler.wfile.flush()

    def cut(self) -> None:
        self.handler.connection.shutdown(socket.SHUT_RDWR)

    def answer(self) -> None:
        """As a good server does."""
        rest = self.content[self.begin :]
        last, whole = len(self.content) - 1, len(self.content)
        if self.begin:
            self.head(
                206,
                Content_Length=str(len(rest)),
                Content_Range=f"bytes {self.begin}-{last}/{whole}",
            )
        else:
            self.head(200, Content_Length=str(whole))
        self.send(rest)


@dataclass
class SiteServer:
    """Serves a folder below /tuf, with the token, until it is left."""

    folder: Path
    token: str = TOKEN
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __enter__(self) -> "SiteServer":
        site, self.stopping = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.serve(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # who was asked went away, as it may

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def asked_for(self, ending: str) -> list[int]:
        """The bytes from which a path was asked for, in order."""
        return [begin for path, begin in self.asked if path.endswith(ending)]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        begins = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        begin = int(begins[1]) if begins else 0
        path = handler.path.removeprefix("/tuf/")
        self.asked.append((path, begin))
        file = self.folder / path
        content = file.read_bytes() if file.is_file() else b""
        request = Request(handler, path, content, begin)
        if handler.headers.get("Authorization") != f"Bearer {self.token}":
            request.head(401, Content_Length="0")
            return
        for ending, fault in self.faults.items():
            if path.endswith(ending):
                fault(request)
                return
        if not file.is_file():
            request.head(404, Content_Length="0")
        else:
            request.answer()
