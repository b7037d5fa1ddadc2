"""An HTTP server that is asked for the order. Thin; loaded only where a station has one."""

import time
from http.client import HTTPException
from typing import Final

import urllib3

from beltmark.contract.errors import InputError
from edge_agent.orders.document import MAX_BYTES

_CONNECT_TIMEOUT_S: Final = 3.0
_READ_TIMEOUT_S: Final = 10.0
_PIECE_BYTES: Final = 64 * 1024


class OrderServer:
    """A server that is asked for the order; it answers 304 while its ETag is the same.

    Args:
        url: Where it is asked.
        answer_within_s: How long its answer may take, once it has begun.
    """

    def __init__(self, url: str, answer_within_s: float = _READ_TIMEOUT_S) -> None:
        self._url, self._answer_within_s = url, answer_within_s
        self._etag: str | None = None
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S)
        self._pool = urllib3.PoolManager(num_pools=1, retries=False, timeout=timeout)

    def fetch(self) -> bytes | None:
        """See `OrderSource.fetch`."""
        headers = {} if self._etag is None else {"If-None-Match": self._etag}
        try:
            answer = self._pool.request(
                "GET", self._url, headers=headers, preload_content=False, redirect=False
            )
            try:
                content = self._content(answer) if answer.status == 200 else b""
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            raise InputError(
                f"cannot be asked: {_told(error)}", "is the server there?", file=self._url
            ) from None
        if answer.status == 304 and self._etag is not None:
            return None
        if answer.status != 200:
            raise InputError(
                f"answers {answer.status}", "check the address at the server", file=self._url
            )
        if len(content) > MAX_BYTES:
            raise InputError(f"larger than {MAX_BYTES} bytes", "send open lines", file=self._url)
        self._etag = answer.headers.get("ETag")
        return content

    def _content(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        """Reads an answer, but not for ever: one that drips is cut off."""
        content, end = b"", time.monotonic() + self._answer_within_s
        while len(content) <= MAX_BYTES and (piece := answer.read1(_PIECE_BYTES)):
            content += piece
            if time.monotonic() > end:
                raise TimeoutError("its answer takes too long")
        return content

    def repeat(self) -> None:
        """See `OrderSource.repeat`."""
        self._etag = None


def _told(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
