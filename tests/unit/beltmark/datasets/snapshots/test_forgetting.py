from datetime import date
from pathlib import Path

import pytest
from snapshot_store import NOON, a_store, content, put, simple, snapshot

from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.describing import describe
from beltmark.datasets.snapshots.forgetting import (
    Forgetting,
    forget,
    images_named,
    past_retention,
)
from beltmark.datasets.snapshots.locking import while_adding
from beltmark.datasets.snapshots.opening import open_snapshot
from beltmark.datasets.snapshots.verifying import verify

WITHDRAWN = Forgetting("consent withdrawn", "mara", NOON)


def test_a_forgotten_image_is_gone_and_old_snapshots_say_so(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    old = put(store, simple(tmp_path, "a.jpg", "b.jpg"), name="belt").digest
    path = open_snapshot(store.folder).images[0].path
    done = forget(store, images_named(snapshot(store, "belt"), ["a.jpg"]), WITHDRAWN)
    assert done.images == 1
    assert not path.exists()
    assert done.moved == {"belt": store.find("belt")}
    assert [each.attributes["file_name"] for each in open_snapshot(store.folder).images] == [
        "b.jpg"
    ]
    with pytest.raises(InputError, match=r"a\.jpg \(consent withdrawn, 2026-11-30\)") as caught:
        open_snapshot(Path(f"{store.folder}@{old}"))
    assert "data merge" in caught.value.mend
    assert not verify(store).damage
    assert describe(snapshot(store, old), NOON.date()).forgotten


def test_it_does_not_come_back(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    data = simple(tmp_path, "a.jpg", "b.jpg")
    put(store, data, name="belt")
    forget(store, images_named(snapshot(store, "belt"), ["a.jpg"]), WITHDRAWN)
    again = put(store, data, name="belt", parent="belt")
    assert (again.images, again.left_out) == (1, 1)
    files = [path.read_bytes() for path in (store.folder / "objects").rglob("*") if path.is_file()]
    assert files == [content("b")]


def test_an_image_is_named_by_its_digest_too_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    (row,) = snapshot(store, "belt").rows()
    assert images_named(snapshot(store, "belt"), [row.image[:8]]) == (row.image,)
    with pytest.raises(InputError, match="no image 'c"):
        images_named(snapshot(store, "belt"), ["c.jpg"])


def test_a_name_whose_last_image_goes_is_gone(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    done = forget(store, images_named(snapshot(store, "belt"), ["a.jpg"]), WITHDRAWN)
    assert done.moved == {"belt": None}
    assert store.names() == {}


def test_images_whose_time_is_over_are_told(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path / "1", "a.jpg"), name="belt", retain_until=date(2026, 12, 24))
    put(store, simple(tmp_path / "2", "b.jpg"), name="belt", parent="belt")
    both = snapshot(store, "belt")
    assert past_retention(both, date(2026, 12, 24)) == ()
    (image,) = past_retention(both, date(2026, 12, 25))
    assert image in images_named(both, ["a.jpg"])
    told = describe(both, date(2026, 12, 25))
    assert told.past_retention == (image,)
    assert {each.source.path[-18:-17]: each.is_over for each in told.sources} == {
        "1": True, "2": False
    }  # fmt: skip


def test_nobody_forgets_while_others_add(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    images = images_named(snapshot(store, "belt"), ["a.jpg"])
    with while_adding(a_store(tmp_path)), pytest.raises(InputError, match="another command"):
        forget(store, images, WITHDRAWN)
    assert forget(store, images, WITHDRAWN).images == 1
