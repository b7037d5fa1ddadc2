"""The folder of what is collected: whole whatever happens, for one at a time, for so many days."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from collected import NOON, add, collection_at, killed_before, session

from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from labeling.collecting.collection import open_collection
from labeling.samples import read_images


def test_the_folder_is_a_dataset_that_tells_sessions_and_what_nobody_has_named(
    tmp_path: Path,
) -> None:
    with collection_at(tmp_path / "c") as collection:
        one = add(collection, session("one", station="line-1", light="LED"), 1)
        add(collection, one, 2, None)
        add(collection, session("two"), 3, "tube")

    dataset = read_images(tmp_path / "c")

    assert dataset.class_names == ("cup", "tube")
    assert [image.class_index for image in dataset.images] == [0, None, 1]
    assert [image.scene for image in dataset.images] == ["one", "one", "two"]
    assert dataset.images[0].attributes == {"session": "one", "station": "line-1", "light": "LED"}
    assert dataset.images[1].ignore_xyxy_px == ((0, 0, 160, 120),)
    assert not dataset.images[0].ignore_xyxy_px
    assert all(image.path.is_file() for image in dataset.images)


def test_pictures_of_which_nobody_said_anything_are_a_dataset_as_well(tmp_path: Path) -> None:
    with collection_at(tmp_path / "c") as collection:
        add(collection, session("one", class_names=()), 1, None)

    assert len(read_dataset(tmp_path / "c").images) == 1


def test_a_session_is_removed_after_its_last_day_and_not_on_it(tmp_path: Path) -> None:
    with collection_at(tmp_path / "c") as collection:
        add(collection, session("old", keep_days=1), 1)
        add(collection, session("new", keep_days=2), 2)

        assert collection.forget(NOON + timedelta(days=1)) == []
        gone = collection.forget(NOON + timedelta(days=2))

        assert [(each.session_id, each.images, each.delete_after) for each in gone] == [
            ("old", 1, "2026-12-01")
        ]
    assert [path.name for path in (tmp_path / "c" / "sessions").iterdir()] == ["new"]
    assert [image.scene for image in read_dataset(tmp_path / "c").images] == ["new"]


def test_with_the_last_session_the_document_goes(tmp_path: Path) -> None:
    with collection_at(tmp_path / "c") as collection:
        add(collection, session("one", keep_days=1), 1)
        collection.forget(NOON + timedelta(days=9))

    assert not (tmp_path / "c" / "annotations.json").exists()


def test_killed_at_any_step_the_dataset_is_whole_and_the_next_goes_on(tmp_path: Path) -> None:
    killed = 0
    for step in range(0, 100, 5):
        folder = tmp_path / str(step)
        with collection_at(folder) as collection:
            add(collection, session("old", keep_days=1), 1)
            add(collection, session("one"), 2)

        def work(folder: Path = folder) -> None:
            with open_collection(folder) as collection:
                collection.forget(NOON + timedelta(days=2))
                record = collection.record("one")
                assert record is not None
                record = add(collection, record, 3)
                collection.take_back(record, record.images[0])
                add(collection, session("two"), 4)

        was_killed = killed_before(step, work)
        for image in read_dataset(folder).images:
            assert image.path.stat().st_size > 1_000
        work_left = len(read_dataset(folder).images)
        with collection_at(folder) as collection:
            collection.forget(NOON + timedelta(days=2))
            images = {record.session_id: len(record.images) for record in collection.records}
            assert len(read_dataset(folder).images) == sum(images.values())
            files = [*(folder / "sessions").glob("*/*.jpg")]
            assert len(files) == sum(images.values()), "nothing lies about"
            assert not [*(folder / "sessions").glob(".*")]
            assert "old" not in images
        if not was_killed:
            assert work_left == 2
            break
        killed += 1
    else:
        pytest.fail("it never came to an end")
    assert killed > 3


def test_a_picture_that_somebody_removed_is_no_more(tmp_path: Path) -> None:
    with collection_at(tmp_path / "c") as collection:
        add(collection, add(collection, session("one"), 1), 2)
    (tmp_path / "c" / "sessions" / "one" / "000001.jpg").unlink()

    with collection_at(tmp_path / "c") as collection:
        assert [image.file for image in collection.records[0].images] == ["000002.jpg"]
    assert len(read_dataset(tmp_path / "c").images) == 1


def test_a_session_that_was_begun_and_killed_is_none(tmp_path: Path) -> None:
    with collection_at(tmp_path / "c") as collection:
        collection.put(session("one"))
        collection.put(session("clip", kind="video"))

    with collection_at(tmp_path / "c") as collection:
        assert collection.names == {"clip"}


def test_two_do_not_collect_into_one_folder(tmp_path: Path) -> None:
    second = open_collection(tmp_path / "c")
    with collection_at(tmp_path / "c"), pytest.raises(InputError, match="another process"), second:
        pytest.fail("two at once")


@pytest.mark.parametrize("name", ["notes.txt", "annotations.json"])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")

    with pytest.raises(InputError, match="something else"), open_collection(tmp_path):
        pytest.fail("it was taken")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_record_that_is_damaged_is_named(tmp_path: Path) -> None:
    with collection_at(tmp_path / "c") as collection:
        add(collection, session("one"), 1)
    path = tmp_path / "c" / "sessions" / "one" / "session.json"
    path.write_text(path.read_text()[:-40])

    again = open_collection(tmp_path / "c")
    with pytest.raises(InputError, match="not valid JSON") as raised, again:
        pytest.fail("it was taken")
    assert raised.value.file == path


@pytest.mark.parametrize("file", ["../../evil.jpg", "a.jpg", "000001.png"])
def test_a_record_cannot_name_a_file_elsewhere(tmp_path: Path, file: str) -> None:
    with collection_at(tmp_path / "c") as collection:
        add(collection, session("one"), 1)
    path = tmp_path / "c" / "sessions" / "one" / "session.json"
    told = json.loads(path.read_text())
    told["images"][0]["file"] = file
    path.write_text(json.dumps(told))

    with pytest.raises(InputError, match=r"images\.0\.file"), open_collection(tmp_path / "c"):
        pytest.fail("it was taken")


def test_classes_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    with collection_at(tmp_path / "c") as collection:
        add(collection, session("one"), 1)

        with pytest.raises(InputError, match="upper and lower case"):
            collection.check_classes(["Cup"])
        collection.check_classes(["cup", "can"])
