"""`beltmark-label collect`: arguments and printing; the work is in `collecting`."""

import argparse
import ipaddress
import os
import re
import secrets
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beltmark.command import between, whole
from beltmark.contract.errors import InputError
from labeling.project_commands import counting
from labeling.sync_command import listen_address

if TYPE_CHECKING:
    from labeling.collecting.collection import Collection
    from labeling.collecting.record import Zone
    from labeling.collecting.station import Eyes

_LEAST_PIN: Final = 4
_MAX_PIN_BYTES: Final = 256
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_MAX_CLASSES: Final = 200


def add_collect_parser(commands: Any) -> None:
    """Adds the command to a parser's subparsers."""
    collect = commands.add_parser(
        "collect", help="pictures from a station, videos, folders or a site, into a dataset"
    )
    collect.add_argument("folder", type=Path, metavar="FOLDER", help="of what is collected")
    way = collect.add_argument_group("where from")
    way.add_argument(
        "--station", type=Path, metavar="STATION.toml",
        help="guided, at this station; with --from, whose zone it is",
    )  # fmt: skip
    way.add_argument(
        "--from", dest="sources", type=Path, action="append", default=[], metavar="PATH",
        help="a video file or a folder of pictures; may come several times",
    )  # fmt: skip
    way.add_argument("--site", metavar="URL", help="the fleet server whose samples are fetched")
    way.add_argument(
        "--forget", action="store_true",
        help="only remove what is past its day (each other way does so too, first)",
    )  # fmt: skip
    what = collect.add_argument_group("what")
    what.add_argument(
        "--class-name", dest="class_names", action="append", default=[], metavar="NAME",
        help="of what lies in the zone; at a station it may come several times",
    )  # fmt: skip
    what.add_argument(
        "--classes", type=Path, metavar="FILE", help="catalogue (CSV), COCO dataset, or list"
    )
    what.add_argument("--zone", type=_zone, metavar="X,Y,W,H", help="what is cut out, in pixels")
    what.add_argument(
        "--whole-picture", action="store_true", help="keep what lies around the zone, too"
    )
    what.add_argument(
        "--keep-days", type=whole(1, 3_650), default=90, metavar="N",
        help="remove the pictures after N days (default: 90)",
    )  # fmt: skip
    what.add_argument(
        "--every", type=between(0, 3_600), default=0.2, metavar="S",
        help="of a video, look at one frame in S seconds (default: 0.2; 0: at each)",
    )  # fmt: skip
    what.add_argument(
        "--target", type=whole(1, 100_000), default=50, metavar="N",
        help="wanted of each class at a station (default: 50)",
    )  # fmt: skip
    at = collect.add_argument_group("the page at a station, and the site")
    at.add_argument(
        "--listen", default="127.0.0.1:8090", metavar="HOST:PORT",
        help="(default: 127.0.0.1:8090); other hosts than this one must give a PIN",
    )  # fmt: skip
    at.add_argument("--pin-file", type=Path, metavar="F", help="holds it; else one is made up")
    at.add_argument("--token-file", type=Path, metavar="F", help="holds the site's admin token")
    at.add_argument(
        "--limit", type=whole(1, 10_000), default=1_000, metavar="N",
        help="the site's newest N samples (default: 1000)",
    )  # fmt: skip
    collect.set_defaults(command=_collect)


def _collect(arguments: argparse.Namespace) -> int:
    from labeling.collecting.collection import open_collection  # noqa: PLC0415

    _check_way(arguments)
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


def _check_way(arguments: argparse.Namespace) -> None:
    is_guided = bool(arguments.station) and not arguments.sources
    ways = [is_guided, bool(arguments.sources), bool(arguments.site), arguments.forget]
    if sum(ways) != 1:
        raise InputError(
            "it is not said from where" if not any(ways) else "only one way at a time",
            "give one of --station, --from, --site and --forget",
        )
    if bool(arguments.site) != bool(arguments.token_file):
        raise InputError("a site has a token, and it a site", "give --site and --token-file")
    if arguments.site and (arguments.class_names or arguments.classes or arguments.zone):
        raise InputError(
            "samples have their zone, and people say what they are",
            "leave out --class-name, --classes and --zone",
        )
    if arguments.sources and len(arguments.class_names) > 1:
        raise InputError("what lies in all of it is of one class", "give one --class-name")
    given = sum(map(bool, (arguments.zone, arguments.whole_picture, arguments.station)))
    if arguments.sources and given != 1:
        raise InputError(
            "it is not said what is to be kept of the pictures"
            if not given
            else "what is to be kept of the pictures is said twice",
            "give one of --zone X,Y,W,H, --station STATION.toml (for its zone), --whole-picture",
        )
    if is_guided and arguments.zone:
        raise InputError("a station has its zone", "correct it in the station file")


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

    known = _class_names(arguments)
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
    from labeling.collecting.desk import Desk, DeskPlan  # noqa: PLC0415
    from labeling.collecting.page import collect_site  # noqa: PLC0415
    from labeling.collecting.station import LiveZone  # noqa: PLC0415
    from labeling.looping import Wake, ended_by_signals  # noqa: PLC0415

    class_names = _class_names(arguments)
    if not class_names:
        raise InputError("there is no class to collect", "give --classes or --class-name")
    if len(class_names) > _MAX_CLASSES:
        raise InputError(
            f"{len(class_names)} classes are too many buttons",
            f"name up to {_MAX_CLASSES} with --class-name",
        )
    eyes = _eyes(arguments.station)
    host, port = listen_address(arguments.listen)
    pin = _pin(arguments, is_own=_is_own(host))
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


def _class_names(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Returns the classes that can be chosen: those named, of the list where there is one."""
    from labeling.classes import check_labels, read_classes  # noqa: PLC0415

    given = tuple(dict.fromkeys(arguments.class_names))
    if given:
        check_labels(given, Path("--class-name"))
    if arguments.classes is None:
        return given
    known = tuple(row["name"] for row in read_classes(arguments.classes))
    for name in given:
        if name not in known:
            raise InputError(
                f"{name!r:.80} is no class of it (known: {', '.join(known):.200})",
                "add it there, or correct it",
                file=arguments.classes,
            )
    return given if given and not arguments.sources else known


def _eyes(path: Path) -> "Eyes":
    from labeling.collecting.station import read_eyes  # noqa: PLC0415

    return read_eyes(path, os.environ)


def _zone(text: str) -> "Zone":
    if not re.fullmatch(r"\d{1,5},\d{1,5},\d{1,5},\d{1,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r:.60} is no X,Y,W,H in whole pixels")
    left, top, width, height = map(int, text.split(","))
    if not width or not height:
        raise argparse.ArgumentTypeError(f"{text!r:.60} has no area")
    return (left, top, left + width, top + height)


def _reached_at(host: str) -> str:
    """Returns what stands for a host in an address that others can open."""
    if host in ("0.0.0.0", "::"):
        family = socket.AF_INET if host == "0.0.0.0" else socket.AF_INET6
        far = "192.0.2.1" if host == "0.0.0.0" else "2001:db8::1"  # for examples: nobody's
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((far, 9))  # sends nothing; the system says by which address it would
            host = asking.getsockname()[0]
    return f"[{host}]" if ":" in host else host


def _is_own(host: str) -> bool:
    """Whether nobody but this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pin(arguments: argparse.Namespace, *, is_own: bool) -> str | None:
    """Returns what people must know to collect; None where only this machine can ask."""
    from beltmark.contract.documents import read_bytes  # noqa: PLC0415

    if arguments.pin_file is None:
        return None if is_own else "".join(secrets.choice(_LETTERS) for _ in range(10))
    content = read_bytes(arguments.pin_file, limit=_MAX_PIN_BYTES)
    pin = content.decode("utf-8", "replace").strip()
    if len(pin) < _LEAST_PIN:
        raise InputError(
            "holds no PIN", f"write one of at least {_LEAST_PIN} characters",
            file=arguments.pin_file,
        )  # fmt: skip
    return pin
