"""`beltmark-fleet rollout`: arguments and printing; what a rollout does is in `rollouts`."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beltmark.command import seconds, whole
from beltmark.contract.errors import InputError
from fleet_server.commands import opened, who

if TYPE_CHECKING:
    from fleet_server.rollouts.plan import Plan
    from fleet_server.storage.rollouts import RolloutStore, StoredRollout


def add_rollout_parser(kinds: Any) -> None:
    """Adds the command to a parser's subparsers."""
    rollout = kinds.add_parser(
        "rollout", help="bring a release to the fleet in waves that stop by themselves"
    )
    parts = rollout.add_subparsers(required=True, metavar="COMMAND")
    start = parts.add_parser("start", help="begin one")
    start.add_argument("site", type=Path, metavar="SITE", help="the site's folder")
    start.add_argument("release", metavar="RELEASE", nargs="?", help="name of a release")
    start.add_argument(
        "--waves", metavar="W", help="such as station-1,10%%,100%% (default: 1,10%%,50%%,100%%)"
    )
    start.add_argument("--plan", type=Path, metavar="FILE", help="all of it, as TOML")
    start.add_argument(
        "--soak", type=seconds, metavar="S",
        help="so long a wave must run it before the next (default: 600)",
    )  # fmt: skip
    start.add_argument(
        "--min-items", type=whole(0, 10_000_000), metavar="N",
        help="and so many items it must have decided (default: 50)",
    )  # fmt: skip
    start.add_argument("--window", metavar="HH:MM-HH:MM", help="ask devices only then")
    start.set_defaults(command=_start)
    listed = parts.add_parser("list", help="list them, the latest first")
    listed.add_argument("site", type=Path, metavar="SITE", help="the site's folder")
    listed.set_defaults(command=_list)
    for name, told in (
        ("show", "show how far one is, and why"),
        ("pause", "ask no more devices; what is bad still stops it"),
        ("resume", "go on after a pause"),
        ("retry", "try again with devices that failed or went back"),
        ("abort", "end it: devices that are updating go back"),
    ):
        part = parts.add_parser(name, help=told)
        part.add_argument("site", type=Path, metavar="SITE", help="the site's folder")
        part.add_argument(
            "number", type=whole(1, 10**9), metavar="NUMBER", nargs="?", help="(default: latest)"
        )
        if name == "abort":
            part.add_argument(
                "--everywhere", action="store_true", help="all devices that run it go back, too"
            )
        part.set_defaults(command=_act, act=name)


def _start(arguments: argparse.Namespace) -> int:
    from fleet_server.served import find  # noqa: PLC0415
    from fleet_server.storage.rollouts import RolloutStore  # noqa: PLC0415

    plan = _plan(arguments)
    with opened(arguments.site) as (site, engine):
        number = RolloutStore(engine).start(plan, who())
        waves = ", ".join(str(wave) for wave in plan.waves)
        print(f"rollout {number} of {plan.release}: {waves}")
        if find(site) is None:
            print("nobody serves the site: it begins when it is served")
    return 0


def _plan(arguments: argparse.Namespace) -> "Plan":
    from beltmark.contract.documents import parse, read_document  # noqa: PLC0415
    from fleet_server.rollouts.plan import Plan, parse_waves  # noqa: PLC0415

    if arguments.plan is not None:
        given = (arguments.release, arguments.waves, arguments.soak, arguments.min_items)
        if any(each is not None for each in (*given, arguments.window)):
            raise InputError(
                "a plan tells all of it", "give it alone, or give no --plan", field="--plan"
            )
        return read_document(arguments.plan, Plan)
    if arguments.release is None:
        raise InputError("no release is named", "name one, or give --plan", field="RELEASE")
    gates = {"soak_s": arguments.soak, "min_items": arguments.min_items}
    waves = parse_waves(arguments.waves or "1,10%,50%,100%")
    document: dict[str, object] = {
        "release": arguments.release,
        "waves": [wave.model_dump(exclude_none=True) for wave in waves],
        "gates": {name: value for name, value in gates.items() if value is not None},
    }
    if arguments.window is not None:
        begins, _, ends = arguments.window.partition("-")
        document["window"] = {"begins": begins.strip(), "ends": ends.strip()}
    return parse(document, Plan, "the command line")


def _list(arguments: argparse.Namespace) -> int:
    from fleet_server.storage.rollouts import RolloutStore  # noqa: PLC0415

    with opened(arguments.site) as (_, engine):
        for stored in RolloutStore(engine).all():
            print(_head(stored))
    return 0


def _act(arguments: argparse.Namespace) -> int:
    from fleet_server.storage.rollouts import RolloutStore  # noqa: PLC0415

    with opened(arguments.site) as (_, engine):
        store = RolloutStore(engine)
        stored = _stored(store, arguments.number)
        by = who()
        if arguments.act == "pause":
            store.pause(stored.rollout, by)
        elif arguments.act == "resume":
            store.resume(stored.rollout, by)
        elif arguments.act == "retry":
            store.retry(stored.rollout, by)
        elif arguments.act == "abort":
            store.abort(stored.rollout, by, everywhere=arguments.everywhere)
        for line in lines(_stored(store, stored.rollout), time.time()):
            print(line)
    return 0


def _stored(store: "RolloutStore", number: int | None) -> "StoredRollout":
    if number is None:
        latest = store.all()[:1]
        if not latest:
            raise InputError("there is no rollout", "begin one with beltmark-fleet rollout start")
        return latest[0]
    stored = store.one(number)
    if stored is None:
        raise InputError(
            f"there is no rollout {number}", "see beltmark-fleet rollout list", field="NUMBER"
        )
    return stored


def _head(stored: "StoredRollout") -> str:
    state = stored.state
    reason = f": {state.reason}" if state.reason else ""
    wave = f", wave {state.wave + 1} of {len(stored.plan.waves)}" if state.wave >= 0 else ""
    return f"rollout {stored.rollout} of {stored.plan.release}: {state.status}{wave}{reason}"


def lines(stored: "StoredRollout", now: float) -> Iterator[str]:
    """How far a rollout is: its waves, what the figures say, devices that need a look."""
    from beltmark.web.wording import Moments, duration  # noqa: PLC0415
    from fleet_server.listing import printable  # noqa: PLC0415

    state, when = stored.state, Moments(now)
    yield printable(_head(stored))
    began = when.text(stored.started_at, "day")
    yield printable(
        f"  begun {began} by {stored.started_by}, watched for {duration(state.clock_s)}"
    )
    for index, wave in enumerate(stored.plan.waves):
        members = state.of_wave(index)
        phases = [each.phase for each in members.values()]
        told = ", ".join(f"{phases.count(phase)} {phase}" for phase in dict.fromkeys(phases))
        yield f"  wave {index + 1} ({wave}): {told or 'no devices yet'}"
    for line in stored.evidence.told:
        yield f"  {line}"
    if state.status in ("stopped", "aborted"):
        yield "  recall it, unless it was not the release: beltmark-fleet release recall"
    for name, member in sorted(state.members.items()):
        if member.reason and member.phase in ("failed", "overdue", "recalling", "overruled"):
            yield printable(f"  {name}: {member.phase}: {member.reason}")
