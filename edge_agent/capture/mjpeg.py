"""Reads MJPEG over HTTP (`multipart/x-mixed-replace`), with the camera's own times.

FFmpeg reads such streams as fast, but drops the `X-Timestamp` of each part. Without it, a picture
that the camera's server sends again after it froze passes for a new one.
"""

import base64
import http.client
import math
import time
from urllib.parse import unquote, urlsplit

from edge_agent.capture.decoding import decode_picture
from edge_agent.capture.shot import Shot, SourceBroken

CONTENT_TYPE = "multipart/x-mixed-replace"
_MAX_PART_BYTES = 16 * 1024 * 1024
_MAX_LINE_BYTES = 4_096
_MAX_HEADERS = 32
_MAX_BAD_PARTS = 30


class NoMjpeg(Exception):  # noqa: N818 - it says what the address gives
    """The address gives something other than MJPEG in parts of a stated length."""


class MjpegReader:
    """One connection to a stream.

    Args:
        url: http:// or https://, with user and password where they are needed.
        timeout_s: How long the camera may stay silent.

    Raises:
        NoMjpeg: There is something else.
        SourceBroken: Nobody is there, or what is there refuses.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
        try:
            self._response = self._get(parts.path or "/", parts.query, _credentials(url))
            self._boundary = self._boundary_of(self._response)
            self._first: dict[str, str] | None = self._next_headers()
            if "content-length" not in self._first:
                raise NoMjpeg
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise SourceBroken(_told(error)) from None
        except (SourceBroken, NoMjpeg):
            self.close()
            raise

    def read(self) -> Shot:
        """Waits for the next picture; one that is damaged is passed over.

        Raises:
            SourceBroken: The stream ended, stalled, or holds no pictures.
        """
        try:
            for _ in range(_MAX_BAD_PARTS):
                headers, self._first = self._first or self._next_headers(), None
                content = self._content(headers.get("content-length", "missing"))
                arrived_at = time.time()
                image = decode_picture(content)
                if image is not None:
                    return Shot(image, arrived_at, _number(headers.get("x-timestamp")))
        except (OSError, http.client.HTTPException) as error:
            raise SourceBroken(_told(error)) from None
        raise SourceBroken("it sends something that is no picture")

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()

    def _get(self, path: str, query: str, credentials: dict[str, str]) -> http.client.HTTPResponse:
        self._connection.request("GET", f"{path}?{query}" if query else path, headers=credentials)
        return self._connection.getresponse()

    def _boundary_of(self, response: http.client.HTTPResponse) -> bytes:
        if response.status >= 400:
            raise SourceBroken(f"it answers {response.status} {response.reason}")
        boundary = response.headers.get_boundary()
        if response.headers.get_content_type() != CONTENT_TYPE or boundary is None:
            raise NoMjpeg
        # Some cameras count the dashes before each part to its name, others don't.
        return boundary.strip("-").encode("latin-1")

    def _is_boundary(self, line: bytes) -> bool:
        return line.startswith(b"--") and line.strip(b"-\r\n") == self._boundary

    def _line(self) -> bytes:
        line = self._response.readline(_MAX_LINE_BYTES)
        if not line:
            raise SourceBroken("it stopped sending")
        return line

    def _next_headers(self) -> dict[str, str]:
        skipped = 0
        while not self._is_boundary(line := self._line()):
            skipped += len(line)
            if skipped > _MAX_PART_BYTES:
                raise SourceBroken("its parts have no end")
        headers: dict[str, str] = {}
        while line := self._line().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(headers) > _MAX_HEADERS:
                raise SourceBroken("its parts have no end")
        return headers

    def _content(self, length: str) -> bytes:
        if not (length.isascii() and length.isdigit() and int(length) <= _MAX_PART_BYTES):
            raise SourceBroken("it sends parts of an impossible length")
        content = self._response.read(int(length))
        if len(content) < int(length):
            raise SourceBroken("it stopped sending")
        return content


def _credentials(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    words = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(words).decode('ascii')}"}


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _told(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it sends nothing"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "it does not speak HTTP"
