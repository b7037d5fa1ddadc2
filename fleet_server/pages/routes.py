"""The addresses of the operators' pages. What stands on them is left to their modules."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from beltmark.contract.terms import Time
from beltmark.web.wording import Moments
from fleet_server.api.access import person
from fleet_server.api.context import Trouble
from fleet_server.pages.actions import action_routes
from fleet_server.pages.context import PageContext
from fleet_server.pages.events import EventStream
from fleet_server.pages.finding import Builder, find_page
from fleet_server.pages.live import LiveFeed, TooManyReaders
from fleet_server.pages.release_actions import release_action_routes
from fleet_server.pages.rendering import NoSuchPage, Page, render
from fleet_server.pages.rollout_actions import rollout_action_routes
from fleet_server.pages.site_pages import samples_page
from fleet_server.storage.engine import StorageUnavailable

_PATHS: Final = (
    "/",
    "/devices/{device}",
    "/devices/{device}/items/{item_id}",
    "/releases",
    "/rollouts",
    "/log",
)


def page_routes(context: PageContext, feed: LiveFeed) -> APIRouter:
    """The routes of the pages.

    Args:
        context: What the pages need.
        feed: Keeps open pages up to date.
    """
    router = APIRouter(include_in_schema=False, dependencies=[Depends(person)])

    def show(request: Request) -> Response:
        path = request.url.path
        return _answer(context, path, _builder(path))

    for path in _PATHS:
        router.add_api_route(path, show, methods=["GET"])

    @router.get("/samples")
    def show_samples(before: Annotated[Time | None, Query()] = None) -> Response:
        return _answer(context, "/samples", lambda context: samples_page(context, before))

    @router.get("/events")
    async def events(page: Annotated[str, Query(max_length=300)]) -> Response:
        try:
            reader = feed.open(page, _builder(page))
        except TooManyReaders:
            told = "so many pages are kept up to date already: close some"
            raise HTTPException(503, told, {"Retry-After": "15"}) from None
        return EventStream(feed, reader)

    router.include_router(action_routes(context))
    router.include_router(release_action_routes(context))
    router.include_router(rollout_action_routes(context))
    return router


def _builder(path: str) -> Builder:
    builder = find_page(path)
    if builder is None:
        raise HTTPException(404, "there is no such page")
    return builder


def _answer(context: PageContext, path: str, builder: Builder) -> Response:
    try:
        page, status = builder(context), 200
    except NoSuchPage as error:
        raise HTTPException(404, str(error)) from None
    except StorageUnavailable as error:
        page, status = _unavailable(context, path, error), 503
    return HTMLResponse(render(page, Moments(page.now, context.zone)), status)


def _unavailable(context: PageContext, path: str, error: StorageUnavailable) -> Page:
    """What is shown of a page that cannot be made; it comes by itself when it can."""
    troubles = context.troubles() or [Trouble(f"the database cannot be read: {error}")]
    return Page(
        path=path,
        title="Not to be read",
        template="unavailable.html",
        fragments={},
        now=context.clock(),
        troubles=troubles,
    )
