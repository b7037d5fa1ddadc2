"""The panel over HTTP: one page, kept up to date, and the forms on it.

Whoever asks must come from the panel itself: another page in the same browser can neither send its
forms nor, by a name that leads here, read it.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from beltmark.contract.errors import InputError
from beltmark.web.assets import STATIC_FOLDER
from edge_agent.panel.pages import PanelPage, make_page, render
from edge_agent.panel.ports import PersonsDesk

logger = logging.getLogger(__name__)

_PERIOD_S: Final = 1.0
_LASTS_S: Final = 600.0
_MAX_READERS: Final = 8
_MAX_FORM_BYTES: Final = 4_096
_WHO: Final = "panel"


class Guard:
    """Turns away who does not come from the panel itself, or does not know the PIN.

    Args:
        site: What is guarded.
        pin: The PIN; None asks for none.
    """

    def __init__(self, site: ASGIApp, pin: str | None) -> None:
        self._site, self._pin = site, pin

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
            return PlainTextResponse("the form is not the panel's\n", 403)
        if self._pin is not None and not _knows(request, self._pin):
            asks = {"WWW-Authenticate": 'Basic realm="Beltmark panel: any name, and the PIN"'}
            return PlainTextResponse("the PIN, please\n", 401, asks)
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


def panel_site(
    desk: PersonsDesk, pin: str | None = None, clock: Callable[[], float] = time.time
) -> ASGIApp:
    """Returns the panel's application.

    Args:
        desk: What a person at the station sees and does.
        pin: What people must know; None asks for nothing.
        clock: Seconds since the epoch.
    """
    readers = asyncio.Semaphore(_MAX_READERS)

    def page(told: str = "") -> PanelPage:
        return make_page(desk, clock(), told)

    async def home(_: Request) -> Response:
        return HTMLResponse(render(await asyncio.to_thread(page)))

    async def events(_: Request) -> Response:
        if readers.locked():
            return PlainTextResponse("too many look at the panel\n", 503)
        return StreamingResponse(
            _events(page, readers),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def picture(request: Request) -> Response:
        path = desk.picture(_item(request))
        if not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})

    def does(act: Callable[[Request, dict[str, str]], None]) -> Callable[..., Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            fields = await _fields(request)
            try:
                await asyncio.to_thread(act, request, fields)
            except InputError as error:
                logger.warning("panel: %s", error)
                shown = await asyncio.to_thread(page, f"{error.problem}: {error.mend}")
                return HTMLResponse(render(shown), 409)
            return RedirectResponse("/", 303)

        return answer

    def label(request: Request, fields: dict[str, str]) -> None:
        if "sku" not in fields:
            raise InputError("no product was chosen", "choose one", field="sku")
        desk.label(_item(request), fields["sku"].strip(), _WHO)

    site = Starlette(
        routes=[
            Route("/", home),
            Route("/events", events),
            Route("/items/{item_id}.jpg", picture),
            Route("/items/{item_id}/label", does(label), methods=["POST"]),
            Route(
                "/items/{item_id}/settle",
                does(lambda request, _: desk.settle(_item(request), _WHO)),
                methods=["POST"],
            ),
            Route("/taken", does(lambda *_: desk.taken(_WHO)), methods=["POST"]),
            Route(
                "/release/{what}",
                does(lambda request, _: desk.release_line(request.path_params["what"])),
                methods=["POST"],
            ),
            Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
        ]
    )
    return Guard(site, pin)


def _item(request: Request) -> str:
    item_id: str = request.path_params["item_id"]
    if not (item_id.isascii() and item_id.isalnum() and len(item_id) <= 64):
        raise HTTPException(404)
    return item_id


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form; of a field that comes twice, the first."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_FORM_BYTES:
            raise HTTPException(413)
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    except ValueError:
        fields = {}
    return {name: values[0] for name, values in fields.items()}


async def _events(page: Callable[[], PanelPage], readers: asyncio.Semaphore) -> AsyncIterator[str]:
    """What has changed on the page, each second; that nothing has is said as well."""
    async with readers:
        seen: dict[str, int] = {}
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + _LASTS_S
        yield "retry: 1000\n\n"
        while loop.time() < ends_at:
            made = await asyncio.to_thread(page)
            fresh = {name: hash(part) for name, part in made.fragments.items()}
            said = {
                "now": made.now,
                "title": made.title,
                "blind": made.is_blind,
                "fragments": {
                    name: made.fragments[name]
                    for name, digest in fresh.items()
                    if seen.get(name) != digest
                },
                "lists": made.lists,
            }
            seen = fresh
            yield f"event: page\ndata: {json.dumps(said, separators=(',', ':'))}\n\n"
            await asyncio.sleep(_PERIOD_S)
