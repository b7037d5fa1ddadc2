"""Bounds what is read of a request, and who may ask: an ASGI middleware before all routes."""

import json
import secrets
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Label Studio sends tasks with all their annotations and predictions."""

_CLOSE: Final = (b"connection", b"close")


class Door:
    """Answers 401 to who does not show the password, and 413 to what is too large.

    Args:
        app: What it stands before.
        authorization: The one header that opens it.
        limit: Bytes of a body.
    """

    def __init__(self, app: ASGIApp, authorization: str, limit: int = MAX_BODY_BYTES) -> None:
        self._app, self._limit = app, limit
        self._authorization = authorization.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        shown = headers.get(b"authorization", b"")
        if not secrets.compare_digest(shown, self._authorization):
            await _refuse(send, 401, "who asks?", (b"www-authenticate", b"Basic"))
            return
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            await _refuse(send, 413, f"more than {self._limit} bytes: ask for fewer tasks at once")
            return
        left = self._limit

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:  # sent in pieces, without a length
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, bounded, send)


async def _refuse(send: Send, status: int, told: str, *more: tuple[bytes, bytes]) -> None:
    body = json.dumps({"detail": told}).encode()
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", b"application/json"), length, _CLOSE, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
