"""An HTTP server that is asked for the order. Thin; loaded only where a station has one."""

from http.client import HTTPException
from typing import Final

import urllib3

from beltmark.contract.errors import InputError
from edge_agent.orders.document import MAX_BYTES

_CONNECT_TIMEOUT_S: Final = 3.0
_READ_TIMEOUT_S: Final = 10.0


class OrderServer:
    """A server that is asked for the order; it answers 304 while its ETag is the same.

    Args:
        url: Where it is asked.
    """

    def __init__(self, url: str) -> None:
        self._url = url
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
                content = answer.read(MAX_BYTES + 1) if answer.status == 200 else b""
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

    def repeat(self) -> None:
        """See `OrderSource.repeat`."""
        self._etag = None


def _told(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
