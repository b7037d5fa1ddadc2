from pathlib import Path

import pytest
from snapshot_store import a_store, box, dataset, image, put, simple

from beltmark.contract.errors import InputError, UnknownVersionError
from beltmark.datasets.coco import read_coco
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.snapshots.opening import is_snapshot, open_snapshot
from beltmark.datasets.snapshots.store import MARK


def told(data: Dataset) -> dict[str, tuple[object, ...]]:
    """What a dataset says of each image, by its original name."""

    def of(each: LabelledImage) -> tuple[object, ...]:
        objects = sorted(
            (data.class_names[it.class_index], it.box_xyxy_px, it.track_id or -1,
             it.truncated, it.blurred, it.uncertain)
            for it in each.objects
        )  # fmt: skip
        whole = None if each.class_index is None else data.class_names[each.class_index]
        size = (each.width_px, each.height_px, each.path.read_bytes())
        return (*size, each.scene, each.sequence, sorted(each.ignore_xyxy_px), objects, whole)

    root = data.path.parent
    return {
        each.attributes.get("file_name") or each.path.relative_to(root).as_posix(): of(each)
        for each in data.images
    }


@pytest.mark.parametrize("name", ["belt", "shelf"])
def test_a_snapshot_says_of_real_photographs_what_their_file_says(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    data = read_coco(shared_data / name / "annotations.json")
    if name == "shelf":  # with the pictures that it has twice, boxed differently
        twice = ("COFFEE0111", "COFFEE0192", "SPICES0052", "SPICES0175")
        some = [each for each in data.images if each.path.stem in twice]
        data = Dataset(data.path, data.sha256, data.class_names, (*data.images[:200], *some), 0)
    store = a_store(tmp_path)
    put(store, data, name=name)
    opened = read_dataset(Path(f"{store.folder}@{name}"))
    assert told(opened) == told(data)
    assert opened.class_names == tuple(sorted(data.class_names))
    assert opened.sha256 == store.find(name)


def test_everything_that_is_said_of_an_image_is_kept(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    objects = (
        box(1, 1, track_id=7, truncated=True),
        box(2.25, 0, blurred=True, uncertain=True),
    )
    each = image(
        tmp_path, "deep/a.jpg", *objects, scene="5", sequence="9",
        ignore_xyxy_px=((0.0, 0.0, 4.0, 4.0),), class_index=1,
        attributes={"item": "box 3", "light": "dim"},
    )  # fmt: skip
    put(store, dataset(tmp_path, each), name="belt", path="../goods")
    (found,) = open_snapshot(store.folder).images
    assert (found.scene, found.sequence, found.class_index) == ("5", "9", 1)
    assert found.ignore_xyxy_px == each.ignore_xyxy_px
    assert sorted(found.objects, key=lambda it: it.box_xyxy_px) == list(objects)
    assert found.attributes == {
        "source": "../goods", "file_name": "deep/a.jpg", "item": "box 3", "light": "dim"
    }  # fmt: skip


@pytest.mark.parametrize(
    "order", [("f1.jpg", "f2.jpg", "f10.jpg"), ("f2.jpg", "f10.jpg", "f1.jpg")]
)
def test_frames_stay_in_their_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    store = a_store(tmp_path)
    data = dataset(tmp_path, *(image(tmp_path, name, sequence="s", scene="5") for name in order))
    put(store, data, name="belt")
    found = [each.attributes["file_name"] for each in open_snapshot(store.folder).images]
    assert found == list(order)


def test_a_snapshot_is_named_in_several_ways(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    digest = put(store, simple(tmp_path, "a.jpg"), name="belt").digest
    folder = store.folder
    for end in (
        "@belt", f"@{digest}", f"@{digest[:8]}", "", "/snapshots/belt",
        f"/snapshots/{digest}.json", "/names/belt.json",
    ):  # fmt: skip
        path = f"{folder}{end}"
        assert is_snapshot(Path(path)), path
        assert read_dataset(Path(path)).sha256 == digest
    assert not is_snapshot(tmp_path)
    assert not is_snapshot(tmp_path / "annotations.json")


def test_an_unknown_name_is_told_with_the_known_ones(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    put(store, simple(tmp_path, "b.jpg"), name="shelf")
    with pytest.raises(InputError, match=r"no snapshot 'bolt' \(known: belt, shelf"):
        read_dataset(Path(f"{store.folder}@bolt"))
    with pytest.raises(InputError, match=r"named: belt, shelf"):
        read_dataset(store.folder)


def test_a_cut_or_missing_image_is_named(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    path = open_snapshot(store.folder).images[0].path
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"a\.jpg") as caught:
        open_snapshot(store.folder)
    assert caught.value.file == path
    path.unlink()
    with pytest.raises(InputError, match="missing"):
        open_snapshot(store.folder)


@pytest.mark.parametrize("pattern", ["shards/*/*", "snapshots/*"])
def test_a_damaged_document_is_named(tmp_path: Path, pattern: str) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    (path,) = store.folder.glob(pattern)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"cup", b"mug"))
    with pytest.raises(InputError, match="damaged") as caught:
        open_snapshot(store.folder)
    assert caught.value.file == path


def test_a_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    (store.folder / MARK).unlink()
    (store.folder / MARK).write_text('{"format_version": 2}')
    with pytest.raises(UnknownVersionError):
        open_snapshot(store.folder)
