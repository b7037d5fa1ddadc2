"""Turns away who does not come from a machine's own page, or does not know its password.

For pages that a machine at the belt serves by its address. Another page in the same browser can
neither send their forms nor, by a name that leads here, read them. What they show is the parts'.
"""

import base64
import binascii
import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send


class Guard:
    """An ASGI middleware before all routes.

    Args:
        site: What is guarded.
        pin: What people must know; None asks for nothing.
        name: Of the page, in browsers' prompts and refusals.
    """

    def __init__(self, site: ASGIApp, pin: str | None, name: str) -> None:
        self._site, self._pin, self._name = site, pin, name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it."""
        if scope["type"] != "http":
            await self._site(scope, receive, send)
            return
        refusal = self._refusal(Request(scope))
        await (self._site if refusal is None else refusal)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if not _is_address(host):
            return PlainTextResponse("ask by the station's IP address\n", 421)
        if request.method == "POST" and _origin(request) not in (None, host):
            return PlainTextResponse(f"the form is not the {self._name}'s\n", 403)
        if self._pin is not None and not _knows(request, self._pin):
            realm = f'Basic realm="Beltmark {self._name}: any name, and the PIN"'
            return PlainTextResponse("the PIN, please\n", 401, {"WWW-Authenticate": realm})
        return None


def _is_address(host: str) -> bool:
    """Whether a Host header names this machine by its address: a name may be anybody's."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _origin(request: Request) -> str | None:
    """Where a form stands; None where the browser does not say."""
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return "elsewhere"
    origin = request.headers.get("origin")
    return None if origin is None else urlsplit(origin).netloc or "elsewhere"


def _knows(request: Request, pin: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        _, _, told = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(told.encode(), pin.encode())
