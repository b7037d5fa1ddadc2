import errno
import os
from datetime import date
from pathlib import Path

import pytest
from snapshot_store import NOON, HastyDisk, a_store, box, content, dataset, image, put, simple

from beltmark.contract.errors import InputError
from beltmark.datasets.images import MAX_IMAGE_BYTES
from beltmark.datasets.snapshots.describing import describe
from beltmark.datasets.snapshots.objects import INDEX, MAX_FILE_BYTES, object_path
from beltmark.datasets.snapshots.opening import find_snapshot, open_snapshot
from beltmark.datasets.snapshots.store import Store
from beltmark.datasets.snapshots.verifying import verify


def age(*paths: Path) -> None:
    """Makes files old enough for their time stamps to be trusted."""
    for path in paths:
        os.utime(path, (1e9, 1e9))


def shard_files(store: Store) -> set[str]:
    return {path.name for path in (store.folder / "shards").rglob("*.jsonl")}


def test_an_image_lies_in_the_store_once_and_read_only(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = dataset(tmp_path, *(image(tmp_path, name, box()) for name in ("a.jpg", "x/a.jpg")))
    added = put(store, data)
    assert (added.images, added.hashed, added.stored) == (1, 2, 1)
    (file,) = [path for path in (store.folder / "objects").rglob("*") if path.is_file()]
    assert file.read_bytes() == content("a")
    assert file.stat().st_mode & 0o777 == 0o444
    told = open_snapshot(Path(f"{store.folder}@{added.digest[:8]}"))
    assert [each.attributes["file_name"] for each in told.images] == ["a.jpg", "x/a.jpg"]


def test_equal_content_is_one_snapshot_whatever_the_order_of_adding(tmp_path: Path) -> None:
    digests = set()
    for order in ("abc", "cab", "bca"):
        store = a_store(tmp_path / order)
        parent = None
        for letter in order:
            data = simple(tmp_path / letter, f"{letter}.jpg", "both.jpg")
            parent = put(store, data, parent=parent, at=NOON.replace(hour=len(digests))).digest
        digests.add(parent)
    assert len(digests) == 1


def test_one_more_image_writes_one_shard_and_hashes_one_file(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    names = [f"{number}.jpg" for number in range(40)]
    data = simple(tmp_path, *names)
    age(*(each.path for each in data.images))
    first = put(store, data, name="belt")
    before = shard_files(store)
    grown = simple(tmp_path, *names, "one more.jpg")
    age(*(each.path for each in grown.images))
    later = date(2026, 12, 31)
    second = put(store, grown, name="belt", parent="belt", retain_until=later)
    assert (second.added, second.hashed, second.stored) == (1, 1, 1)
    assert len(shard_files(store) - before) == 1
    told = describe(find_snapshot(store.folder), later)
    assert {each.source.retain_until: each.images for each in told.sources} == {None: 40, later: 1}
    assert second.has_older_terms
    assert [each.digest for each in told.lineage] == [second.digest, first.digest]


def test_adding_the_same_again_changes_nothing(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg", "b.jpg")
    first = put(store, data, name="belt")
    again = put(store, data, name="belt", at=NOON.replace(hour=13), parent="belt")
    assert (again.digest, again.added) == (first.digest, 0)
    assert len(store.derivations(first.digest)) == 1
    assert put(store, data, name="belt").digest == first.digest


def test_a_file_that_changed_is_hashed_anew(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg")
    age(data.images[0].path)
    first = put(store, data)
    data.images[0].path.write_bytes(content("b"))
    age(data.images[0].path)  # of the same size and age: the inode or the time of change tells not
    os.utime(data.images[0].path, (1e9, 1e9 + 1))
    second = put(store, data)
    assert second.hashed == 1
    assert second.digest != first.digest


def test_a_young_file_is_not_trusted_to_stay(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg")
    put(store, data)
    assert put(store, data).hashed == 1


def test_a_damaged_index_begins_anew(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg")
    digest = put(store, data).digest
    (store.folder / INDEX).write_bytes(b"no database at all" * 100)
    for rest in store.folder.glob(f"{INDEX}-*"):
        rest.unlink()
    assert put(store, data).digest == digest


def test_another_word_on_an_image_is_refused_by_name(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg", "b.jpg"), name="belt")
    corrected = dataset(
        tmp_path, image(tmp_path, "a.jpg", box(12)), image(tmp_path, "b.jpg", box())
    )
    with pytest.raises(InputError, match=r"1 images .* a\.jpg \(1 box moved\)") as caught:
        put(store, corrected, name="belt", parent="belt")
    assert "--prefer" in caught.value.mend
    kept = put(store, corrected, name="belt", parent="belt", prefer="first")
    assert kept.digest == store.find("belt")
    new = put(store, corrected, name="belt", parent="belt", prefer="second")
    assert new.replaced == 1
    boxes = {
        each.attributes["file_name"]: each.objects[0].box_xyxy_px[0]
        for each in open_snapshot(store.folder).images
    }
    assert boxes == {"a.jpg": 12, "b.jpg": 10}


def test_a_picture_that_a_source_has_twice_with_other_boxes_is_kept_twice(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = dataset(tmp_path, image(tmp_path, "a.jpg", box()), image(tmp_path, "x/a.jpg", box(14)))
    put(store, data)
    told = open_snapshot(Path(f"{store.folder}@{store.snapshots()[0]}"))
    assert [each.objects[0].box_xyxy_px[0] for each in told.images] == [10, 14]


def test_a_file_that_a_list_names_twice_counts_twice(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, dataset(tmp_path, *(image(tmp_path, "a.jpg", box()) for _ in range(2))), name="belt")
    assert len(open_snapshot(store.folder).images) == 2
    assert describe(find_snapshot(store.folder), NOON.date()).images == 2


def test_a_name_moves_on_only_from_a_parent(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    with pytest.raises(InputError, match="the snapshot is made") as caught:
        put(store, simple(tmp_path, "b.jpg"), name="belt")
    assert "--parent belt" in caught.value.mend
    assert len(store.snapshots()) == 2


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-a", "a" * 65, "deadbeef", "a@b", "a\n"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    store = a_store(tmp_path)
    with pytest.raises(InputError):
        put(store, simple(tmp_path, "a.jpg"), name=name)
    assert store.snapshots() == ()


def test_classes_are_called_anew_and_all_must_be_known(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg")
    with pytest.raises(InputError, match="does not know: tube"):
        put(store, data, class_of={"cup": "mug"})
    put(store, data, class_of={"cup": "goods", "tube": "goods"}, name="belt")
    told = open_snapshot(store.folder)
    assert told.class_names == ("goods",)
    assert store.derivations(told.sha256)[0].classes == {"cup": "goods", "tube": "goods"}


def test_a_missing_image_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg", "b.jpg")
    data.images[1].path.unlink()
    with pytest.raises(InputError) as caught:
        put(store, data)
    assert caught.value.file == data.images[1].path
    assert store.snapshots() == ()


def test_an_empty_dataset_makes_no_snapshot(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image"):
        put(a_store(tmp_path), dataset(tmp_path))


def test_a_file_may_be_as_large_as_an_image_that_can_be_read() -> None:
    assert MAX_FILE_BYTES == MAX_IMAGE_BYTES


class FullDisk(HastyDisk):
    """Has room for so many files."""

    def __init__(self, room: int) -> None:
        self.room = room

    def _take(self, path: Path) -> None:
        self.room -= 1
        if self.room < 0:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    def write(self, path: Path, content: bytes) -> None:
        self._take(path)
        super().write(path, content)

    def copy(self, source: Path, target: Path) -> None:
        self._take(target)
        super().copy(source, target)


def test_on_a_full_disk_nothing_is_half_there_and_the_next_try_goes_on(tmp_path: Path) -> None:
    data = simple(tmp_path, *(f"{number}.jpg" for number in range(4)))
    whole = put(a_store(tmp_path / "whole"), data)
    for room in range(1, 20):
        folder = tmp_path / str(room)
        folder.mkdir()
        store = Store.create(folder / "store", FullDisk(room))
        try:
            put(store, data, name="belt")
            break
        except OSError:
            pass
        assert not verify(store).damage
        assert [*(store.folder / "unfinished").iterdir()] == []
        again = put(a_store(folder), data, name="belt")
        assert (again.digest, again.stored) == (whole.digest, max(0, 4 - (room - 1)))
    else:
        pytest.fail("a disk with room enough was never reached")


def test_hard_links_take_no_room_and_fall_back_to_copies(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg")
    put(store, data, keep="hardlink", name="belt")
    assert open_snapshot(store.folder).images[0].path.samefile(data.images[0].path)

    class OtherDisk(HastyDisk):
        def link(self, source: Path, target: Path) -> bool:
            return False

    other = Store.create(tmp_path / "other", OtherDisk())
    put(other, data, keep="hardlink", name="belt")
    assert not open_snapshot(other.folder).images[0].path.samefile(data.images[0].path)


def test_a_store_is_not_made_among_other_things(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="other things"):
        Store.create(tmp_path)


def test_what_a_killed_command_left_half_written_goes(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    rest = store.folder / "unfinished" / "rest"
    rest.parent.mkdir()
    rest.write_bytes(b"half")
    put(store, simple(tmp_path, "a.jpg"))
    assert not rest.exists()


def test_a_lost_image_comes_back_by_adding_its_source_again(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg")
    age(data.images[0].path)
    put(store, data, name="belt")
    path = open_snapshot(store.folder).images[0].path
    path.unlink()
    assert path == object_path(store, path.parent.name + path.name)
    put(store, data, name="belt")
    assert path.read_bytes() == content("a")
