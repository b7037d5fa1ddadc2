"""Fills a folder with a release's files: what is there stays, what is at hand is copied, the rest
is fetched. In which order a slot as a whole is written is left to `slots`.
"""

import errno
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from beltmark.contract.bundle import Bundle, BundleFile
from beltmark.contract.package import Sha256
from edge_agent.update.disk import Disk, make_folders
from edge_agent.update.errors import ReleaseRefused
from edge_agent.update.receipts import digest_of

# What must stay free for the journal, the outbox and everything else.
_SPARE_BYTES = 16 * 1024 * 1024


def fill(
    disk: Disk,
    folder: Path,
    bundle: Bundle,
    running: Path,
    fetch: Callable[[BundleFile], Path],
) -> None:
    """Makes a folder hold a bundle's files and nothing else, durably.

    Args:
        disk: Where it is written.
        folder: The folder; it exists.
        bundle: The files.
        running: A folder that may have some of them.
        fetch: Gives the place of one of the others, its content verified; it is removed after.

    Raises:
        ReleaseRefused: There is not enough space.
        OSError: The disk is full nevertheless, or cannot be written.
    """
    _remove_foreign(disk, folder, bundle)
    missing = {name: file for name, file in bundle.files.items() if not (folder / name).exists()}
    at_hand = _at_hand(running, missing)
    _check_space(disk.free_bytes(folder), missing, at_hand)
    for name, file in missing.items():
        make_folders(disk, (folder / name).parent, folder)
        source = at_hand.get(file.sha256)
        if source is None:
            fetched = fetch(file)
            disk.copy(fetched, folder / name)
            disk.remove(fetched)
            at_hand[file.sha256] = folder / name  # several names may have one content
        else:
            disk.copy(source, folder / name)
        if digest_of(folder / name) != file.sha256:
            raise OSError(errno.EIO, "what was written is not what was read", str(folder / name))
    for name in bundle.files:
        disk.sync(folder / name)
    parents = {parent for name in bundle.files for parent in (folder / name).parents}
    for parent in sorted(parents):
        if parent.is_relative_to(folder):
            disk.sync_folder(parent)


def _remove_foreign(disk: Disk, folder: Path, bundle: Bundle) -> None:
    """Removes what is not in the bundle, or not as it should be."""
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder, before it
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            is_wanted = any(PurePosixPath(other).is_relative_to(name) for other in bundle.files)
            is_wanted = is_wanted and name not in bundle.files
        else:
            is_wanted = name in bundle.files and digest_of(path) == bundle.files[name].sha256
        if not is_wanted:
            disk.remove(path)


def _at_hand(running: Path, missing: dict[str, BundleFile]) -> dict[Sha256, Path]:
    """Files of the running release that may be wanted, by digest."""
    lengths = {file.length for file in missing.values()}
    return {
        sha256: path
        for path in sorted(running.rglob("*"))
        if path.is_file() and path.stat().st_size in lengths
        if (sha256 := digest_of(path)) is not None
    }


def _check_space(
    free_bytes: int, missing: dict[str, BundleFile], at_hand: dict[Sha256, Path]
) -> None:
    # A file that is fetched is there twice until it was copied.
    twice = max((f.length for f in missing.values() if f.sha256 not in at_hand), default=0)
    needed = sum(file.length for file in missing.values()) + twice + _SPARE_BYTES
    if free_bytes < needed:
        raise ReleaseRefused(
            f"the disk is too full: {needed / 1e6:.0f} MB are needed, {free_bytes / 1e6:.0f} MB "
            "are free; free some space, then ask again"
        )
