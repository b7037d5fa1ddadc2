"""`beltmark-fleet keys`: arguments, passphrases and printing; the work is `releases.ceremony`'s and
`releases.off_line`'s.
"""

import argparse
import getpass
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beltmark.command import whole
from beltmark.contract.errors import InputError
from fleet_server.commands import opened, who

if TYPE_CHECKING:
    from fleet_server.releases.ceremony import Medium
    from fleet_server.releases.repository import ReleaseRepository

_MIN_PASSPHRASE: Final = 12
_MAX_PASSPHRASE_BYTES: Final = 1_023  # what OpenSSL takes


def add_key_parser(kinds: Any) -> None:
    """Adds the command to a parser's subparsers."""
    keys = kinds.add_parser("keys", help="share out, use, replace the keys that sign releases")
    parts = keys.add_subparsers(required=True, metavar="COMMAND")
    init = _part(parts, "init", "decide where the keys of root and targets lie", _init)
    how = init.add_mutually_exclusive_group(required=True)
    how.add_argument("--single", action="store_true", help="one of each on this machine")
    how.add_argument("--threshold", type=whole(1, 15), metavar="T", help="so many must sign")
    init.add_argument("--keys", type=whole(1, 15), metavar="N", help="of so many")
    _add_media(init, "where each pair of keys goes: N folders")
    init.add_argument(
        "--anew", action="store_true",
        help="after a loss: stations follow only when root.json is brought to each of them",
    )  # fmt: skip
    _part(parts, "show", "show whose keys sign what, and what waits for signatures", _show)
    rotate = _part(parts, "rotate", "replace keys of a role", _rotate)
    rotate.add_argument("role", choices=("root", "targets", "snapshot", "timestamp"))
    rotate.add_argument(
        "--key", action="append", default=[], metavar="ID",
        help="the one to be replaced, as keys show has it (default: those on this machine)",
    )  # fmt: skip
    rotate.add_argument("--lost", action="store_true", help="it cannot sign any more")
    _add_media(rotate, "where the new one goes (default: this machine)")
    export = _part(parts, "export", "write what waits for signatures to a folder", _export)
    export.add_argument("folder", type=Path, metavar="FOLDER")
    export.add_argument(
        "--renew", action="append", default=[], choices=("root", "targets"), metavar="ROLE",
        help="sign root or targets anew though nothing changes, before it expires",
    )  # fmt: skip
    sign = parts.add_parser("sign", help="sign a file where the key is; needs no site")
    sign.add_argument("file", type=Path, metavar="FILE")
    sign.add_argument("--key", type=Path, required=True, metavar="PEM")
    sign.add_argument("--passphrase-file", type=Path, metavar="FILE", help="(default: asks)")
    sign.add_argument("--yes", action="store_true", help="do not ask before signing")
    sign.set_defaults(command=_sign)
    taken = _part(parts, "import", "take signatures that were made elsewhere", _import)
    taken.add_argument("files", type=Path, nargs="+", metavar="FILE")
    _part(parts, "drop", "forget what waits for signatures", _drop)


def _part(parts: Any, name: str, told: str, command: Any) -> argparse.ArgumentParser:
    part: argparse.ArgumentParser = parts.add_parser(name, help=told)
    part.add_argument("site", type=Path, metavar="SITE", help="the site's folder")
    part.set_defaults(command=command)
    return part


def _add_media(parser: argparse.ArgumentParser, told: str) -> None:
    parser.add_argument(
        "--medium", type=Path, action="append", default=[], metavar="DIR", help=told
    )
    parser.add_argument(
        "--passphrase-file", type=Path, action="append", default=[], metavar="FILE",
        help="for each medium one, or one for all (default: asks for each)",
    )  # fmt: skip


def _init(arguments: argparse.Namespace) -> int:
    from fleet_server.releases.ceremony import Medium, share_out  # noqa: PLC0415

    if arguments.single and (arguments.keys or arguments.medium):
        raise InputError("--single keeps the keys on this machine", "leave out --keys and --medium")
    number = 1 if arguments.single else arguments.keys
    if not arguments.single:
        if number is None or not arguments.threshold <= number == len(arguments.medium):
            raise InputError(
                f"{arguments.threshold} of {number} keys, and {len(arguments.medium)} media",
                "give --threshold T --keys N with T no more than N, and N times --medium",
            )
        if len({medium.resolve() for medium in arguments.medium}) < number:
            raise InputError("a medium is given twice", "give each key a medium of its own")
    with opened(arguments.site) as (site, _):
        is_single = site.repository().metadata.are_here("root")
    if arguments.single and not arguments.anew and is_single:
        print("the keys of root and targets are on this machine already")
        return 0
    with _changed(arguments.site, "shared out the keys of root and targets") as repository:
        media = _media(arguments) or [Medium(repository.metadata.keys)]
        share_out(repository, arguments.threshold or 1, media, is_anew=arguments.anew)
        for line in _standing(repository):
            print(line)
    if arguments.anew:
        from fleet_server.releases.ceremony import AT_EACH_STATION  # noqa: PLC0415

        print(f"now, {AT_EACH_STATION}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    with opened(arguments.site) as (site, _):
        for line in _standing(site.repository()):
            print(line)
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    from fleet_server.releases.ceremony import rotate  # noqa: PLC0415

    with _changed(arguments.site, f"replaced a key of {arguments.role}") as repository:
        is_done = rotate(
            repository,
            arguments.role,
            arguments.key,
            _media(arguments),
            are_lost=arguments.lost,
        )
    return _tell(arguments, is_done)


def _export(arguments: argparse.Namespace) -> int:
    from fleet_server.releases.off_line import export  # noqa: PLC0415

    with opened(arguments.site) as (site, _):
        files = export(site.repository(), arguments.folder, arguments.renew)
        for line in _standing(site.repository()):
            if "waits" in line:
                print(line)
    for path in files:
        print(f"next, where a key is: beltmark-fleet keys sign {path} --key PEM")
    names = " ".join(shlex.quote(str(path)) for path in files)
    print(f"then: beltmark-fleet keys import {shlex.quote(str(arguments.site))} {names}")
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    from fleet_server.releases.keys import read_key  # noqa: PLC0415
    from fleet_server.releases.off_line import sign_file, told_in  # noqa: PLC0415

    for line in told_in(arguments.file):
        print(line)
    if not arguments.yes and sys.stdin.isatty() and input("sign this? [y/N] ").lower() != "y":
        print("not signed")
        return 1
    passphrase = _passphrase(arguments.passphrase_file, arguments.key, is_new=False)
    sign_file(arguments.file, read_key(arguments.key, passphrase))
    print(f"{arguments.file}: signed")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from fleet_server.releases.off_line import take  # noqa: PLC0415

    with _changed(arguments.site, "took signatures of root or targets") as repository:
        is_done = take(repository, arguments.files)
    return _tell(arguments, is_done)


def _drop(arguments: argparse.Namespace) -> int:
    from fleet_server.releases.off_line import drop  # noqa: PLC0415

    with _changed(arguments.site, "dropped what waited for signatures") as repository:
        drop(repository)
    print("nothing waits any more; what was approved meanwhile is signed by approving it again")
    return 0


def _tell(arguments: argparse.Namespace, is_done: bool) -> int:
    with opened(arguments.site) as (site, _):
        for line in _standing(site.repository()):
            if "waits" in line:
                print(line)
    if is_done:
        print("signed: stations follow when they next look")
    else:
        print(f"next: beltmark-fleet keys export {shlex.quote(str(arguments.site))} FOLDER")
    return 0


def _standing(repository: "ReleaseRepository") -> list[str]:
    from fleet_server.releases.off_line import standing  # noqa: PLC0415

    return standing(repository)


@contextmanager
def _changed(folder: Path, what: str) -> "Iterator[ReleaseRepository]":
    """The repository; then what was done is logged, and new stations are given the new root."""
    from beltmark.contract.documents import write_bytes  # noqa: PLC0415
    from fleet_server.storage.fleet import FleetStore  # noqa: PLC0415

    with opened(folder) as (site, engine):
        repository = site.repository()
        before = repository.root()
        yield repository
        if (root := repository.root()) != before:
            write_bytes(site.root_path, root)
        FleetStore(engine).note(who(), what)


def _media(arguments: argparse.Namespace) -> "list[Medium]":
    from fleet_server.releases.ceremony import Medium  # noqa: PLC0415

    folders: Sequence[Path] = arguments.medium
    files: Sequence[Path] = arguments.passphrase_file
    if len(files) not in (0, 1, len(folders)):
        raise InputError("passphrases and media do not match", "give one for each, or one for all")
    none: list[Path | None] = [None]
    given = [*files] * len(folders) if len(files) == 1 else list(files) or none * len(folders)
    return [
        Medium(folder, _passphrase(file, folder, is_new=True))
        for folder, file in zip(folders, given, strict=True)
    ]


def _passphrase(file: Path | None, whose: Path, *, is_new: bool) -> bytes | None:
    from beltmark.contract.documents import read_bytes  # noqa: PLC0415

    if file is not None:
        text = read_bytes(file, limit=_MAX_PASSPHRASE_BYTES).strip()
    else:
        text = getpass.getpass(f"passphrase of {whose}: ").encode()
        if is_new and text != getpass.getpass("once more: ").encode():
            raise InputError("the two are not the same", "begin again", file=whose)
        if not is_new and not text:
            return None
    if is_new and len(text) < _MIN_PASSPHRASE:
        raise InputError(
            f"the passphrase is shorter than {_MIN_PASSPHRASE} characters",
            "take a longer one: four words do",
            file=file or whose,
        )
    return text or None
