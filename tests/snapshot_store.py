"""Small datasets and stores of snapshots, for their tests."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beltmark.datasets.dataset import Dataset, LabelledImage, LabelledObject
from beltmark.datasets.snapshots.adding import Added, Addition, add
from beltmark.datasets.snapshots.disk import RealDisk
from beltmark.datasets.snapshots.manifest import Source
from beltmark.datasets.snapshots.opening import Snapshot, find_snapshot
from beltmark.datasets.snapshots.store import Store

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
CLASSES = ("cup", "tube")


class HastyDisk(RealDisk):
    """Leaves syncing to the system: for tests in which no power goes."""

    def sync(self, path: Path) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


def content(name: str) -> bytes:
    """What the image file of this name holds; `a`, `x/a` and `a.jpg` are the same picture."""
    return b"picture of " + Path(name).stem.encode() * 20


def image(folder: Path, name: str, *objects: LabelledObject, **told: Any) -> LabelledImage:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content(name))
    fields = {"scene": name, "sequence": name, "ignore_xyxy_px": ()} | told
    return LabelledImage(path, 64, 48, objects=objects, **fields)


def box(x: float = 10, class_index: int = 0, **told: Any) -> LabelledObject:
    return LabelledObject(class_index, (x, 10.0, x + 20, 30.0), **told)


def dataset(folder: Path, *images: LabelledImage, classes: tuple[str, ...] = CLASSES) -> Dataset:
    return Dataset(folder / "annotations.json", "ab" * 32, classes, images, 0)


def simple(folder: Path, *names: str, x: float = 10) -> Dataset:
    """One box on each image of these names."""
    return dataset(folder, *(image(folder, name, box(x)) for name in names))


def a_store(folder: Path) -> Store:
    return Store.create(folder / "store", HastyDisk())


def put(store: Store, data: Dataset, **how: Any) -> Added:
    """Adds a dataset; the source's fields and those of `Addition` may be told by name."""
    terms = {key: how.pop(key) for key in ("licence", "consent", "retain_until") if key in how}
    source = Source(path=str(how.pop("path", data.path)), format="json", **terms)
    addition = Addition(source=source, by="mara", at=how.pop("at", NOON), **how)
    return add(store, data, addition, workers=1)


def snapshot(store: Store, reference: str) -> Snapshot:
    return find_snapshot(Path(f"{store.folder}@{reference}"))
