"""Fetches what TUF asks for, within bounds: size, time for a file, pace, silence; never elsewhere.

A file that is broken off is kept by its digest and resumed. Whether the content is what was signed
is left to TUF, which sees only whole files.
"""

import contextlib
import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import urllib3
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    SlowRetrievalError,
)
from tuf.ngclient.fetcher import FetcherInterface
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse

from edge_agent.update.rate import RateWindow

_CHUNK_BYTES = 64 * 1024
_BLOB = re.compile(r".*/blobs/([0-9a-f]{64})")
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416


@dataclass(frozen=True)
class FetchLimits:
    """How long fetching may take.

    Attributes:
        connect_s: Until there is a connection.
        answer_s: From the request until the head of the answer is there.
        gap_s: Between two pieces of the body.
        file_s: For one file, all together.
        window_s: The pace is judged over this time.
        least_bytes_per_s: The slowest pace.
    """

    connect_s: float = 10.0
    answer_s: float = 20.0
    gap_s: float = 20.0
    file_s: float = 900.0
    window_s: float = 20.0
    least_bytes_per_s: float = 1_024.0


class BoundedFetcher(FetcherInterface):
    """Gets files from a server, and from mirrors. For use from one thread, but for `interrupt`.

    Args:
        token: Gives the device's token.
        partials: Folder for files that were broken off.
        limits: How long things may take.
        steady: Seconds on a clock that is never set.
        told_to: Only addresses below this one are told the token.

    Attributes:
        resumed: Whether the latest file was put together from a part kept from before.
    """

    def __init__(
        self,
        token: Callable[[], str],
        partials: Path,
        limits: FetchLimits | None = None,
        steady: Callable[[], float] = time.monotonic,
        told_to: str = "",
    ) -> None:
        self._token, self._partials, self._told_to = token, partials, told_to
        self._limits, self._steady = limits or FetchLimits(), steady
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut_because: str | None = None
        self.is_wanted: Callable[[], bool] = lambda: True
        self.resumed = False

    def interrupt(self) -> None:
        """Breaks off what is under way. For use from any thread."""
        self._cut("it is not wanted any more")

    def partial_path(self, sha256: str) -> Path:
        """Where a broken off file with this digest is kept."""
        return self._partials / f"{sha256}.part"

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """Gives the content at `url` as an open file, at its start; see `FetcherInterface`.

        A part of a blob that turns out not to be what was signed is not kept.

        Raises:
            DownloadError: Broken off, refused, too long or too slow.
            OSError: The part cannot be written.
        """
        blob = _BLOB.fullmatch(urlsplit(url).path)
        self.resumed = False
        if blob is None:
            with tempfile.SpooledTemporaryFile(_CHUNK_BYTES) as file:
                for chunk in self._pieces(url, 0, max_length):
                    file.write(chunk)
                file.seek(0)
                yield file
            return
        self._partials.mkdir(parents=True, exist_ok=True)
        path = self.partial_path(blob[1])
        with path.open("ab+") as file:
            self._complete(url, file, max_length)
            file.seek(0)
            try:
                yield file
            finally:
                # It was taken over, or found to be bad.
                path.unlink(missing_ok=True)

    def _fetch(self, url: str) -> Iterator[bytes]:
        """What the base class asks for; `download_file` does without it."""
        raise NotImplementedError(url)

    def _complete(self, url: str, file: IO[bytes], length: int) -> None:
        """Appends what is missing of a file."""
        have = file.seek(0, 2)
        if have > length:
            have = file.truncate(0)
        self.resumed = have > 0
        if have == length:
            return
        try:
            for chunk in self._pieces(url, have, length):
                if have and not self.resumed:  # the server begins at the start
                    file.truncate(0)
                    have = 0
                file.write(chunk)
        except DownloadHTTPError as error:
            if error.status_code in (_PARTIAL, _NOT_SATISFIABLE):
                file.truncate(0)  # what is kept is of no use to this server
            raise
        finally:
            file.flush()
        if (got := file.seek(0, 2)) < length:
            raise DownloadError(f"the connection ended after {got} of {length} bytes")

    def _pieces(self, url: str, have: int, max_length: int) -> Iterator[bytes]:
        """Yields the content from byte `have` on; sets `resumed` to whether it does begin there."""
        try:
            with self._asked(url, have) as response:
                if have and response.status != _PARTIAL:
                    self.resumed, have = False, 0
                count = have
                for chunk in self._body(response):
                    count += len(chunk)
                    if count > max_length:
                        raise DownloadLengthMismatchError(
                            f"more than the {max_length} bytes that it should have"
                        )
                    yield chunk
                expected = response.headers.get("Content-Length", "")
                if expected.isdecimal() and count - have < int(expected):
                    raise DownloadError(f"the connection ended after {count} bytes")
        except DownloadError:
            raise
        except urllib3.exceptions.NewConnectionError as error:
            # It counts as a timeout, but mostly somebody has said no; its cause says who.
            raise DownloadError(str(error.__cause__ or error)) from error
        except (TimeoutError, urllib3.exceptions.TimeoutError) as error:
            raise SlowRetrievalError("the server says nothing") from error
        except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            because = self._cut_because or " ".join(str(error).split()) or type(error).__name__
            raise DownloadError(because[:300]) from error

    @contextmanager
    def _asked(self, url: str, have: int) -> Iterator[BaseHTTPResponse]:
        """Asks for `url`, and gives the answer, if it is one that has the content."""
        limits = self._limits
        parts = urlsplit(url)
        headers = {
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": "beltmark-edge",
        }
        if url.startswith(f"{self._told_to}/"):
            headers["Authorization"] = f"Bearer {self._token()}"
        if have:
            headers["Range"] = f"bytes={have}-"
        connection = _connection(url, limits.connect_s)
        timer = threading.Timer(
            limits.answer_s + limits.connect_s, self._cut, ("the server does not answer",)
        )
        timer.daemon = True
        self._cut_because = None
        try:
            timer.start()
            connection.connect()
            with self._lock:
                # The connection itself lets go of it when the answer's head is there.
                self._socket = connection.sock
            self._still_wanted()
            connection.timeout = limits.gap_s
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(
                "GET", path or "/", headers=headers, preload_content=False, decode_content=False
            )
            response = connection.getresponse()
            timer.cancel()
            timer = threading.Timer(limits.file_s, self._cut, ("it takes too long",))
            timer.daemon = True
            timer.start()
            _check_status(response, have)
            yield response
        finally:
            timer.cancel()
            with self._lock:
                self._socket = None
            connection.close()

    def _body(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        limits, begun_at = self._limits, self._steady()
        window = RateWindow(limits.window_s, limits.least_bytes_per_s, begun_at)
        while chunk := response.read1(_CHUNK_BYTES, decode_content=False):
            now = self._steady()
            window.add(len(chunk), now)
            self._still_wanted()
            if window.is_too_slow(now):
                raise SlowRetrievalError(f"only {window.bytes_per_s:.0f} bytes come in a second")
            if now - begun_at > limits.file_s:
                raise SlowRetrievalError(f"it is not there after {limits.file_s:.0f} s")
            yield chunk
        if self._cut_because is not None:
            raise SlowRetrievalError(self._cut_because)

    def _still_wanted(self) -> None:
        if not self.is_wanted():
            raise DownloadError("it is not wanted any more")

    def _cut(self, because: str) -> None:
        """Ends the connection under the feet of whoever reads from it."""
        with self._lock:
            if self._socket is not None:
                self._cut_because = because
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


def _connection(url: str, connect_s: float) -> HTTPConnection:
    parts = urlsplit(url)
    if parts.hostname is None or parts.scheme not in ("http", "https"):
        raise DownloadError(f"{parts.scheme}://{parts.netloc} is no address of a server")
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(parts.hostname, parts.port, timeout=connect_s, ssl_context=context)
    return HTTPConnection(parts.hostname, parts.port, timeout=connect_s)


def _check_status(response: BaseHTTPResponse, have: int) -> None:
    """Raises DownloadHTTPError for an answer without the content that was asked for."""
    status = response.status
    if status == _PARTIAL and have:
        begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if begins is None or int(begins[1]) != have:
            raise DownloadHTTPError("the server sends another part than the one asked for", status)
        return
    if status == _OK:
        return
    if 300 <= status < 400:
        raise DownloadHTTPError(f"the server points elsewhere ({status})", status)
    raise DownloadHTTPError(f"the server answers {status}", status)
