"""Writes a snapshot: its shards, the manifest last, then its derivation and its name.

Killed at any point it leaves a valid store: what no manifest names is not there.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.locking import while_naming
from beltmark.datasets.snapshots.manifest import (
    SHARDS,
    Derivation,
    Manifest,
    NameFile,
    ShardEntry,
    Source,
)
from beltmark.datasets.snapshots.rows import sources_in
from beltmark.datasets.snapshots.store import Store


def record(
    store: Store,
    manifest: Manifest,
    derive: Callable[[str], Derivation],
    name: str | None,
) -> str:
    """Writes a snapshot whose shards and images are in the store; returns its digest.

    Args:
        store: Where to.
        manifest: What it holds.
        derive: Gives its derivation for its digest.
        name: What to call it; a name that exists moves on to it from one of its parents.

    Raises:
        InputError: It holds no image, or the name stands for a snapshot that is no parent.
    """
    if not manifest.shards:
        raise InputError("would hold no image", "add a source that has some", file=store.folder)
    content = manifest.content()
    digest = sha256_of(content)
    store.settle()
    store.put(store.manifest_path(digest), content)
    store.settle()
    derivation = derive(digest)
    is_told = any(each.tells_of(derivation) for each in store.derivations(digest))
    if digest not in derivation.parents and not is_told:
        store.keep_derivation(derivation)
        store.settle()
    if name is not None:
        move_name(store, name, digest, derivation.parents)
    return digest


def move_name(store: Store, name: str, digest: str, parents: Iterable[str]) -> None:
    """Lets a name stand for a snapshot.

    Raises:
        InputError: It stands for one that is none of these parents.
    """
    path = store.name_path(name)
    with while_naming(store):
        current = store.names().get(name)
        if current == digest:
            return
        if current is not None and current not in set(parents):
            raise InputError(
                f"the name {name!r} stands for {current[:12]}; the snapshot is made, as "
                f"{digest[:12]}",
                f"build on it with --parent {name}, merge the two, or use another name",
                file=store.folder,
            )
        store.write_document(path, NameFile(snapshot=digest))


def make_manifest(
    store: Store,
    class_names: Iterable[str],
    sources: Mapping[str, Source],
    shards: Mapping[str, ShardEntry],
) -> Manifest:
    """Returns the manifest of shards that are written; sources without an image are left out."""
    every = Manifest(
        class_names=tuple(sorted(set(class_names))),
        sources=dict(sources),
        shards={shard: shards[shard] for shard in SHARDS if shard in shards},
    )
    missing = set(sources)
    for shard in every.shards:
        if not missing:  # most often after the first shard
            break
        missing -= sources_in(store.lines(every, shard))
    used = {key: sources[key] for key in sorted(sources) if key not in missing}
    return every.model_copy(update={"sources": used})


def tool_versions() -> dict[str, str]:
    """The versions of what makes snapshots here."""
    try:
        ours = version("beltmark")
    except PackageNotFoundError:
        ours = "not installed"
    return {"beltmark": ours, "python": python_version()}
