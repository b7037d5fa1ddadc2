"""`beltmark-fleet`: makes and serves a site, adds releases, pushes them, lists what is known.

Reads arguments and prints; each command loads what it needs when it is called, so that asking for
help stays quick. All but `serve` work beside a server that runs, and without one.
"""

import argparse
import getpass
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from beltmark.command import run_command, seconds, whole
from beltmark.contract.errors import InputError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from beltmark.contract.messages import Desired
    from fleet_server.site import Site

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SERVER_DIED = 1
_TOKEN_HINT = "  said only now: nobody can read it again, keep it where you keep passwords"


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 server died, 2 bad input, 130 Ctrl-C."""
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-fleet", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    init = commands.add_parser("init", help="make a new site: database, signing keys, tokens")
    _add_site(init, "a new or empty folder")
    init.add_argument(
        "--database", metavar="URL",
        help="postgresql://user:password@host/name, or sqlite:///FILE relative to the site "
        "(default: fleet.sqlite in the site)",
    )  # fmt: skip
    init.set_defaults(command=_init)

    serve = commands.add_parser("serve", help="serve a site until Ctrl-C or SIGTERM")
    _add_site(serve)
    serve.add_argument("--host", help="address to listen on (default: fleet.toml's, 127.0.0.1)")
    serve.add_argument(
        "--port", type=whole(0, 65_535), help="its port, 0 for any (default: fleet.toml's, 8000)"
    )
    broker = serve.add_mutually_exclusive_group()
    broker.add_argument(
        "--embedded-broker", action="store_true",
        help="bring a broker along, for this machine alone (default, unless fleet.toml names one)",
    )  # fmt: skip
    broker.add_argument("--broker", metavar="URL", help="use mqtt://[user:password@]host[:port]")
    serve.add_argument(
        "--broker-port", type=whole(0, 65_535), metavar="PORT",
        help="port of the embedded broker, 0 for any (default: fleet.toml's, 1883)",
    )  # fmt: skip
    serve.add_argument("--seconds", type=seconds, help="end by itself after this time")
    serve.set_defaults(command=_serve)

    _add_release_commands(commands)
    _add_device_commands(commands)

    token = commands.add_parser("token", help="make a new admin token; the old one ends at once")
    _add_site(token)
    token.set_defaults(command=_token)
    return parser


def _add_release_commands(commands: "Commands") -> None:
    release = commands.add_parser("release", help="add releases to a site, and list them")
    kinds = release.add_subparsers(required=True, metavar="COMMAND")
    add = kinds.add_parser("add", help="check and sign a release, so that stations can fetch it")
    _add_site(add)
    add.add_argument("folder", type=Path, metavar="DIR", help="the folder with its release.json")
    add.add_argument(
        "--machine", action="append", default=[], metavar="NAME",
        help="only for processors of this family, such as x86_64; may be given again",
    )  # fmt: skip
    add.add_argument(
        "--max-latency-ms", type=float, metavar="MS",
        help="refused by a station that takes longer for a picture (95th percentile)",
    )  # fmt: skip
    add.set_defaults(command=_add_release)
    listed = kinds.add_parser("list", help="list releases, the latest first")
    _add_site(listed)
    _add_json(listed)
    listed.set_defaults(command=_list_releases)

    push = commands.add_parser("push", help="ask stations to run a release")
    _add_site(push)
    push.add_argument("release", metavar="RELEASE", help="name of a release that was added")
    _add_devices(push)
    push.set_defaults(command=_push)

    back = commands.add_parser("back", help="ask stations to run the release before")
    _add_site(back)
    _add_devices(back)
    back.set_defaults(command=_back)


def _add_device_commands(commands: "Commands") -> None:
    devices = commands.add_parser("devices", help="list stations: how they are, what they run")
    _add_site(devices)
    _add_json(devices)
    devices.set_defaults(command=_devices)

    samples = commands.add_parser("samples", help="list images that stations sent for review")
    _add_site(samples)
    samples.add_argument("--device", metavar="NAME", help="only of this station")
    samples.add_argument(
        "--last", type=whole(1, 100_000), default=100, metavar="N", help="so many (default: 100)"
    )
    _add_json(samples)
    samples.set_defaults(command=_samples)

    station = commands.add_parser("station", help="print the [fleet] section of a station file")
    _add_site(station)
    station.add_argument("name", metavar="NAME", help="the station's name in its station file")
    station.set_defaults(command=_station)


def _add_site(parser: argparse.ArgumentParser, told: str = "the site's folder") -> None:
    parser.add_argument("site", type=Path, metavar="SITE", help=told)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_devices(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="all stations that were ever heard")
    which.add_argument("--device", nargs="+", metavar="NAME", help="these stations")


def _init(arguments: argparse.Namespace) -> int:
    from fleet_server.settings import DEFAULT_DATABASE  # noqa: PLC0415
    from fleet_server.site import init_site  # noqa: PLC0415

    token = init_site(arguments.site, arguments.database or DEFAULT_DATABASE)
    print(f"{arguments.site.resolve()}: made")
    print(f"admin token: {token}")
    print(_TOKEN_HINT)
    print(f"next: beltmark-fleet serve {shlex.quote(str(arguments.site))}")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
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
        with _telling():
            serve(site, plan, lambda told: print(told, flush=True))
    except ServerDied:
        print("the server ended by itself; what is above tells why", file=sys.stderr)
        return SERVER_DIED
    return 0


def _add_release(arguments: argparse.Namespace) -> int:
    from beltmark.contract.bundle import Requirements  # noqa: PLC0415
    from beltmark.contract.documents import parse  # noqa: PLC0415
    from fleet_server.handlers.releases import add_release  # noqa: PLC0415
    from fleet_server.storage.fleet import FleetStore  # noqa: PLC0415

    wanted = {"machines": arguments.machine, "max_latency_ms": arguments.max_latency_ms}
    requires = parse(wanted, Requirements, "the command line")
    with _opened(arguments.site) as (site, engine):
        bundle, is_new = add_release(
            site.repository(), FleetStore(engine), arguments.folder, _who(), requires
        )
    print(f"release {bundle.release}: {'added' if is_new else 'known already'}")
    if is_new:
        where = shlex.quote(str(arguments.site))
        print(f"next: beltmark-fleet push {where} {bundle.release} --all")
    return 0


def _list_releases(arguments: argparse.Namespace) -> int:
    from fleet_server.listing import release_lines  # noqa: PLC0415

    with _opened(arguments.site) as (_, engine):
        for line in release_lines(engine, as_json=arguments.json):
            print(line)
    return 0


def _push(arguments: argparse.Namespace) -> int:
    from fleet_server.handlers.rollout import push  # noqa: PLC0415
    from fleet_server.storage.fleet import FleetStore  # noqa: PLC0415

    with _opened(arguments.site) as (site, engine):
        fleet = FleetStore(engine)
        devices = arguments.device or fleet.devices()
        _tell_asked(site, push(fleet, devices, arguments.release, _who()))
    return 0


def _back(arguments: argparse.Namespace) -> int:
    from fleet_server.handlers.rollout import back  # noqa: PLC0415
    from fleet_server.storage.fleet import FleetStore  # noqa: PLC0415

    with _opened(arguments.site) as (site, engine):
        fleet = FleetStore(engine)
        _tell_asked(site, back(fleet, arguments.device or fleet.devices(), _who()))
    return 0


def _tell_asked(site: "Site", asked: Sequence["Desired"]) -> None:
    from fleet_server.served import find  # noqa: PLC0415

    for one in asked:
        print(f"{one.device}: asked to run {one.release} (request {one.desired_version})")
    if find(site) is None:
        print("nobody serves the site: stations hear of it when it is served", file=sys.stderr)


def _devices(arguments: argparse.Namespace) -> int:
    from fleet_server.listing import device_lines  # noqa: PLC0415
    from fleet_server.served import find  # noqa: PLC0415

    with _opened(arguments.site) as (site, engine):
        running = find(site)
        health = None if running is None else running.health
        lines = list(device_lines(engine, health, as_json=arguments.json))
    for problem in ["nobody serves the site"] if health is None else health.problems:
        print(f"{problem}: what is listed may be old", file=sys.stderr)
    for line in lines:
        print(line)
    return 0


def _samples(arguments: argparse.Namespace) -> int:
    from fleet_server.listing import sample_lines  # noqa: PLC0415

    with _opened(arguments.site) as (site, engine):
        for line in sample_lines(
            engine, site, arguments.last, arguments.device, as_json=arguments.json
        ):
            print(line)
    return 0


def _station(arguments: argparse.Namespace) -> int:
    from fleet_server.served import find  # noqa: PLC0415
    from fleet_server.site import open_site  # noqa: PLC0415
    from fleet_server.station_section import station_section  # noqa: PLC0415

    site = open_site(arguments.site)
    running = find(site)
    served = None if running is None else running.served
    print(station_section(site, arguments.name, served), end="")
    return 0


def _token(arguments: argparse.Namespace) -> int:
    from fleet_server.site import open_site  # noqa: PLC0415

    print(f"admin token: {open_site(arguments.site).renew_admin_token()}")
    print(_TOKEN_HINT)
    return 0


@contextmanager
def _opened(folder: Path) -> Iterator[tuple["Site", "sa.Engine"]]:
    """A site and its database, for a command beside the server."""
    from fleet_server.site import open_site, open_site_database  # noqa: PLC0415

    site = open_site(folder)
    with _telling():
        engine = open_site_database(site)
        try:
            yield site, engine
        finally:
            engine.dispose()


@contextmanager
def _telling() -> Iterator[None]:
    """Lets a database that takes nothing end in a line, too."""
    from fleet_server.storage.engine import StorageUnavailable  # noqa: PLC0415

    try:
        yield
    except StorageUnavailable as error:
        raise InputError(
            f"the database does not work at the moment: {error}",
            "see to its disk or its server, then do it again",
        ) from None


def _who() -> str:
    """Who asks, for the log."""
    try:
        return f"{getpass.getuser()[:60]} at the command line"
    except (KeyError, OSError):  # a user without a name, as containers have them
        return "user without a name, at the command line"


if __name__ == "__main__":
    sys.exit(main())
