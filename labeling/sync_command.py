"""`beltmark-label sync` and `backend`: arguments and printing; see `rounds`, `backend/`."""

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beltmark.command import INTERRUPTED, whole
from beltmark.contract.errors import InputError
from labeling.project_commands import (
    add_cache,
    add_champion,
    add_choice,
    add_project,
    add_site,
    cache_of,
    site_of,
)
from labeling.pull_command import add_harvest, harvest_plan
from labeling.studio_commands import open_studio

if TYPE_CHECKING:
    from labeling.backend.hosting import Host
    from labeling.champion import Champion
    from labeling.looping import Wake
    from labeling.rounds import Rounds
    from labeling.sources import Source
    from labeling.studio.connection import Connection
    from labeling.studio.port import Project

_HOST: Final = "127.0.0.1"
_PORT: Final = 9090
_ENDED: Final = "ended; what is left to do is found again"
_EVERYWHERE: Final = ("0.0.0.0", "::", "")


def add_sync_parsers(commands: Any) -> None:
    """Adds the commands to a parser's subparsers."""
    sync = commands.add_parser("sync", help="push and pull by itself, until Ctrl-C")
    add_harvest(sync)
    sync.add_argument(
        "--images", type=Path, action="append", default=[], metavar="DATASET",
        help="a folder, or a dataset, or STORE@NAME, that is watched; may come several times",
    )  # fmt: skip
    sync.add_argument("--format", metavar="NAME", help="of DATASET, where it can't be told")
    add_site(sync)
    add_champion(sync)
    sync.add_argument(
        "--budget", type=whole(0, 1_000_000), default=200, metavar="N",
        help="at most so many new tasks a day (default: 200)",
    )  # fmt: skip
    add_choice(sync)
    add_cache(sync)
    sync.add_argument(
        "--interval", type=whole(1, 86_400), default=60, metavar="S",
        help="from round to round, in seconds (default: 60)",
    )  # fmt: skip
    sync.add_argument("--once", action="store_true", help="one round, such as for cron")
    sync.add_argument(
        "--listen", metavar="HOST:PORT",
        help="let Label Studio call: a round begins at once; with --package it can ask the model",
    )  # fmt: skip
    _add_public(sync)
    add_project(sync)
    sync.set_defaults(command=_sync)

    backend = commands.add_parser("backend", help="let Label Studio ask the champion")
    add_champion(backend, is_required=True)
    backend.add_argument("--host", default=_HOST, help=f"where to listen (default: {_HOST})")
    backend.add_argument(
        "--port", type=whole(1, 65_535), default=_PORT, metavar="N", help=f"(default: {_PORT})"
    )
    _add_public(backend)
    add_project(backend)
    backend.set_defaults(command=_backend)


def _add_public(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--public", metavar="URL", help="our address as Label Studio sees it, where it is another"
    )


def _sync(arguments: argparse.Namespace) -> int:
    from labeling.backend.hosting import hosting  # noqa: PLC0415
    from labeling.looping import Wake, ended_by_signals, keep_going  # noqa: PLC0415
    from labeling.rounds import Rounds, SyncPlan  # noqa: PLC0415

    if arguments.once and arguments.listen:
        raise InputError("one round hears of nothing", "leave out --once or --listen")
    connection = _connection(arguments)
    connection()
    sources, champion = _sources(arguments), _champion(arguments)
    plan = SyncPlan(
        arguments.title,
        arguments.budget,
        arguments.random_share,
        arguments.seed,
        harvest_plan(arguments),
    )
    wake = Wake()
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals(wake))
        stack.enter_context(_alone(plan.harvest.work))
        host = None
        if arguments.listen:
            at = listen_address(arguments.listen)
            host = _host(arguments, at, connection, champion, is_heard=True)
            stack.enter_context(hosting(at, host, _files(connection), wake.event))
            print(f"listening at {arguments.listen}, as {host.caller.url}", flush=True)
        rounds = Rounds(
            lambda: open_studio(arguments),
            plan,
            sources,
            champion,
            lambda: datetime.now().astimezone(),
            meet=_meeting(host, champion, arguments),
            cache=cache_of(arguments),
        )
        if arguments.once:
            return _once(rounds, wake)

        def reconnect() -> None:
            rounds.reconnect()
            if host is not None:
                host.forget()

        keep_going(
            lambda: rounds.run(wake.check),
            reconnect,
            wake,
            arguments.interval,
            tell=_tell,
            tell_problem=_tell_problem,
        )
        print(_ENDED)
    return 0


def _once(rounds: "Rounds", wake: "Wake") -> int:
    from labeling.looping import Stopped  # noqa: PLC0415

    try:
        done = rounds.run(wake.check)
    except Stopped:
        print(_ENDED)
        return INTERRUPTED
    for problem in done.problems:
        _tell_problem(problem)
    _tell(str(done))
    return 1 if done.problems else 0


def _backend(arguments: argparse.Namespace) -> int:
    from labeling.backend.hosting import hosting  # noqa: PLC0415
    from labeling.looping import Wake, ended_by_signals, wait_after  # noqa: PLC0415
    from labeling.projects import find_project  # noqa: PLC0415
    from labeling.studio.port import StudioAway  # noqa: PLC0415

    connection = _connection(arguments)
    connection()
    champion = _champion(arguments)
    at = (arguments.host, arguments.port)
    host = _host(arguments, at, connection, champion, is_heard=False)
    meet = _meeting(host, champion, arguments)
    wake, failures = Wake(), 0
    with ended_by_signals(wake), hosting(at, host, _files(connection)):
        while not wake.is_stopping:
            try:
                studio = open_studio(arguments)
                project = find_project(studio, arguments.title)
                meet(project)
            except StudioAway as error:
                failures += 1
                wait_s = wait_after(failures)
                _tell_problem(f"{error}; again in {wait_s:g} s")
                wake.wait(wait_s, wait_s)
                continue
            print(f"{studio.address}/projects/{project.id}: asks {host.caller.url}", flush=True)
            wake.wait_for_stop()
        print("ended")
    return 0


def _meeting(
    host: "Host | None", champion: "Champion | None", arguments: argparse.Namespace
) -> "Callable[[Project], None]":
    """Returns what is done about a project in each round: is it ours, does it know us?"""
    from labeling.project_config import class_names_of  # noqa: PLC0415
    from labeling.rounds import check_classes  # noqa: PLC0415

    told: list[str] = []

    def meet(project: "Project") -> None:
        nonlocal told
        if champion is not None:
            names = frozenset(class_names_of(project.config, project.title))
            now = check_classes(champion.classes, names, str(arguments.package))
            if now != told:
                told = now
                for line in now:
                    _tell_problem(line)
        if host is not None:
            host.register(project)

    return meet


def _connection(arguments: argparse.Namespace) -> "Callable[[], Connection]":
    from labeling.studio.connection import default_path, read_connection  # noqa: PLC0415

    return lambda: read_connection(arguments.connection or default_path())


def _champion(arguments: argparse.Namespace) -> "Champion | None":
    from labeling.champion import Champion  # noqa: PLC0415

    if not arguments.package:
        return None
    return Champion(arguments.package, frozenset(), arguments.min_score)


def _sources(arguments: argparse.Namespace) -> "list[Source]":
    from labeling.sources import DatasetSource, StationSource  # noqa: PLC0415

    sources: list[Source] = []
    if (site := site_of(arguments)) is not None:
        sources.append(StationSource(site, harvest_plan(arguments).work / "samples"))
    sources += [DatasetSource(path, arguments.format) for path in arguments.images]
    return sources


def _files(connection: "Callable[[], Connection]") -> Any:
    from labeling.backend.hosting import StudioFiles  # noqa: PLC0415

    return StudioFiles(connection)


def _host(
    arguments: argparse.Namespace,
    at: tuple[str, int],
    connection: "Callable[[], Connection]",
    champion: "Champion | None",
    *,
    is_heard: bool,
) -> "Host":
    from labeling.backend.hosting import Host  # noqa: PLC0415
    from labeling.registering import Caller, password_for  # noqa: PLC0415
    from labeling.studio.connection import check_address  # noqa: PLC0415

    host, port = at
    if arguments.public:
        url = check_address(arguments.public)
    elif host in _EVERYWHERE:
        raise InputError(
            f"{host!r} is no address that Label Studio could call", "give --public URL"
        )
    else:
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return Host(Caller(url, password_for(connection().token)), connection, champion, is_heard)


def listen_address(text: str) -> tuple[str, int]:
    """Reads HOST:PORT, as `--listen` has it."""
    host, separator, port = text.rpartition(":")
    try:
        if not separator:
            raise argparse.ArgumentTypeError
        return host.removeprefix("[").removesuffix("]"), whole(1, 65_535)(port)
    except argparse.ArgumentTypeError:
        raise InputError(f"{text!r:.100} is no HOST:PORT", f"such as {_HOST}:{_PORT}") from None


def _alone(work: Path) -> Any:
    from labeling.kept import while_alone  # noqa: PLC0415

    return while_alone(work)


def _tell(line: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {line}", flush=True)


def _tell_problem(line: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {line}", file=sys.stderr, flush=True)
