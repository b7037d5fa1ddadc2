from pathlib import Path

import pytest
from snapshot_store import NOON, a_store, box, dataset, image, put, simple, snapshot

from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.comparing import compare_snapshots
from beltmark.datasets.snapshots.forgetting import Forgetting, forget, images_named
from beltmark.datasets.snapshots.merging import Merging, merge
from beltmark.datasets.snapshots.opening import open_snapshot
from beltmark.datasets.snapshots.store import Store
from beltmark.datasets.snapshots.verifying import verify

PLAIN = Merging(by="mara", at=NOON)


def two(tmp_path: Path) -> Store:
    """A store with `first` (a, b) and `second` (b, c)."""
    store = a_store(tmp_path)
    put(store, simple(tmp_path / "1", "a.jpg", "b.jpg"), name="first")
    put(store, simple(tmp_path / "2", "b.jpg", "c.jpg"), name="second")
    return store


def test_merging_is_the_same_from_either_side(tmp_path: Path) -> None:
    store = two(tmp_path)
    there = merge(snapshot(store, "first"), snapshot(store, "second"), PLAIN)
    back = merge(snapshot(store, "second"), snapshot(store, "first"), PLAIN)
    assert there.digest == back.digest
    assert (there.images, there.added, back.added) == (3, 1, 1)
    assert len(store.derivations(there.digest)) == 1
    assert not verify(store).damage


def test_a_contradiction_is_refused_or_decided(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path / "1", "a.jpg"), name="first")
    other = dataset(tmp_path / "2", image(tmp_path / "2", "renamed/a.jpg", box(10, 1)))
    put(store, other, name="second")
    sides = snapshot(store, "first"), snapshot(store, "second")
    with pytest.raises(InputError, match=r"a\.jpg \(1 box of another class\)"):
        merge(*sides, PLAIN)
    kept = merge(*sides, Merging(by="mara", at=NOON, prefer="first"))
    assert (
        kept.digest == sides[0].digest
        or not compare_snapshots(sides[0], snapshot(store, kept.digest)).difference
    )
    taken = merge(*sides, Merging(by="mara", at=NOON, prefer="second"))
    found = compare_snapshots(sides[0], snapshot(store, taken.digest))
    assert found.counts == {"cup": (1, 0), "tube": (0, 1)}


def test_another_store_is_taken_over_with_its_images_and_lineage(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path / "1", "a.jpg"), name="belt")
    other = a_store(tmp_path / "other")
    put(other, simple(tmp_path / "2", "b.jpg"), name="belt")
    put(other, simple(tmp_path / "3", "c.jpg"), name="belt", parent="belt")
    merged = merge(snapshot(store, "belt"), snapshot(other, "belt"), PLAIN)
    told = open_snapshot(Path(f"{store.folder}@{merged.digest}"))
    assert len(told.images) == 3
    assert all(each.path.is_relative_to(store.folder) for each in told.images)
    assert not verify(store).damage
    assert len(store.derivations(other.find("belt"))) == 1


def test_damage_in_the_other_store_does_not_come_over(tmp_path: Path) -> None:
    store, other = a_store(tmp_path), a_store(tmp_path / "other")
    put(store, simple(tmp_path / "1", "a.jpg"), name="belt")
    put(other, simple(tmp_path / "2", "b.jpg"), name="belt")
    path = open_snapshot(other.folder).images[0].path
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(InputError, match="damaged") as caught:
        merge(snapshot(store, "belt"), snapshot(other, "belt"), PLAIN)
    assert caught.value.file == path
    assert store.snapshots() == (store.find("belt"),)


def test_classes_merge_by_name_and_can_be_called_anew(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path / "1", "a.jpg"), name="first")
    mugs = dataset(tmp_path / "2", image(tmp_path / "2", "b.jpg", box()), classes=("mug", "tube"))
    put(store, mugs, name="second")
    sides = snapshot(store, "first"), snapshot(store, "second")
    plain = snapshot(store, merge(*sides, PLAIN).digest)
    assert plain.manifest.class_names == ("cup", "mug", "tube")
    with pytest.raises(InputError, match="does not know: mug, tube"):
        merge(*sides, Merging(by="mara", at=NOON, class_of={"cup": "cup"}))
    names = {"cup": "cup", "mug": "cup", "tube": "tube"}
    one = snapshot(store, merge(*sides, Merging(by="mara", at=NOON, class_of=names)).digest)
    assert one.manifest.class_names == ("cup", "tube")
    assert [row.objects[0].class_name for row in one.rows()] == ["cup", "cup"]


def test_one_snapshot_is_made_anew_without_what_was_forgotten(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    old = put(store, simple(tmp_path, "a.jpg", "b.jpg")).digest
    forget(store, images_named(snapshot(store, old), ["a.jpg"]), Forgetting("asked", "mara", NOON))
    made = merge(snapshot(store, old), None, PLAIN)
    assert (made.images, made.left_out) == (1, 1)
    assert len(open_snapshot(Path(f"{store.folder}@{made.digest}")).images) == 1
