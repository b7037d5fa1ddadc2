"""Reads a whole store and names what is damaged or missing."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.objects import MAX_FILE_BYTES, Progress, no_progress, object_path
from beltmark.datasets.snapshots.store import Store


@dataclass(frozen=True)
class Damage:
    """One file that is not as it should be, and the snapshots that need it."""

    path: Path
    problem: str
    snapshots: tuple[str, ...]


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        damage: What is damaged or missing.
        snapshots: How many snapshots there are.
        images: How many image files they name.
        forgotten: How many of these had to be forgotten.
        unused: Image files that no snapshot names, as a stopped command leaves them.
    """

    damage: tuple[Damage, ...]
    snapshots: int
    images: int
    forgotten: int
    unused: int


def verify(store: Store, progress: Progress = no_progress) -> Verified:
    """Hashes every file anew that a snapshot needs; nothing is changed.

    Raises:
        InputError: A name or a tombstone cannot be read.
    """
    names, stones = store.names(), store.tombstones()
    digests = store.snapshots()
    damage = [
        Damage(store.name_path(name), f"stands for {digest}, which is not there", (name,))
        for name, digest in names.items()
        if digest not in digests
    ]
    told = {
        digest: ", ".join(name for name in names if names[name] == digest) for digest in digests
    }
    users = {digest: told[digest] or digest[:12] for digest in digests}
    images, broken = _shards(store, users)
    wanted = set().union(*images.values())
    problems: dict[str, str] = {}
    for done, image in enumerate(sorted(wanted), 1):
        problem = _problem(object_path(store, image), image, image in stones)
        if problem:
            problems[image] = problem
        progress(done, len(wanted))
    damage += broken
    damage += [
        Damage(object_path(store, image), problem, _needing(image, images, store, users))
        for image, problem in problems.items()
    ]
    there = {path.parent.name + path.name for path in (store.folder / "objects").glob("??/*")}
    return Verified(
        tuple(damage),
        len(digests),
        len(wanted),
        len(stones.keys() & wanted),
        len(there - wanted),
    )


def _shards(store: Store, users: dict[str, str]) -> tuple[dict[str, frozenset[str]], list[Damage]]:
    """Reads all documents; returns the images of each shard file, and what is damaged."""
    images: dict[str, frozenset[str]] = {}
    damage: dict[Path, tuple[str, set[str]]] = {}

    def note(error: InputError, path: Path, user: str) -> None:
        damage.setdefault(path, (error.problem, set()))[1].add(user)

    for digest, user in users.items():
        try:
            manifest = store.manifest(digest)
        except InputError as error:
            note(error, store.manifest_path(digest), user)
            continue
        for shard, entry in manifest.shards.items():
            if entry.sha256 in images:
                continue
            try:
                images[entry.sha256] = frozenset(store.lines(manifest, shard))
            except InputError as error:
                note(error, store.shard_path(entry.sha256), user)
        try:
            store.derivations(digest)
        except InputError as error:
            note(error, Path(error.file or store.folder), user)
    found = [
        Damage(path, problem, tuple(sorted(needing))) for path, (problem, needing) in damage.items()
    ]
    return images, found


def _problem(path: Path, digest: str, is_forgotten: bool) -> str | None:
    if is_forgotten:
        return "had to be forgotten, but is still there" if path.exists() else None
    try:
        content = read_bytes(path, limit=MAX_FILE_BYTES)
    except InputError as error:
        return "is missing" if not path.exists() else error.problem
    return None if sha256_of(content) == digest else "is damaged: its content has another digest"


def _needing(
    image: str,
    images: dict[str, frozenset[str]],
    store: Store,
    users: dict[str, str],
) -> tuple[str, ...]:
    """Returns the snapshots that need an image."""
    shards = {shard for shard, held in images.items() if image in held}
    return tuple(
        sorted(
            user for digest, user in users.items() if _has_shard(store, digest, image[:2], shards)
        )
    )


def _has_shard(store: Store, digest: str, shard: str, files: Collection[str]) -> bool:
    try:
        entry = store.manifest(digest).shards.get(shard)
    except InputError:
        return False
    return entry is not None and entry.sha256 in files
