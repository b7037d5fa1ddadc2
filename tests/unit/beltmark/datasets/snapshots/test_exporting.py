from pathlib import Path

import pytest
from snapshot_store import a_store, box, content, dataset, image, put, simple

from beltmark.contract.errors import InputError
from beltmark.datasets.coco import read_coco
from beltmark.datasets.snapshots.exporting import export_coco, file_names
from beltmark.datasets.snapshots.opening import open_snapshot


def test_an_export_is_read_back_as_coco(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    first = image(
        tmp_path, "images/a.jpg", box(1.5, 1, track_id=7, truncated=True), scene="5", sequence="9",
        ignore_xyxy_px=((0.0, 0.0, 4.0, 4.0),),
    )  # fmt: skip
    put(store, dataset(tmp_path, first, image(tmp_path, "b.jpg")), name="belt")
    opened = open_snapshot(store.folder)
    path = export_coco(opened, tmp_path / "out")
    told = read_coco(path)
    assert told.class_names == opened.class_names
    by_name = {each.path.name: each for each in told.images}
    assert by_name["a.jpg"].objects == opened.images[0].objects
    assert by_name["a.jpg"].ignore_xyxy_px == first.ignore_xyxy_px
    assert (by_name["a.jpg"].scene, by_name["a.jpg"].sequence) == ("5", "9")
    assert by_name["b.jpg"].path == tmp_path / "out" / "images" / "b.jpg"
    assert by_name["b.jpg"].path.read_bytes() == content("b")
    assert by_name["b.jpg"].path.stat().st_nlink == 2


@pytest.mark.parametrize(
    "name", ["../../etc/x.jpg", "/etc/x.jpg", "a\nb.jpg", ".hidden", "x" * 300, "..", "C:\\x.jpg"]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    each = image(tmp_path, "a.jpg", attributes={"file_name": name})
    (found,) = file_names([each])
    assert found.startswith("images/")
    assert (tmp_path / "out" / found).resolve().is_relative_to(tmp_path / "out" / "images")
    assert found.isprintable()
    assert len(found) < 255


def test_names_that_would_be_one_are_told_apart(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path / "1", "a.jpg"), name="belt")
    folder = tmp_path / "2"
    (folder / "sub").mkdir(parents=True)
    (folder / "A.jpg").write_bytes(b"another picture")
    other = dataset(folder, image(folder, "A.jpg", box()))
    put(store, other, name="belt", parent="belt")
    twice = dataset(tmp_path / "3", *(image(tmp_path / "3", name) for name in ("x/c", "y/c")))
    put(store, twice, name="belt", parent="belt")
    names = file_names(open_snapshot(store.folder).images)
    assert len({name.casefold() for name in names}) == len(names) == 4


def test_only_an_empty_folder_is_written_to(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    with pytest.raises(InputError, match="not an empty folder"):
        export_coco(open_snapshot(store.folder), tmp_path)
