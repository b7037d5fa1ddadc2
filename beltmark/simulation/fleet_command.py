"""`beltmark-sim fleet`: arguments and printing; the devices are in `fleet_device`."""

import argparse
import resource
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from beltmark.command import between, whole
from beltmark.contract.broker import parse_broker
from beltmark.contract.errors import InputError
from beltmark.simulation.fleet_device import FleetPlan

_FILES_BESIDE: Final = 100
_TELL_S: Final = 5.0


def add_fleet_parser(commands: Any) -> None:
    """Adds the command to a parser's subparsers."""
    fleet = commands.add_parser(
        "fleet", help="run many made-up stations against a real broker and server"
    )
    fleet.add_argument("--broker", required=True, metavar="URL", help="mqtt://host:port")
    fleet.add_argument("--devices", type=whole(1, 20_000), default=100, metavar="N")
    fleet.add_argument("--seed", type=whole(0, 2**32), default=0, metavar="N")
    fleet.add_argument("--release", default="demo-shapes-1", help="what runs at first")
    fleet.add_argument(
        "--seconds", type=between(0, 7 * 86_400), default=0.0, metavar="S",
        help="end by itself after this time (default: at Ctrl-C)",
    )  # fmt: skip
    fleet.add_argument(
        "--minute", type=between(0.1, 60), default=60.0, metavar="S",
        help="what passes for a minute of counting (default: 60)",
    )  # fmt: skip
    fleet.add_argument(
        "--items", type=whole(0, 10_000), default=30, metavar="N", help="a minute (default: 30)"
    )
    fleet.add_argument(
        "--reviews", type=between(0, 1), default=0.05, metavar="P",
        help="share of items that go to a person (default: 0.05)",
    )  # fmt: skip
    fleet.add_argument(
        "--worse", action="append", default=[], metavar="RELEASE=P",
        help="that share under a release; may come several times",
    )  # fmt: skip
    fleet.add_argument(
        "--failing", action="append", default=[], metavar="RELEASE=P",
        help="share of devices that refuse a release; may come several times",
    )  # fmt: skip
    fleet.add_argument(
        "--offline", type=between(0, 0.99), default=0.0, metavar="P",
        help="share of devices that are off-line at any time",
    )  # fmt: skip
    fleet.add_argument(
        "--offline-for", type=between(0.1, 86_400), default=60.0, metavar="S",
        help="so long they are, on average (default: 60)",
    )  # fmt: skip
    fleet.add_argument(
        "--slow", type=between(0, 1), default=0.0, metavar="P",
        help="share of devices whose updates take ten times as long",
    )  # fmt: skip
    fleet.add_argument(
        "--update", type=between(0, 86_400), default=20.0, metavar="S",
        help="what an update takes (default: 20)",
    )  # fmt: skip
    fleet.add_argument(
        "--heartbeat", type=between(0.1, 60), default=5.0, metavar="S",
        help="time between two signs of life (default: 5)",
    )  # fmt: skip
    fleet.set_defaults(command=_fleet)


def _fleet(arguments: argparse.Namespace) -> int:
    from beltmark.simulation.fleet import SimulatedFleet, device_names  # noqa: PLC0415

    address = parse_broker(arguments.broker)
    plan = FleetPlan(
        seed=arguments.seed,
        release=arguments.release,
        minute_s=arguments.minute,
        items_a_minute=arguments.items,
        review_rate=arguments.reviews,
        worse=_by_release(arguments.worse, "--worse"),
        failing=_by_release(arguments.failing, "--failing"),
        offline=arguments.offline,
        offline_s=arguments.offline_for,
        slow=arguments.slow,
        update_s=arguments.update,
        heartbeat_s=arguments.heartbeat,
    )
    _allow_files(arguments.devices + _FILES_BESIDE)
    asked_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_end.set())
    fleet = SimulatedFleet(address, plan, list(device_names(arguments.devices)))
    began = told_at = time.monotonic()

    def is_over() -> bool:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at >= _TELL_S:
            told_at = now
            releases = ", ".join(f"{count} run {name}" for name, count in fleet.releases().items())
            print(f"{fleet.online()} of {arguments.devices} on-line; {releases}", flush=True)
        is_late = arguments.seconds and now - began >= arguments.seconds
        return bool(is_late) or asked_to_end.is_set()

    fleet.run(is_over)
    return 0


def _by_release(given: Sequence[str], field: str) -> dict[str, float]:
    found = {}
    for text in given:
        name, _, share = text.partition("=")
        try:
            found[name] = between(0, 1)(share)
        except argparse.ArgumentTypeError:
            raise InputError(
                f"{text!r:.100} is no RELEASE=P", "such as demo-shapes-2=0.3", field=field
            ) from None
    return found


def _allow_files(wanted: int) -> None:
    """Lets the process have so many files, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
