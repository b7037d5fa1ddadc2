"""The panel over HTTP: one page, kept up to date, and the forms on it.

Whoever asks must come from the panel itself, see `beltmark.web.guard`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

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
from starlette.types import ASGIApp

from beltmark.contract.errors import InputError
from beltmark.web.assets import STATIC_FOLDER
from beltmark.web.guard import Guard
from beltmark.web.live import LivePage, form_fields, page_events
from edge_agent.panel.pages import make_page, render
from edge_agent.panel.ports import PersonsDesk

logger = logging.getLogger(__name__)

_MAX_READERS: Final = 8
_WHO: Final = "panel"


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

    def page(told: str = "") -> LivePage:
        return make_page(desk, clock(), told)

    async def home(_: Request) -> Response:
        return HTMLResponse(render(await asyncio.to_thread(page)))

    async def events(_: Request) -> Response:
        if readers.locked():
            return PlainTextResponse("too many look at the panel\n", 503)
        return StreamingResponse(
            page_events(page, readers),
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
            fields = await form_fields(request)
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
    return Guard(site, pin, "panel")


def _item(request: Request) -> str:
    item_id: str = request.path_params["item_id"]
    if not (item_id.isascii() and item_id.isalnum() and len(item_id) <= 64):
        raise HTTPException(404)
    return item_id
