"""What each command of `beltmark-fleet` does: opens what it needs, calls who does it, prints.

Each loads what it needs when it is called, so that asking for help stays quick. The arguments are
`cli`'s, how things are listed is `listing`'s.
"""

import argparse
import getpass
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from beltmark.contract.errors import InputError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from beltmark.contract.messages import Desired
    from fleet_server.site import Site

SERVER_DIED: Final = 1
_TOKEN_HINT: Final = "  said only now: nobody can read it again, keep it where you keep passwords"


def init(arguments: argparse.Namespace) -> int:
    """Makes a new site."""
    from fleet_server.handlers.serials import told_capacity  # noqa: PLC0415
    from fleet_server.settings import DEFAULT_DATABASE, SerialsSection  # noqa: PLC0415
    from fleet_server.site import init_site  # noqa: PLC0415

    with telling():
        token = init_site(
            arguments.site,
            arguments.database or DEFAULT_DATABASE,
            company_prefix=arguments.company_prefix,
        )
    print(f"{arguments.site.resolve()}: made")
    if arguments.company_prefix is not None:
        print(told_capacity(arguments.company_prefix, SerialsSection().extension_digits))
    print(f"admin token: {token}")
    print(_TOKEN_HINT)
    print(f"next: beltmark-fleet serve {shlex.quote(str(arguments.site))}")
    return 0


def serve(arguments: argparse.Namespace) -> int:
    """Serves a site until it is to end."""
    from fleet_server.serving import ServerDied, plan_of, serve, set_up_logging  # noqa: PLC0415
    from fleet_server.site import open_site  # noqa: PLC0415

    set_up_logging()
    site = open_site(arguments.site)
    plan = plan_of(
        site.settings,
        host=arguments.host,
        port=arguments.port,
        broker=arguments.broker,
        brings_broker=arguments.embedded_broker,
        broker_port=arguments.broker_port,
        seconds=arguments.seconds,
    )
    try:
        with telling():
            serve(site, plan, _say)
    except ServerDied:
        print("the server ended by itself; what is above tells why", file=sys.stderr)
        return SERVER_DIED
    return 0


def _say(told: str) -> None:
    with suppress(OSError):  # a terminal that went away must not end the server
        print(told, flush=True)


def push(arguments: argparse.Namespace) -> int:
    """Asks stations to run a release."""
    from fleet_server.handlers.rollout import push  # noqa: PLC0415
    from fleet_server.storage.fleet import FleetStore  # noqa: PLC0415

    with opened(arguments.site) as (site, engine):
        fleet = FleetStore(engine)
        devices = arguments.device or fleet.devices()
        _tell_asked(site, push(fleet, devices, arguments.release, who()))
    return 0


def back(arguments: argparse.Namespace) -> int:
    """Asks stations to run the release before."""
    from fleet_server.handlers.rollout import back  # noqa: PLC0415
    from fleet_server.storage.fleet import FleetStore  # noqa: PLC0415

    with opened(arguments.site) as (site, engine):
        fleet = FleetStore(engine)
        _tell_asked(site, back(fleet, arguments.device or fleet.devices(), who()))
    return 0


def _tell_asked(site: "Site", asked: Sequence["Desired"]) -> None:
    from fleet_server.served import find  # noqa: PLC0415

    for one in asked:
        print(f"{one.device}: asked to run {one.release} (request {one.desired_version})")
    if find(site) is None:
        print("nobody serves the site: stations hear of it when it is served", file=sys.stderr)


def devices(arguments: argparse.Namespace) -> int:
    """Lists the stations."""
    from fleet_server.listing import device_lines  # noqa: PLC0415
    from fleet_server.served import find  # noqa: PLC0415

    with opened(arguments.site) as (site, engine):
        running = find(site)
        health = None if running is None else running.health
        lines = list(device_lines(engine, health, as_json=arguments.json))
    for problem in [] if health is None else health.problems:
        print(f"the server: {problem}", file=sys.stderr)
    if health is None:
        print("nobody serves the site: how the stations are is not known", file=sys.stderr)
    for line in lines:
        print(line)
    return 0


def samples(arguments: argparse.Namespace) -> int:
    """Lists the samples."""
    from fleet_server.listing import sample_lines  # noqa: PLC0415

    with opened(arguments.site) as (site, engine):
        for line in sample_lines(
            engine, site, arguments.last, arguments.device, as_json=arguments.json
        ):
            print(line)
    return 0


def serials(arguments: argparse.Namespace) -> int:
    """Lists the numbers that stations lease, or passes over some."""
    from fleet_server.handlers.serials import Numbers  # noqa: PLC0415
    from fleet_server.listing import serial_lines  # noqa: PLC0415
    from fleet_server.storage.serials import SerialStore  # noqa: PLC0415

    with opened(arguments.site) as (site, engine):
        numbers = Numbers(SerialStore(engine), site.settings)
        if arguments.skip is not None:
            offered = numbers.pools(arguments.kind)
            passed = numbers.store.skip(offered, arguments.skip, f"skip-{time.time_ns()}")
            print(f"passed over: {passed:,}")
        for line in serial_lines(numbers, as_json=arguments.json):
            print(line)
    return 0


def station(arguments: argparse.Namespace) -> int:
    """Prints what a station file needs of the site."""
    from fleet_server.served import find  # noqa: PLC0415
    from fleet_server.site import open_site  # noqa: PLC0415
    from fleet_server.station_section import station_section  # noqa: PLC0415

    site = open_site(arguments.site)
    running = find(site)
    served = None if running is None else running.served
    print(station_section(site, arguments.name, served), end="")
    return 0


def token(arguments: argparse.Namespace) -> int:
    """Makes a new admin token."""
    from fleet_server.site import open_site  # noqa: PLC0415

    print(f"admin token: {open_site(arguments.site).renew_admin_token()}")
    print(_TOKEN_HINT)
    return 0


@contextmanager
def opened(folder: Path) -> Iterator[tuple["Site", "sa.Engine"]]:
    """A site and its database, for a command beside the server."""
    from fleet_server.site import open_site, open_site_database  # noqa: PLC0415

    site = open_site(folder)
    with telling():
        engine = open_site_database(site)
        try:
            yield site, engine
        finally:
            engine.dispose()


@contextmanager
def telling() -> Iterator[None]:
    """Lets a database that takes nothing end in a line, too."""
    from fleet_server.storage.engine import StorageUnavailable  # noqa: PLC0415

    try:
        yield
    except StorageUnavailable as error:
        raise InputError(
            f"the database does not work at the moment: {error}",
            "see to its disk or its server, then do it again",
        ) from None


def who() -> str:
    """Who asks, for the log."""
    try:
        return f"{getpass.getuser()[:60]} at the command line"
    except (KeyError, OSError):  # a user without a name, as containers have them
        return "user without a name, at the command line"
