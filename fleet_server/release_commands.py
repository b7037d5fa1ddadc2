"""`beltmark-fleet release`: arguments and printing; what is done is in `handlers.releases`."""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet_server.commands import opened, who

if TYPE_CHECKING:
    import sqlalchemy as sa

    from fleet_server.handlers.releases import ReleaseDesk


def add_release_parser(kinds: Any) -> None:
    """Adds the command to a parser's subparsers."""
    release = kinds.add_parser("release", help="add releases to a site, approve them, recall them")
    parts = release.add_subparsers(required=True, metavar="COMMAND")
    add = _part(parts, "add", "check a release and keep it as a draft", _add)
    add.add_argument("folder", type=Path, metavar="DIR", help="the folder with its release.json")
    add.add_argument(
        "--machine", action="append", default=[], metavar="NAME",
        help="only for processors of this family, such as x86_64; may be given again",
    )  # fmt: skip
    add.add_argument(
        "--max-latency-ms", type=float, metavar="MS",
        help="refused by a station that takes longer for a picture (95th percentile)",
    )  # fmt: skip
    approve = _named(parts, "approve", "sign a release, so that stations can fetch it", _approve)
    approve.add_argument(
        "--override", metavar="REASON", default="", help="though no gate has passed it; logged"
    )
    for act, told in (
        ("promote", "make a release the champion: what the site's stations are to run"),
        ("challenge", "make a release a challenger of the champion"),
        ("retire", "ask nobody any more to run a release"),
    ):
        part = _named(parts, act, told, _act)
        part.add_argument("--why", default="", metavar="REASON")
        part.set_defaults(act=act)
    recall = _named(
        parts, "recall", "sign a release no more, for good: stations go to the champion", _recall
    )
    recall.add_argument("--why", required=True, metavar="REASON", help="what is wrong with it")
    listed = _part(parts, "list", "list releases, the latest first", _list)
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    _named(parts, "show", "show what a release rests on, and who did what to it", _show)


def _part(parts: Any, name: str, told: str, command: Any) -> argparse.ArgumentParser:
    part: argparse.ArgumentParser = parts.add_parser(name, help=told)
    part.add_argument("site", type=Path, metavar="SITE", help="the site's folder")
    part.set_defaults(command=command)
    return part


def _named(parts: Any, name: str, told: str, command: Any) -> argparse.ArgumentParser:
    part = _part(parts, name, told, command)
    part.add_argument("release", metavar="RELEASE", help="name of a release that was added")
    return part


def _add(arguments: argparse.Namespace) -> int:
    from beltmark.contract.bundle import Requirements  # noqa: PLC0415
    from beltmark.contract.documents import parse  # noqa: PLC0415

    wanted = {"machines": arguments.machine, "max_latency_ms": arguments.max_latency_ms}
    requires = parse(wanted, Requirements, "the command line")
    with _desk(arguments.site) as (desk, _):
        bundle, is_new = desk.add(arguments.folder, who(), requires)
        print(f"release {bundle.release}: {'added as a draft' if is_new else 'known already'}")
        held = desk.book.one(bundle.release)
        if held.state == "draft":
            print(f"  {held.evidence.told}")
            print(f"next: {_command('approve', arguments.site, bundle.release)}")
    return 0


def _approve(arguments: argparse.Namespace) -> int:
    with _desk(arguments.site) as (desk, _):
        is_signed = desk.approve(arguments.release, who(), arguments.override)
    site = shlex.quote(str(arguments.site))
    if is_signed:
        print(f"release {arguments.release}: approved and signed")
        print(f"next: beltmark-fleet rollout start {site} {arguments.release}")
    else:
        print(f"release {arguments.release}: approved; it waits for signatures")
        print(f"next: beltmark-fleet keys export {site} FOLDER")
    return 0


def _act(arguments: argparse.Namespace) -> int:
    with _desk(arguments.site) as (desk, _):
        desk.act(arguments.release, arguments.act, who(), arguments.why)
        print(f"release {arguments.release}: {desk.book.one(arguments.release).state}")
    return 0


def _recall(arguments: argparse.Namespace) -> int:
    with _desk(arguments.site) as (desk, _):
        recalled = desk.recall(arguments.release, who(), arguments.why)
    print(f"release {arguments.release}: recalled")
    for number in recalled.aborted:
        print(f"rollout {number}: ended")
    for one in recalled.turned:
        if one.release is not None:
            print(f"{one.device}: asked to run {one.release}")
        else:
            print(f"{one.device}: there is nothing to go to; push what it shall run")
    if not recalled.is_signed:
        site = shlex.quote(str(arguments.site))
        told = f"stations refuse it once that is signed: beltmark-fleet keys export {site} FOLDER"
        print(told, file=sys.stderr)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from fleet_server.listing import release_lines  # noqa: PLC0415

    with opened(arguments.site) as (_, engine):
        for line in release_lines(engine, as_json=arguments.json):
            print(line)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from fleet_server.listing import release_detail  # noqa: PLC0415

    with _desk(arguments.site) as (desk, engine):
        for line in release_detail(desk.book, engine, arguments.release, time.time()):
            print(line)
    return 0


def _command(act: str, site: Path, release: str) -> str:
    return f"beltmark-fleet release {act} {shlex.quote(str(site))} {release}"


@contextmanager
def _desk(folder: Path) -> "Iterator[tuple[ReleaseDesk, sa.Engine]]":
    from fleet_server.handlers.releases import ReleaseDesk  # noqa: PLC0415

    with opened(folder) as (site, engine):
        yield ReleaseDesk(engine, site.repository(), site.settings.releases), engine
