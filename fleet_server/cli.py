"""`beltmark-fleet`: makes and serves a site, approves releases, pushes them, lists what is known.

All commands but `serve` work beside a server that runs, and without one.
"""

import argparse
import re
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from beltmark.command import run_command, seconds, whole
from fleet_server import commands, device_commands
from fleet_server.key_commands import add_key_parser
from fleet_server.release_commands import add_release_parser
from fleet_server.rollout_commands import add_rollout_parser

_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,252}", re.ASCII)


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 server died, 2 bad input, 130 Ctrl-C."""
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-fleet", description=__doc__)
    kinds = parser.add_subparsers(required=True, metavar="COMMAND")

    init = kinds.add_parser("init", help="make a new site: database, signing keys, tokens")
    _add_site(init, "a new or empty folder")
    init.add_argument(
        "--database", metavar="URL",
        help="postgresql://user:password@host/name, or sqlite:///FILE relative to the site "
        "(default: fleet.sqlite in the site)",
    )  # fmt: skip
    init.add_argument(
        "--company-prefix", type=_company_prefix, metavar="DIGITS",
        help="GS1 company prefix, for SSCCs of logistic units",
    )  # fmt: skip
    init.set_defaults(command=commands.init)

    serve = kinds.add_parser("serve", help="serve a site until Ctrl-C or SIGTERM")
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
    broker.add_argument(
        "--broker", metavar="URL",
        help="use mqtts://host[:port], or mqtt://[user:password@]host[:port]; a password is "
        "better kept in fleet.toml",
    )  # fmt: skip
    serve.add_argument(
        "--broker-port", type=whole(0, 65_535), metavar="PORT",
        help="port of the embedded broker, 0 for any (default: fleet.toml's, 1883)",
    )  # fmt: skip
    serve.add_argument("--seconds", type=seconds, help="end by itself after this time")
    serve.set_defaults(command=commands.serve)

    add_release_parser(kinds)
    _add_push_commands(kinds)
    add_rollout_parser(kinds)
    add_key_parser(kinds)
    _add_device_commands(kinds)
    _add_trust_commands(kinds)

    token = kinds.add_parser("token", help="make a new admin token; the old one ends at once")
    _add_site(token)
    token.set_defaults(command=commands.token)
    return parser


def _add_push_commands(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    push = kinds.add_parser("push", help="ask stations to run a release")
    _add_site(push)
    push.add_argument("release", metavar="RELEASE", help="name of a release that was approved")
    _add_devices(push)
    push.set_defaults(command=commands.push)

    back = kinds.add_parser("back", help="ask stations to run the release before")
    _add_site(back)
    _add_devices(back)
    back.set_defaults(command=commands.back)


def _add_device_commands(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    devices = kinds.add_parser("devices", help="list stations: how they are, what they run")
    _add_site(devices)
    _add_json(devices)
    devices.set_defaults(command=commands.devices)

    samples = kinds.add_parser("samples", help="list images that stations sent for review")
    _add_site(samples)
    samples.add_argument("--device", metavar="NAME", help="only of this station")
    samples.add_argument(
        "--last", type=whole(1, 100_000), default=100, metavar="N", help="so many (default: 100)"
    )
    _add_json(samples)
    samples.set_defaults(command=commands.samples)

    serials = kinds.add_parser(
        "serials", help="list the numbers that stations lease: how many are left, and for how long"
    )
    _add_site(serials)
    serials.add_argument(
        "--skip", type=whole(1, 10**15), metavar="N",
        help="pass over so many: after a database was put back from a copy",
    )  # fmt: skip
    serials.add_argument(
        "--kind", choices=("serial", "sscc"), default="serial",
        help="of which kind (default: serial)",
    )  # fmt: skip
    _add_json(serials)
    serials.set_defaults(command=commands.serials)

    station = kinds.add_parser("station", help="print the [fleet] section of a station file")
    _add_site(station)
    station.add_argument("name", metavar="NAME", help="the station's name in its station file")
    station.set_defaults(command=commands.station)


def _add_trust_commands(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    enrol = kinds.add_parser("enrol", help="make a one-time token by which a station joins")
    _add_site(enrol)
    enrol.add_argument("device", metavar="NAME", help="the station's name in its station file")
    enrol.add_argument(
        "--minutes", type=whole(1, 10_080), default=60, metavar="N",
        help="how long the token holds (default: 60)",
    )  # fmt: skip
    enrol.set_defaults(command=device_commands.enrol)

    enrolled = kinds.add_parser("enrolled", help="list who has a certificate, and until when")
    _add_site(enrolled)
    _add_json(enrolled)
    enrolled.set_defaults(command=device_commands.enrolled)

    revoke = kinds.add_parser(
        "revoke", help="end what a station comes in with, and its session; exit code 0 when it is"
    )
    _add_site(revoke)
    revoke.add_argument("device", metavar="NAME", help="the station's name")
    revoke.set_defaults(command=device_commands.revoke)

    broker = kinds.add_parser(
        "broker-config", help="write Mosquitto's configuration, for stations that are enrolled"
    )
    _add_site(broker)
    broker.add_argument("folder", type=_line, metavar="FOLDER", help="where the files are written")
    broker.add_argument(
        "--host", action="append", required=True, type=_host, metavar="NAME",
        help="name or address under which the broker is reached; may be given again",
    )  # fmt: skip
    broker.add_argument(
        "--port", type=whole(1, 65_535), default=8883, help="its port (default: 8883)"
    )
    broker.add_argument(
        "--bind", type=_host, metavar="ADDRESS", help="listen on this address of its machine alone"
    )
    broker.add_argument(
        "--at", type=_line, metavar="PATH",
        help="where the files lie for the broker, if that is elsewhere (a container, a machine)",
    )  # fmt: skip
    broker.add_argument(
        "--data", type=_line, default=Path("/var/lib/mosquitto"), metavar="PATH",
        help="where the broker keeps its data (default: /var/lib/mosquitto)",
    )  # fmt: skip
    broker.add_argument(
        "--pid-file", type=_line, default=Path("/run/mosquitto/mosquitto.pid"), metavar="PATH",
        help="where it notes its process (default: /run/mosquitto/mosquitto.pid)",
    )  # fmt: skip
    broker.set_defaults(command=device_commands.broker_config)


def _host(text: str) -> str:
    if _HOST.fullmatch(text) is None:
        try:
            ip_address(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no host") from None
    return text


def _line(text: str) -> Path:
    """A path that goes into a line of a configuration, and begins no other."""
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is no path for a configuration")
    return Path(text)


def _company_prefix(text: str) -> str:
    if not (text.isascii() and text.isdigit() and 4 <= len(text) <= 12):
        raise argparse.ArgumentTypeError(f"{text!r} does not have 4 to 12 digits")
    return text


def _add_site(parser: argparse.ArgumentParser, told: str = "the site's folder") -> None:
    parser.add_argument("site", type=Path, metavar="SITE", help=told)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_devices(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="all stations that were ever heard")
    which.add_argument("--device", nargs="+", metavar="NAME", help="these stations")


if __name__ == "__main__":
    sys.exit(main())
