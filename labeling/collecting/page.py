"""The page of a guided session: what the zone shows, and a button for each class.

Who may ask is left to `beltmark.web.guard`, what follows to `desk`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from beltmark.contract.errors import InputError
from beltmark.web.assets import STATIC_FOLDER, template_environment
from beltmark.web.guard import Guard
from beltmark.web.live import LivePage, form_fields, news_of, page_events
from beltmark.web.wording import Moments
from labeling.collecting.desk import Desk, Zoned
from labeling.collecting.standing import CHECKS, MAX_LIGHT, Standing

_TEMPLATES: Final = template_environment(Path(__file__).parent / "templates")
_MAX_READERS: Final = 8
_SILENT_AFTER_S: Final = 4
_SHOWN_PX: Final = 960
_SHOWN_EVERY_S: Final = 0.125
_BOUNDARY: Final = "beltmark-zone"


def collect_site(
    desk: Desk,
    zone: Zoned,
    pin: str | None = None,
    *,
    is_over: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.time,
) -> ASGIApp:
    """Returns the page's application.

    Args:
        desk: What a person at the station does.
        zone: What they look at.
        pin: What people must know; None asks for nothing.
        is_over: Whether it ends: who reads on and on is let go.
        clock: Seconds since the epoch.
    """
    readers, viewers = asyncio.Semaphore(_MAX_READERS), asyncio.Semaphore(_MAX_READERS)

    def page(told: str = "") -> LivePage:
        return _page(desk.standing(), desk, clock(), told)

    async def home(_: Request) -> Response:
        return HTMLResponse(_render(await asyncio.to_thread(page)))

    async def events(_: Request) -> Response:
        if readers.locked():
            return PlainTextResponse("too many look at this page\n", 503)
        return StreamingResponse(
            page_events(page, readers, is_over),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def film(_: Request) -> Response:
        if viewers.locked():
            return PlainTextResponse("too many look at the zone\n", 503)
        return StreamingResponse(
            _film(zone, viewers, is_over),
            media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}",
            headers={"Cache-Control": "no-store"},
        )

    async def picture(request: Request) -> Response:
        content = await asyncio.to_thread(desk.picture, request.path_params["file"])
        if content is None:
            raise HTTPException(404)
        return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    def does(act: Callable[[dict[str, str]], None]) -> Callable[..., Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            fields = await form_fields(request)
            told = ""
            try:
                await asyncio.to_thread(act, fields)
            except InputError as error:
                told = f"{error.problem}: {error.mend}"
            except OSError as error:
                told = f"nothing was kept, {(error.strerror or str(error)).lower()}: free the disk"
            if "application/json" in request.headers.get("accept", ""):
                news, _ = news_of(await asyncio.to_thread(page, told), {})
                return JSONResponse(news, 409 if told else 200)
            if told:
                return HTMLResponse(_render(await asyncio.to_thread(page, told)), 409)
            return RedirectResponse("/", 303)

        return answer

    def begin(fields: dict[str, str]) -> None:
        desk.begin([name for name in CHECKS if fields.get(name) == "yes"], fields.get("light", ""))

    def capture(fields: dict[str, str]) -> None:
        if "class" not in fields and fields.get("empty") != "yes":
            raise InputError("no class was chosen", "press one")
        desk.capture(fields.get("class"))

    routes = {
        "/begin": begin,
        "/capture": capture,
        "/keep": lambda _: desk.keep_anyway(),
        "/back": lambda _: desk.take_back(),
        "/end": lambda _: desk.end(),
    }
    site = Starlette(
        routes=[
            Route("/", home),
            Route("/events", events),
            Route("/zone.mjpg", film),
            Route("/pictures/{file}", picture),
            *(Route(path, does(act), methods=["POST"]) for path, act in routes.items()),
            Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
        ]
    )
    return Guard(site, pin, "collecting")


def _page(standing: Standing, desk: Desk, now: float, told: str) -> LivePage:
    draw: Any = _TEMPLATES.get_template("collect_parts.html").module
    fragments = {
        "trouble": str(draw.trouble(told)),
        "state": str(draw.state(standing, desk.plan)),
        "hints": str(draw.hints(standing)),
    }
    if standing.session_id:
        fragments |= {"told": str(draw.told(standing)), "classes": str(draw.classes(standing))}
    else:
        fragments["said"] = str(draw.said(standing))
    return LivePage(f"Collecting at {desk.plan.station}", now, fragments)


def _render(page: LivePage) -> str:
    return _TEMPLATES.get_template("collect.html").render(
        page=page,
        parts=page.fragments,
        session_id="classes" in page.fragments,
        checks=CHECKS,
        max_light=MAX_LIGHT,
        trouble="",
        silent_after_s=_SILENT_AFTER_S,
        when=Moments(page.now),
    )


async def _film(
    zone: Zoned, viewers: asyncio.Semaphore, is_over: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The zone as it is now, picture after picture."""
    async with viewers:
        number = -1
        while not is_over():  # or until the browser goes
            view = zone.latest
            if view is not None and view.number != number:
                number = view.number
                jpeg = await asyncio.to_thread(_shown, view.crop_bgr)
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                yield f"{head}Content-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg + b"\r\n"
            await asyncio.sleep(_SHOWN_EVERY_S)


def _shown(crop_bgr: NDArray[np.uint8]) -> bytes:
    scale = _SHOWN_PX / max(crop_bgr.shape[:2])
    shown = crop_bgr
    if scale < 1:
        height_px, width_px = (max(1, round(scale * side)) for side in crop_bgr.shape[:2])
        shown = np.asarray(
            cv2.resize(crop_bgr, (width_px, height_px), interpolation=cv2.INTER_AREA), np.uint8
        )
    return bytes(cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 80])[1])
