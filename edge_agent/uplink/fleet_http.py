"""Sends single things to the fleet server over HTTP; says what became of each.

What is sent, and when it is tried again, is left to the callers.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final, Literal
from urllib.parse import urlsplit

import urllib3

from beltmark.contract.errors import InputError

Fate = Literal["taken", "refused", "later"]
"""The server has it; it will never take it; or it does not take it at the moment."""

_CONNECT_TIMEOUT_S: Final = 5.0
_READ_TIMEOUT_S: Final = 20.0
_TOLD_BYTES: Final = 500
_CONTENT_BYTES: Final = 64 * 1024
# Refusals that are not about what was sent: a token that is renewed, a device that the server does
# not know before its birth was heard, a server that is slow or busy.
_FOR_NOW: Final = (401, 403, 404, 408, 425, 429)


@dataclass(frozen=True)
class Answer:
    """What became of something that was sent.

    Attributes:
        fate: What it amounts to.
        told: Why, where it was not taken.
        content: What the server answered, where it was taken; cut off where it is long.
    """

    fate: Fate
    told: str = ""
    content: bytes = b""


def parse_server(address: str) -> str:
    """Returns a fleet server's base address, without a slash at its end.

    Raises:
        InputError: It is none.
    """
    mend = "write http://host:8000 or https://host"
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or parts.query or parts.fragment:
        raise InputError("is no address of a fleet server", mend, field="fleet.server")
    if parts.username is not None:
        raise InputError("holds a user", f"{mend}; a token says who it is", field="fleet.server")
    return address.rstrip("/")


class FleetHttp:
    """The way to one server. For use from one thread.

    Args:
        server: Its base address, as `parse_server` gives it.
        token: Gives what the server lets the device in by, and may raise InputError; None for one
            that lets everybody in.
        read_timeout_s: How long the server may say nothing, and how long its answer may take.
    """

    def __init__(
        self,
        server: str,
        token: Callable[[], str] | None,
        read_timeout_s: float = _READ_TIMEOUT_S,
    ) -> None:
        self._server, self._token, self._answer_within_s = server, token, read_timeout_s
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=read_timeout_s)
        self._pool = urllib3.PoolManager(num_pools=1, timeout=timeout, retries=False)

    def send(self, method: Literal["POST", "PUT"], path: str, body: bytes, media: str) -> Answer:
        """Sends a body to a path of the server; never follows to another place with the token."""
        try:
            headers = {"Content-Type": media}
            if self._token is not None:
                headers["Authorization"] = f"Bearer {self._token()}"
            response = self._pool.request(
                method,
                f"{self._server}{path}",
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
        except InputError as error:
            return Answer("later", str(error))
        except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            return Answer("later", f"the server {self._server} cannot be reached: {_cause(error)}")
        try:
            return _judged(response.status, _content(response, self._answer_within_s))
        except (urllib3.exceptions.HTTPError, HTTPException, OSError):
            return _judged(response.status, b"")
        finally:
            response.close()


def _content(response: urllib3.BaseHTTPResponse, within_s: float) -> bytes:
    """Reads what a server answers, but not for ever: one that drips is cut off."""
    content, end = b"", time.monotonic() + within_s
    while len(content) < _CONTENT_BYTES and time.monotonic() < end:
        piece = response.read1(_CONTENT_BYTES - len(content))
        if not piece:
            break
        content += piece
    return content


def _judged(status: int, told: bytes) -> Answer:
    if 200 <= status < 300:
        return Answer("taken", content=told)
    words = _reason(told)[:_TOLD_BYTES]
    text = "".join(c if c.isprintable() else " " for c in words).strip()
    reason = f"the server answers {status} {text}".rstrip()
    is_final = 400 <= status < 500 and status not in _FOR_NOW
    return Answer("refused" if is_final else "later", reason)


def _reason(told: bytes) -> str:
    """What a refusal says: the detail of a problem document (RFC 9457), else all that came."""
    try:
        detail = json.loads(told)["detail"]
    except (ValueError, LookupError, TypeError, RecursionError):
        detail = None
    return detail if isinstance(detail, str) else told.decode(errors="replace")


def _cause(error: Exception) -> str:
    """What the system said, without the library's wrapping."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror.lower()
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__
