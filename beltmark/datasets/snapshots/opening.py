"""Opens a snapshot as a dataset, and tells where one is from what the user typed.

`STORE@NAME` and `STORE@DIGITS` (of the digest) name a snapshot; so do `STORE/snapshots/NAME` and
the files that lie there; the store alone does where it has one name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.snapshots.converting import images_of
from beltmark.datasets.snapshots.manifest import Manifest, Tombstone
from beltmark.datasets.snapshots.objects import has_object, object_path
from beltmark.datasets.snapshots.rows import Row, natural_key, read_row
from beltmark.datasets.snapshots.store import Store, is_store

_FOLDERS: Final = ("snapshots", "names")
_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Snapshot:
    """A snapshot in its store."""

    store: Store
    digest: str
    manifest: Manifest

    def rows(self) -> Iterator[Row]:
        """Reads its rows, one by one, sorted: all at once they would take much memory.

        Raises:
            InputError: A shard is missing or damaged.
        """
        for shard, entry in self.manifest.shards.items():
            path = self.store.shard_path(entry.sha256)
            for _, group in sorted(self.store.lines(self.manifest, shard).items()):
                yield from (read_row(line, path) for line in group)


def is_snapshot(path: Path) -> bool:
    """Whether a path names a snapshot, or a store of them."""
    return _found(path) is not None


def find_snapshot(path: Path) -> Snapshot:
    """Finds a snapshot by what the user typed.

    Raises:
        InputError: There is none.
    """
    found = _found(path)
    if found is None:
        raise InputError(
            "names no snapshot", "give it as STORE@NAME, or STORE@DIGITS of its digest", file=path
        )
    folder, reference = found
    store = Store(folder)
    if reference is None:
        names = sorted(store.names())
        if len(names) != 1:
            raise InputError(
                f"is a store of snapshots (named: {', '.join(names) or 'none'})",
                f"name one of them: {folder}@NAME",
                file=folder,
            )
        reference = names[0]
    digest = store.find(reference)
    return Snapshot(store, digest, store.manifest(digest))


def open_snapshot(path: Path) -> Dataset:
    """Opens a snapshot as a dataset, whose images are files of the store.

    Its images are in the order of their sequences and names. Each tells its original `file_name`
    and its `source` among its attributes.

    Raises:
        InputError: There is none, it is damaged, an image file is missing or not as long as it was
            (what else may be wrong with it `verify` finds), or images of it had to be forgotten.
    """
    snapshot = find_snapshot(path)
    store, manifest = snapshot.store, snapshot.manifest
    sources = {key: source.path for key, source in manifest.sources.items()}
    class_index = {name: index for index, name in enumerate(manifest.class_names)}
    found: list[tuple[tuple[object, ...], LabelledImage]] = []
    for row in present_rows(snapshot):
        where = object_path(store, row.image)
        try:
            images = images_of(row, where, class_index, sources)
        except KeyError as error:
            raise InputError(
                f"does not name the class {error}, which {row.names[0]} has",
                "take the store from a backup",
                file=store.manifest_path(snapshot.digest),
            ) from None
        for image in images:
            name = natural_key(image.attributes["file_name"])
            key = (natural_key(image.sequence), row.frame or 0, name, row.image)
            found.append((key, image))
    found.sort(key=lambda each: each[0])
    return Dataset(
        store.manifest_path(snapshot.digest),
        snapshot.digest,
        manifest.class_names,
        tuple(image for _, image in found),
        0,
        format="snapshot",
    )


def present_rows(snapshot: Snapshot) -> Iterator[Row]:
    """Reads a snapshot's rows, and makes sure that their image files are there.

    Raises:
        InputError: Images had to be forgotten, are missing, or have another size.
    """
    store = snapshot.store
    tombstones = store.tombstones()
    forgotten: list[Row] = []
    for row in snapshot.rows():
        if row.image in tombstones:
            forgotten.append(row)
            continue
        if not has_object(store, row.image, row.size_bytes):
            raise InputError(
                f"is missing, or not {row.size_bytes} bytes long: {row.names[0]}",
                "add its source again, or take it from a backup; "
                "`beltmark-train data verify` names all damage",
                file=object_path(store, row.image),
            )
        yield row
    if forgotten:
        raise InputError(
            f"{len(forgotten)} of its images had to be forgotten: "
            f"{'; '.join(_epitaph(row, tombstones[row.image]) for row in forgotten[:_MOST_NAMED])}",
            f"make one without them: beltmark-train data merge "
            f"{store.folder}@{snapshot.digest[:12]} --name NAME",
            file=store.manifest_path(snapshot.digest),
        )


def _epitaph(row: Row, tombstone: Tombstone) -> str:
    return f"{row.names[0]} ({tombstone.reason}, {tombstone.at:%Y-%m-%d})"


def _found(path: Path) -> tuple[Path, str | None] | None:
    """Returns the store and what it calls the snapshot."""
    folder, at, reference = str(path).rpartition("@")
    if at and "/" not in reference and is_store(Path(folder)):
        return Path(folder), reference
    if path.parent.name in _FOLDERS and is_store(path.parent.parent):
        return path.parent.parent, path.name.removesuffix(".json")
    return (path, None) if is_store(path) else None
