"""The arguments of `beltmark-label collect`: what they are, which fit together, what they name."""

import argparse
import ipaddress
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from beltmark.command import between, whole
from beltmark.contract.errors import InputError

if TYPE_CHECKING:
    from labeling.collecting.record import Zone

_LEAST_PIN: Final = 4
_MAX_PIN_BYTES: Final = 256
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def add_collect_arguments(collect: argparse.ArgumentParser) -> None:
    """Adds all arguments to the command's parser."""
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


def check_way(arguments: argparse.Namespace) -> None:
    """Makes sure that the arguments name one way, and what it needs.

    Raises:
        InputError: Says which arguments do not fit.
    """
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


def class_names_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Returns the classes that can be chosen: those named, of the list where there is one.

    Raises:
        InputError: A name is none of the list, or can be no class.
    """
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


def _zone(text: str) -> "Zone":
    if not re.fullmatch(r"\d{1,5},\d{1,5},\d{1,5},\d{1,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r:.60} is no X,Y,W,H in whole pixels")
    left, top, width, height = map(int, text.split(","))
    if not width or not height:
        raise argparse.ArgumentTypeError(f"{text!r:.60} has no area")
    return (left, top, left + width, top + height)


def is_own(host: str) -> bool:
    """Whether nobody but this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def pin_of(arguments: argparse.Namespace, *, is_own: bool) -> str | None:
    """Returns what people must know to collect; None where only this machine can ask.

    Raises:
        InputError: The file holds none.
    """
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
