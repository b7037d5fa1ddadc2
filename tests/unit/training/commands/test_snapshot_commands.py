import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from beltmark.datasets.opening import read_dataset
from training.cli import main


def coco(folder: Path, *names: str, x: int = 10) -> Path:
    """A COCO dataset with one box on each image."""
    folder.mkdir(parents=True, exist_ok=True)
    images, boxes = [], []
    for number, name in enumerate(names, 1):
        picture = np.full((48, 64, 3), sum(name.encode()) % 256, np.uint8)
        cv2.imwrite(str(folder / name), picture)
        images.append({"id": number, "file_name": name, "width": 64, "height": 48})
        boxes.append({"id": number, "image_id": number, "category_id": 1, "bbox": [x, 10, 20, 20]})
    document: dict[str, Any] = {"categories": [{"id": 1, "name": "cup"}], "images": images}
    path = folder / "annotations.json"
    path.write_text(json.dumps({**document, "annotations": boxes}))
    return path


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a word of `beltmark-train data`; gives its exit code, output and errors."""

    def run(*words: object) -> tuple[int, str, str]:
        code = main(["data", *map(str, words)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_a_dataset_goes_its_whole_way(tmp_path: Path, data: Any) -> None:
    store, belt = tmp_path / "store", tmp_path / "store@belt"
    source = coco(tmp_path / "1", "a.png", "b.png")
    terms = ("--licence", "CC0", "--consent", "owner, letter 3", "--annotator", "mara")
    code, out, _ = data("add", source, "--store", store, "--name", "belt", *terms, "--by", "ana")
    assert code == 0
    assert "2 images, 2 of them new" in out
    other = coco(tmp_path / "2", "c.png")
    grown = ("--store", store, "--parent", belt, "--name", "grown", "--retention-days", 30)
    assert data("add", other, *grown)[0] == 0
    code, out, _ = data("diff", belt, f"{store}@grown")
    assert code == 0
    assert "1 images added, 0 removed, 0 changed" in out
    assert "+ c.png" in out
    assert "2 -> 3 (+1)" in out
    code, out, _ = data("show", f"{store}@grown")
    for text in (
        "3 images",
        "licence CC0",
        "owner, letter 3",
        "by mara",
        "by ana",
        "retained until",
    ):
        assert text in out
    told = json.loads(data("show", f"{store}@grown", "--json")[1])
    assert [each["depth"] for each in told["lineage"]] == [0, 1]
    code, out, _ = data("list", store)
    assert [line.split()[-1] for line in out.splitlines()] == ["belt", "grown"] or code == 0
    assert data("merge", belt, f"{store}@grown", "--name", "both")[0] == 0
    assert data("export", f"{store}@both", "--to", tmp_path / "out")[0] == 0
    assert len(read_dataset(tmp_path / "out" / "annotations.json").images) == 3
    code, out, _ = data("forget", f"{store}@grown", "c.png", "--reason", "asked to")
    assert code == 0
    assert "1 images forgotten" in out
    assert data("verify", store)[0] == 0


def test_a_correction_is_refused_and_then_taken(tmp_path: Path, data: Any) -> None:
    store = tmp_path / "store"
    source = coco(tmp_path / "1", "a.png")
    data("add", source, "--store", store, "--name", "belt")
    coco(tmp_path / "1", "a.png", x=12)
    again = ("add", source, "--store", store, "--name", "belt", "--parent", "belt")
    code, _, err = data(*again)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "a.png (1 box moved)" in err
    code, out, _ = data(*again, "--prefer", "new")
    assert code == 0
    assert "1 images were told differently" in out
    first = json.loads(data("diff", store / "snapshots" / "belt", f"{store}@belt", "--json")[1])
    assert first["changed"] == []


def test_merging_by_preference(tmp_path: Path, data: Any) -> None:
    store = tmp_path / "store"
    for name, x in (("first", 10), ("second", 14)):
        data("add", coco(tmp_path / name, "a.png", x=x), "--store", store, "--name", name)
    sides = (f"{store}@first", f"{store}@second")
    code, _, err = data("merge", *sides)
    assert code == 2
    assert "a.png" in err
    for prefer, x in (("A", 10), (sides[1], 14)):
        assert data("merge", *sides, "--prefer", prefer, "--name", f"by-{x}")[0] == 0
        (image,) = read_dataset(Path(f"{store}@by-{x}")).images
        assert image.objects[0].box_xyxy_px[0] == x
    assert data("merge", *sides, "--prefer", "C")[0] == 2


def test_damage_is_named_and_ends_with_one(tmp_path: Path, data: Any) -> None:
    store = tmp_path / "store"
    data("add", coco(tmp_path / "1", "a.png"), "--store", store, "--name", "belt")
    (path,) = (store / "objects").glob("*/*")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[::-1])
    code, out, _ = data("verify", store)
    assert code == 1
    assert f"{path}: is damaged" in out
    assert "needed by belt" in out


def test_classes_are_mapped_by_a_file(tmp_path: Path, data: Any) -> None:
    store, names = tmp_path / "store", tmp_path / "map.toml"
    source = coco(tmp_path / "1", "a.png")
    names.write_text('[classes]\n"tube" = "goods"\n')
    code, _, err = data("add", source, "--store", store, "--classes", names)
    assert code == 2
    assert "does not know: cup" in err
    names.write_text('[classes]\ncup = "goods"\n')
    assert data("add", source, "--store", store, "--classes", names, "--name", "belt")[0] == 0
    assert read_dataset(Path(f"{store}@belt")).class_names == ("goods",)


def test_bad_input_is_one_line(tmp_path: Path, data: Any) -> None:
    source, store = coco(tmp_path / "1", "a.png"), tmp_path / "store"
    data("add", source, "--store", store, "--name", "belt")
    for words in (
        ("add", tmp_path / "none.json", "--store", store),
        ("add", f"{store}@belt", "--store", store),
        ("add", source, "--store", tmp_path / "1"),
        ("add", source, "--store", store, "--licence", "\x1b[31mred"),
        ("add", source, "--store", store, "--parent", "bolt"),
        ("merge", f"{store}@bolt", f"{store}@belt"),
        ("diff", f"{store}@belt", tmp_path),
        ("list", tmp_path / "1"),
        ("verify", tmp_path / "1"),
        ("export", f"{store}@belt", "--to", tmp_path),
        ("forget", f"{store}@belt", "none.png", "--reason", "asked to"),
        ("forget", f"{store}@belt", "--past-retention", "--reason", "time is over"),
    ):
        code, _, err = data(*words)
        assert code == 2, words
        assert len(err.splitlines()) == 1, err
