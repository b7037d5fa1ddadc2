"""`beltmark-label collect`: what it does and prints; the work is in `collecting`."""

import argparse
import os
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beltmark.contract.errors import InputError
from labeling.collect_arguments import (
    add_collect_arguments,
    check_way,
    class_names_of,
    is_own,
    pin_of,
)
from labeling.project_commands import counting
from labeling.sync_command import listen_address

if TYPE_CHECKING:
    from labeling.collecting.collection import Collection
    from labeling.collecting.station import Eyes

_MAX_CLASSES: Final = 200


def add_collect_parser(commands: Any) -> None:
    """Adds the command to a parser's subparsers."""
    collect = commands.add_parser(
        "collect", help="pictures from a station, videos, folders or a site, into a dataset"
    )
    add_collect_arguments(collect)
    collect.set_defaults(command=_collect)


def _collect(arguments: argparse.Namespace) -> int:
    from labeling.collecting.collection import open_collection  # noqa: PLC0415

    check_way(arguments)
    if arguments.forget and not arguments.folder.is_dir():
        raise InputError("no such folder", "check the path", file=arguments.folder)
    # What can be wrong with the input is said before anything is made or removed.
    act = _prepared(arguments)
    with open_collection(arguments.folder) as collection:
        for gone in collection.forget(datetime.now(UTC)):
            print(
                f"removed session {gone.session_id}: {gone.images} pictures, to be kept until "
                f"{gone.delete_after}"
            )
        code: int = act(collection)
    return code


def _prepared(arguments: argparse.Namespace) -> Any:
    """Reads what the arguments name; returns what is to be done with the collection."""
    if arguments.forget:
        return lambda _: 0
    if arguments.site:
        return _from_site(arguments)
    return _from_files(arguments) if arguments.sources else _guided(arguments)


def _from_site(arguments: argparse.Namespace) -> Any:
    from labeling.collecting.from_site import take_samples  # noqa: PLC0415
    from labeling.site import Site, read_token  # noqa: PLC0415

    site = Site(arguments.site, read_token(arguments.token_file))

    def act(collection: "Collection") -> int:
        with counting("fetching", None) as advance:
            fetched = take_samples(
                collection,
                site,
                arguments.limit,
                arguments.keep_days,
                datetime.now(UTC),
                advance=advance,
            )
        for problem in fetched.problems:
            print(problem, file=sys.stderr)
        print(
            f"{collection.folder}: {fetched.fresh} new samples, {fetched.there} were there, "
            f"{fetched.past} older than {arguments.keep_days} days left out, "
            f"{len(fetched.problems)} could not be fetched"
        )
        _tell_all(collection)
        return 1 if fetched.problems else 0

    return act


def _from_files(arguments: argparse.Namespace) -> Any:
    from labeling.collecting.from_files import FilesPlan, take_files  # noqa: PLC0415

    known = class_names_of(arguments)
    zone = _eyes(arguments.station).zone if arguments.station else arguments.zone
    plan = FilesPlan(
        next(iter(arguments.class_names), None), known, zone, arguments.every, arguments.keep_days
    )
    for source in arguments.sources:
        if not source.exists():
            raise InputError("no such file or folder", "check the path", file=source)
        both = (source.resolve(), arguments.folder.resolve())
        if both[0].is_dir() and (
            both[0] in (both[1], *both[1].parents) or both[1] in both[0].parents
        ):
            raise InputError(
                "lies in what is collected, or that in it", "name another folder", file=source
            )

    def act(collection: "Collection") -> int:
        collection.check_classes(known)
        code = 0
        for source in arguments.sources:
            with counting(f"looking at {source.name}", None) as advance:
                taken = take_files(collection, source, plan, datetime.now(UTC), advance=advance)
            record = taken.record
            if taken.is_known:
                print(f"{source}: was collected before, as session {record.session_id}")
                continue
            print(
                f"{source}: {taken.fresh} new pictures, session {record.session_id}, kept until "
                f"{record.delete_after}; left out {record.blurred} blurred, {record.alike} nearly "
                f"the same as another, {taken.there} that were there"
            )
            if taken.others:
                print(f"{source}: {taken.others} other files passed over", file=sys.stderr)
            if taken.missing:
                print(
                    f"{source}: ends {taken.missing} frames before its end: it is damaged or cut "
                    "off",
                    file=sys.stderr,
                )
            if taken.unreadable:
                print(
                    f"{source}: {record.unreadable} cannot be read: {', '.join(taken.unreadable)}",
                    file=sys.stderr,
                )
                code = 1
        _tell_all(collection)
        return code

    return act


def _guided(arguments: argparse.Namespace) -> Any:
    from labeling.backend.serving import listening, serving  # noqa: PLC0415
    from labeling.collecting.desk import Desk  # noqa: PLC0415
    from labeling.collecting.page import collect_site  # noqa: PLC0415
    from labeling.collecting.standing import DeskPlan  # noqa: PLC0415
    from labeling.collecting.station import LiveZone  # noqa: PLC0415
    from labeling.looping import Wake, ended_by_signals  # noqa: PLC0415

    class_names = class_names_of(arguments)
    if not class_names:
        raise InputError("there is no class to collect", "give --classes or --class-name")
    if len(class_names) > _MAX_CLASSES:
        raise InputError(
            f"{len(class_names)} classes are too many buttons",
            f"name up to {_MAX_CLASSES} with --class-name",
        )
    eyes = _eyes(arguments.station)
    host, port = listen_address(arguments.listen)
    pin = pin_of(arguments, is_own=is_own(host))
    plan = DeskPlan(
        eyes.name,
        class_names,
        arguments.target,
        arguments.keep_days,
        None if arguments.whole_picture else eyes.zone,
    )
    zone = LiveZone(eyes, is_whole=arguments.whole_picture)

    def act(collection: "Collection") -> int:
        collection.check_classes(class_names)
        desk = Desk(collection, zone, plan)
        with listening(host, port) as at:
            zone.start()
            try:
                shown = _reached_at(host)
                print(f"camera {zone.name}; http://{shown}:{at.getsockname()[1]}/", flush=True)
                if pin is not None:
                    made = "" if arguments.pin_file else f" {pin}"
                    print(f"any name, and the PIN{made}; Ctrl-C ends", flush=True)
                wake = Wake()
                site = collect_site(desk, zone, pin, is_over=lambda: wake.is_stopping)
                with ended_by_signals(wake), serving(site, at):
                    wake.wait_for_stop()
            finally:
                zone.stop()
                desk.close()
        _tell_all(collection)
        return 0

    return act


def _tell_all(collection: "Collection") -> None:
    """Tells what lies in a collection."""
    records = collection.records
    images = sum(len(record.images) for record in records)
    counts = collection.counts()
    empty = counts.pop(None, 0)
    told = [
        f"{count} {name}" for name, count in sorted(counts.items(), key=lambda each: f"{each[0]}")
    ]
    told += [f"{empty} empty"] if empty else []
    without = images - counts.total() - empty
    told += [f"{without} that nobody has named yet"] if without else []
    print(
        f"{collection.folder}: {images} pictures in {len(records)} sessions"
        + (f": {', '.join(told)}" if told else "")
    )


def _eyes(path: Path) -> "Eyes":
    from labeling.collecting.station import read_eyes  # noqa: PLC0415

    return read_eyes(path, os.environ)


def _reached_at(host: str) -> str:
    """Returns what stands for a host in an address that others can open."""
    if host in ("0.0.0.0", "::"):
        family = socket.AF_INET if host == "0.0.0.0" else socket.AF_INET6
        far = "192.0.2.1" if host == "0.0.0.0" else "2001:db8::1"  # for examples: nobody's
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((far, 9))  # sends nothing; the system says by which address it would
            host = asking.getsockname()[0]
    return f"[{host}]" if ":" in host else host
