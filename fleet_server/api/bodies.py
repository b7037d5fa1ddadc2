"""Bounds what is read of a request before anybody asks what is in it: bytes, and time.

An ASGI middleware; each path has its bound. What a body means is left to the routes.
"""

import asyncio
import re
import time
from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beltmark.contract.sample import MAX_PICTURE_BYTES, MAX_UPLOAD_BYTES
from fleet_server.api.problems import problem_response

# Base64 makes three bytes four; beside the image there is what is known of it.
MAX_SAMPLE_BODY_BYTES: Final = MAX_UPLOAD_BYTES * 4 // 3 + 256 * 1024
MAX_BODY_BYTES: Final = 64 * 1024
BODY_TIMEOUT_S: Final = 120.0

_LARGER: Final = (
    (re.compile(r"/api/v1/devices/[^/]+/samples"), MAX_SAMPLE_BODY_BYTES),
    (re.compile(r"/api/v1/devices/[^/]+/items/[^/]+/(crop|label)"), MAX_PICTURE_BYTES),
)


class BodyLimit:
    """Answers 413 to what is too large, and 408 to what does not come.

    Args:
        app: What it stands before.
        timeout_s: By when a body must have come whole.
    """

    def __init__(self, app: ASGIApp, timeout_s: float = BODY_TIMEOUT_S) -> None:
        self._app, self._timeout_s = app, timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _limit(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await _too_large(limit)(scope, receive, send)
            return
        await self._app(scope, _Bounded(receive, limit, self._timeout_s), send)


class _Bounded:
    """Passes on what comes, until it is too much or too late."""

    def __init__(self, receive: Receive, limit: int, timeout_s: float) -> None:
        self._receive, self._left, self._limit = receive, limit, limit
        self._ends_at = time.monotonic() + timeout_s
        self._is_whole = False

    async def __call__(self) -> Message:
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._ends_at - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(
                408, "the body did not come in time", {"Connection": "close"}
            ) from None
        if message["type"] != "http.request":
            self._is_whole = True
            return message
        self._left -= len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._left < 0:
            raise HTTPException(413, _told(self._limit), {"Connection": "close"})
        return message


async def whole_body(request: Request) -> bytes:
    """The whole body, as a dependency: it is read after those that stand before it let it in."""
    return await request.body()


def _limit(path: str) -> int:
    return next((limit for where, limit in _LARGER if where.fullmatch(path)), MAX_BODY_BYTES)


def _told(limit: int) -> str:
    return f"the body has more than {limit} bytes"


def _too_large(limit: int) -> ASGIApp:
    return problem_response(413, _told(limit), {"Connection": "close"})
