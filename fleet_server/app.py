"""Puts the fleet server's HTTP side together: API, pages, static files, headers, errors."""

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Protocol

import sqlalchemy as sa
from fastapi import FastAPI

from beltmark.web.assets import STATIC_FOLDER
from fleet_server.api.access import Access
from fleet_server.api.bodies import BodyLimit
from fleet_server.api.context import ApiContext, Trouble
from fleet_server.api.description import describe
from fleet_server.api.devices import device_routes
from fleet_server.api.enrolment import enrolment_routes
from fleet_server.api.headers import SecurityHeaders
from fleet_server.api.health import health_routes
from fleet_server.api.pictures import picture_routes
from fleet_server.api.problems import add_problem_handlers
from fleet_server.api.releases import release_routes
from fleet_server.api.samples import sample_routes
from fleet_server.api.serials import serial_routes
from fleet_server.api.sign_in import sign_in_routes
from fleet_server.api.tuf import tuf_routes
from fleet_server.handlers.pictures import PictureFolder
from fleet_server.handlers.releases import ReleaseDesk
from fleet_server.handlers.samples import SampleFolder
from fleet_server.handlers.serials import Numbers
from fleet_server.ingest.link import LinkHealth
from fleet_server.pages.context import PageContext
from fleet_server.pages.live import LiveFeed
from fleet_server.pages.routes import page_routes
from fleet_server.pages.static import StaticFolder
from fleet_server.site import Site
from fleet_server.storage.certificates import CertificateStore
from fleet_server.storage.engine import StorageUnavailable, reading
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.rollouts import RolloutStore
from fleet_server.storage.serials import SerialStore


class Link(Protocol):
    """The way to the devices."""

    @property
    def health(self) -> LinkHealth:
        """How it is."""
        ...


def no_more_problems() -> list[str]:
    """Nothing else is wrong."""
    return []


def create_app(
    site: Site,
    engine: sa.Engine,
    link: Link,
    *,
    clock: Callable[[], float] = time.time,
    more_problems: Callable[[], list[str]] = no_more_problems,
) -> FastAPI:
    """The server's HTTP side.

    Args:
        site: The site's folder.
        engine: Its database.
        link: The way to the devices.
        clock: Seconds since the epoch.
        more_problems: Tells what else is wrong with the server.

    Returns:
        The app. Whoever serves it calls `app.state.live.end()` when it is to end: open pages would
        hold it up for ever. `app.state.started_at` is when it began.
    """
    app = FastAPI(
        title="Beltmark fleet",
        description="Devices, their releases, and what they send.",
        version=version("beltmark"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they would load their scripts from elsewhere
        redoc_url=None,
    )
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    authority, certificates = site.authority(clock), CertificateStore(engine, clock)
    app.state.access = Access(site, clock, authority, certificates)
    limits = site.settings.limits
    numbers = Numbers(SerialStore(engine, clock), site.settings)

    def troubles() -> list[Trouble]:
        return [
            *_database_troubles(engine),
            *_number_troubles(numbers),
            *_link_troubles(link.health),
            *(Trouble(problem, is_blinding=False) for problem in more_problems()),
        ]

    context = ApiContext(
        engine=engine,
        fleet=FleetStore(engine, clock),
        repository=site.repository(clock),
        pictures=PictureFolder(site.pictures_folder, limits.pictured_items_per_device),
        samples=SampleFolder(site.samples_folder, limits.samples_per_device),
        numbers=numbers,
        authority=authority,
        certificates=certificates,
        troubles=troubles,
        started_at=clock(),
        clock=clock,
    )
    pages = PageContext(
        engine=engine,
        fleet=context.fleet,
        rollouts=RolloutStore(engine, context.started_at, clock),
        releases=ReleaseDesk(engine, context.repository, site.settings.releases, clock),
        pictures=context.pictures,
        troubles=troubles,
        started_at=context.started_at,
        clock=clock,
    )
    app.state.started_at = context.started_at
    app.state.live = LiveFeed(pages)
    for router in (
        health_routes(context),
        device_routes(context),
        enrolment_routes(context),
        picture_routes(context),
        sample_routes(context),
        release_routes(context),
        serial_routes(context),
        tuf_routes(context),
        sign_in_routes(),
        page_routes(pages, app.state.live),
    ):
        app.include_router(router)
    app.mount("/static", StaticFolder(STATIC_FOLDER), "static")
    add_problem_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)  # the outermost: 413 has them too
    return app


def _database_troubles(engine: sa.Engine) -> list[Trouble]:
    try:
        with reading(engine) as connection:
            connection.execute(sa.select(1))
    except StorageUnavailable as error:
        return [Trouble(f"the database cannot be read: {error}")]
    return []


def _number_troubles(numbers: Numbers) -> list[Trouble]:
    try:
        return [Trouble(problem, is_blinding=False) for problem in numbers.problems()]
    except StorageUnavailable:
        return []  # the database's own trouble is told


def _link_troubles(health: LinkHealth) -> list[Trouble]:
    return [
        Trouble(condition.problem, condition.since)
        for condition in (health.broker, health.database)
        if condition.problem is not None
    ]
