"""The receipt of a slot: which release lies there, and what each of its files must be.

It is written last, when everything that it names is on the disk; a slot without one is empty. That
its content was signed is `trust`'s to find out before.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Literal

from beltmark.contract.bundle import Bundle
from beltmark.contract.documents import Document, read_document
from beltmark.contract.errors import InputError
from beltmark.contract.package import Sha256
from beltmark.contract.release import Release, load_release
from edge_agent.update.errors import SlotDamaged

_CHUNK_BYTES = 1024 * 1024


class Receipt(Document):
    """`receipt.json`.

    Attributes:
        bundle_sha256: Digest of the bundle's document as it was signed.
        bundle: The release's name and package, its files' digests and lengths, and what it needs.
    """

    format_version: Literal[1] = 1
    bundle_sha256: Sha256
    bundle: Bundle


def read_receipt(path: Path) -> Receipt:
    """Reads a receipt.

    Raises:
        SlotDamaged: There is none, or it cannot be used.
    """
    if not path.is_file():
        raise SlotDamaged("is empty")
    try:
        return read_document(path, Receipt)
    except InputError as error:
        raise SlotDamaged(str(error)) from None


def check_files(folder: Path, bundle: Bundle) -> None:
    """Reads every file of a release and holds it against its digest.

    Raises:
        SlotDamaged: A file is missing, other than it should be, or one too many: a release trusts
            what lies in its folders.
    """
    try:
        found = {path.relative_to(folder).as_posix() for path in _files(folder)}
        for name in sorted(bundle.files.keys() | found):
            if name not in bundle.files:
                raise SlotDamaged(f"holds {name}, which is not on the receipt")
            if name not in found:
                raise SlotDamaged(f"{name} is missing")
            if digest_of(folder / name) != bundle.files[name].sha256:
                raise SlotDamaged(f"{name} is damaged")
    except OSError as error:
        raise SlotDamaged(f"cannot be read: {error}") from None


def load_checked(folder: Path, bundle: Bundle) -> Release:
    """Loads a release whose files were checked, and holds it against its bundle.

    Raises:
        InputError: It does not load, or is another than the bundle says.
    """
    release = load_release(folder)
    told = (release.name, release.package.digest)
    if told != (bundle.release, bundle.package_sha256):
        raise InputError(
            f"is release {told[0]} with package {told[1][:12]}, but was signed as "
            f"{bundle.release} with package {bundle.package_sha256[:12]}",
            "make the release anew",
            file=folder,
        )
    return release


def digest_of(path: Path) -> Sha256 | None:
    """Returns a plain file's digest; None where there is none."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    """All that is in a folder and is no folder itself; links are not followed."""
    return [
        Path(parent) / name
        for parent, folders, names in os.walk(folder)
        for name in (*names, *(f for f in folders if (Path(parent) / f).is_symlink()))
    ]
