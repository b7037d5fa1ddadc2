"""Forgets images whose owner withdrew consent, or whose time is over.

The image file goes; a tombstone stays in its place, so that snapshots that had it say what is
missing, and so that it does not come back. What was said of it (boxes, file name) stays in the
rows of old snapshots. Names move on to snapshots without it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.joining import join
from beltmark.datasets.snapshots.locking import while_removing
from beltmark.datasets.snapshots.manifest import Derivation, Tombstone
from beltmark.datasets.snapshots.objects import object_path
from beltmark.datasets.snapshots.opening import Snapshot
from beltmark.datasets.snapshots.recording import make_manifest, record, tool_versions
from beltmark.datasets.snapshots.store import MIN_DIGITS, Store
from beltmark.datasets.snapshots.uniting import without


@dataclass(frozen=True)
class Forgetting:
    """Why images are forgotten, at whose word, and when."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Forgotten:
    """What came of it: how many images went, and the names that moved on, to which digest.

    A name whose snapshot had no other image stands for None: it is gone.
    """

    images: int
    moved: dict[str, str | None]


def images_named(snapshot: Snapshot, wanted: Iterable[str]) -> tuple[str, ...]:
    """Returns the digests of images by their original names, or first digits of their digests.

    Raises:
        InputError: The snapshot has no such image, or digits stand for several.
    """
    named: dict[str, set[str]] = {text: set() for text in wanted}
    begun: dict[str, set[str]] = {text: set() for text in named if len(text) >= MIN_DIGITS}
    for row in snapshot.rows():
        for _, name in row.origins:
            if name in named:
                named[name].add(row.image)
        for text, images in begun.items():
            if row.image.startswith(text):
                images.add(row.image)
    found: set[str] = set()
    for text, of_name in named.items():
        images = of_name or begun.get(text, set())
        if len(images) > 1 and not of_name:
            raise InputError(f"{text} begins {len(images)} images", "give more digits")
        if not images:
            raise InputError(
                f"has no image {text!r}",
                "give an original name, or the first digits of its digest",
                file=snapshot.store.manifest_path(snapshot.digest),
            )
        found |= images
    return tuple(sorted(found))


def past_retention(snapshot: Snapshot, today: date) -> tuple[str, ...]:
    """Returns the images that were to be forgotten before today: by any one of their sources."""
    sources = snapshot.manifest.sources
    over = {key for key, source in sources.items() if source.is_over(today)}
    if not over:
        return ()
    rows = snapshot.rows()
    return tuple(sorted({row.image for row in rows if not over.isdisjoint(dict(row.origins))}))


def forget(store: Store, images: Collection[str], forgetting: Forgetting) -> Forgotten:
    """Forgets images; stopped half-way, it is to be called again.

    Raises:
        InputError: Another command is at work in the store.
    """
    with while_removing(store):
        known = store.tombstones()
        gone = 0
        for image in sorted(images):
            if image not in known:
                path = store.folder / "forgotten" / f"{image}.json"
                stone = Tombstone(
                    image=image, reason=forgetting.reason, at=forgetting.at, by=forgetting.by
                )
                store.write_document(path, stone)
                gone += 1
            store.disk.remove(object_path(store, image))
            if object_path(store, image).parent.is_dir():
                store.unsettle(object_path(store, image))
        store.settle()
        moved = {}
        for name, digest in store.names().items():
            if _has(store, digest, images):
                moved[name] = _move_on(store, name, digest, images, forgetting)
    return Forgotten(gone, moved)


def _has(store: Store, digest: str, images: Collection[str]) -> bool:
    manifest = store.manifest(digest)
    shards = {image[:2] for image in images}
    return any(not store.lines(manifest, shard).keys().isdisjoint(images) for shard in shards)


def _move_on(
    store: Store, name: str, digest: str, images: Collection[str], forgetting: Forgetting
) -> str | None:
    """Lets a name stand for a snapshot without these images."""
    before = store.manifest(digest)
    joined = join(store, before, lambda *_: {}, None, lambda lines: without(lines, images))
    if not joined.shards:
        store.remove_name(name)
        return None
    made = make_manifest(store, before.class_names, before.sources, joined.shards)

    def derive(new: str) -> Derivation:
        return Derivation(
            snapshot=new,
            action="forget",
            at=forgetting.at,
            by=forgetting.by,
            parents=(digest,),
            tools=tool_versions(),
        )

    return record(store, made, derive, name)
