"""Serves a site: starts its parts in order, waits until it is to end, and ends them in order.

What each of them does is left to it; where it may be seen is left to `cli`.
"""

import ipaddress
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from beltmark.contract.broker import parse_broker
from beltmark.contract.enrolment import SERVER_NAME
from beltmark.contract.errors import InputError
from fleet_server.app import create_app
from fleet_server.broker import EmbeddedBroker
from fleet_server.devices.broker_config import broker_problem
from fleet_server.ingest.link import FleetLink
from fleet_server.renewal import Renewal
from fleet_server.rollouts.driver import Driver
from fleet_server.served import Served, address_of, forget, note
from fleet_server.settings import EMBEDDED, FleetFile
from fleet_server.site import Site, open_site_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.rollouts import RolloutStore
from fleet_server.storage.telemetry import TelemetryStore

logger = logging.getLogger(__name__)

_LOOK_PERIOD_S: Final = 0.5
_START_PERIOD_S: Final = 0.02
# Who is in the midst of a request may finish it; a station goes on with the rest of a file later.
_GRACE_S: Final = 5


@dataclass(frozen=True)
class ServingPlan:
    """How a site is to be served.

    Attributes:
        host: Address of this machine on which it listens.
        port: Its port; 0 for any free one.
        broker: Address of the broker; None for one that it brings.
        broker_port: Port of the one that it brings.
        seconds: Ends by itself after this time; None: not.
    """

    host: str
    port: int
    broker: str | None
    broker_port: int
    seconds: float | None = None


def plan_of(
    settings: FleetFile,
    *,
    host: str | None = None,
    port: int | None = None,
    broker: str | None = None,
    brings_broker: bool = False,
    broker_port: int | None = None,
    seconds: float | None = None,
) -> ServingPlan:
    """Returns how a site is to be served: as it is asked for, and otherwise as it is set.

    Raises:
        InputError: A port of the embedded broker is asked for, but not the embedded broker.
    """
    named = settings.broker.address if broker is None and not brings_broker else broker
    address = None if named == EMBEDDED else named
    if address is not None and broker_port is not None:
        raise InputError(
            "--broker-port is the embedded broker's, but another broker is to be used",
            "give --embedded-broker, or the port in the broker's address",
        )
    return ServingPlan(
        host=settings.server.host if host is None else host,
        port=settings.server.port if port is None else port,
        broker=address,
        broker_port=settings.broker.port if broker_port is None else broker_port,
        seconds=seconds,
    )


def set_up_logging() -> None:
    """Sends what changes to standard error."""
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.WARNING, format=form, datefmt="%Y-%m-%d %H:%M:%S")
    logging.getLogger("fleet_server").setLevel(logging.INFO)


class ServerDied(Exception):  # noqa: N818 - it is what it did
    """The server's HTTP side ended, though nobody asked it to."""


def serve(site: Site, plan: ServingPlan, tell: Callable[[str], None]) -> None:
    """Serves a site until SIGINT, SIGTERM or the end of its time. For the main thread.

    Args:
        site: The site.
        plan: How it is to be served.
        tell: Is told the address once it answers there.

    Raises:
        InputError: A port is in use; or the site is served already; or an address, the database or
            the settings cannot be used.
        StorageUnavailable: The database takes nothing at the moment.
        ServerDied: It ended by itself; the log tells why.
    """
    with _ending() as ended, ExitStack() as stack:
        stack.enter_context(site.serving())
        listener = stack.enter_context(listen(plan.host, plan.port))
        if plan.broker is not None:
            parse_broker(plan.broker, may_be_tls=True)
        engine = open_site_database(site)
        stack.callback(engine.dispose)
        if plan.broker is None:
            address = stack.enter_context(EmbeddedBroker(plan.broker_port)).address
        else:
            address = plan.broker
        authority = site.authority()
        link = FleetLink(
            address,
            TelemetryStore(engine),
            FleetStore(engine),
            spread_s=site.settings.releases.spread_s,
            tls=lambda: authority.context(SERVER_NAME),
        )
        stack.callback(link.stop)
        link.start()
        repository = site.repository()
        renewal = Renewal(repository.renew, repository.due_elsewhere)
        stack.callback(renewal.stop)
        renewal.start()
        driver = Driver(RolloutStore(engine, time.time()))
        stack.callback(driver.stop)
        driver.start()

        def problems() -> list[str]:
            return [*renewal.problems(), *driver.problems(), *_broker_problems(site)]

        app = create_app(site, engine, link, more_problems=problems)
        server = stack.enter_context(_HttpServer(app, listener))
        served = _served(listener, address, app.state.started_at)
        note(site, served)
        stack.callback(forget, site)
        if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
            logger.warning(
                "other machines are let in over plain HTTP, which anybody between can read and "
                "change: put TLS before it"
            )
        tell(f"open {served.url}/ (broker {served.broker}; Ctrl-C ends it)")
        ends_at = None if plan.seconds is None else time.monotonic() + plan.seconds
        while server.is_running and not ended.is_set():
            left_s = _LOOK_PERIOD_S if ends_at is None else ends_at - time.monotonic()
            if left_s <= 0:
                return
            ended.wait(min(left_s, _LOOK_PERIOD_S))
        if not ended.is_set():
            raise ServerDied


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """Listens; who connects waits until somebody answers.

    Raises:
        InputError: The port is in use, or the host is none of this machine.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(
            f"the server cannot listen on port {port} of {host}: {_told(error)}",
            "end what uses the port, or give another one (--port)",
        ) from None
    with listener:
        yield listener


def _broker_problems(site: Site) -> Iterator[str]:
    if (folder := site.settings.broker.folder) is not None:
        problem = broker_problem(site.folder / folder, time.time())
        if problem is not None:
            yield problem


def _told(error: Exception) -> str:
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    if error.errno < 0:  # a name that stands for no address
        return error.strerror or str(error)
    return os.strerror(error.errno)  # Python's own names the address, which is told already


def _served(listener: socket.socket, broker: str, started_at: float) -> Served:
    host, port = listener.getsockname()[:2]
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return Served(
        url=address_of(reached, port),
        address=address_of(host, port),
        broker=str(parse_broker(broker, may_be_tls=True)),
        started_at=started_at,
    )


class _HttpServer:
    """uvicorn, in a thread of its own: so the main thread and its signals stay ours."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        self._app, self._listener = app, listener
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # an address may hold the admin token
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether it still does what it is there for."""
        return self._thread.is_alive()

    def __enter__(self) -> "_HttpServer":
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise ServerDied
            time.sleep(_START_PERIOD_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._app.state.live.end()  # open pages would hold it up
        self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except Exception:
            logger.exception("the server ends by itself")


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """Gives an event that is set when the process is asked to end.

    Asked once more, it is interrupted where it is: no part may hold the others up for ever.
    """
    ended = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        ended.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
