import json
from collections.abc import Callable
from pathlib import Path

import pytest
from label_studio_tasks import answer, region, task, write_dataset, write_tasks
from pictures import write_picture

from beltmark.contract.errors import InputError
from beltmark.datasets.opening import FORMATS, read_dataset

XML = (
    "<annotation><object><name>cup</name><bndbox><xmin>2</xmin><ymin>2</ymin>"
    "<xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
)


def coco(folder: Path) -> Path:
    return write_dataset(folder)


def label_studio(folder: Path) -> Path:
    write_picture(folder / "1.png")
    return write_tasks(folder, [task(1, answer(region()))])


def yolo(folder: Path) -> Path:
    write_picture(folder / "images/1.png")
    (folder / "data.yaml").write_text("train: images\nnames: [cup]\n")
    return folder / "data.yaml"


def voc(folder: Path) -> Path:
    write_picture(folder / "JPEGImages/1.png")
    (folder / "Annotations").mkdir()
    (folder / "Annotations/1.xml").write_text(XML)
    return folder


def voc_in_parts(folder: Path) -> Path:
    write_picture(folder / "train/1.png")
    (folder / "train/1.xml").write_text(XML)
    return folder


def csv(folder: Path) -> Path:
    write_picture(folder / "1.png")
    (folder / "list.csv").write_text("file,class\n1.png,cup\n")
    return folder / "list.csv"


def folders(folder: Path) -> Path:
    write_picture(folder / "cup/1.png")
    return folder


MAKERS = [coco, label_studio, yolo, voc, voc_in_parts, csv, folders]


@pytest.mark.parametrize("make", [yolo, voc, csv])
def test_another_file_beside_it_does_not_matter(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    make(tmp_path)
    (tmp_path / "package.json").write_text('{"name": "viewer"}')
    assert read_dataset(tmp_path).format == make.__name__


@pytest.mark.parametrize("make", MAKERS)
def test_what_it_is_is_told_from_file_and_folder(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path)
    name = make.__name__.removesuffix("_in_parts")
    told = [read_dataset(path), read_dataset(tmp_path), read_dataset(path, name)]
    assert [dataset.format for dataset in told] == [name] * 3
    assert told[0].images
    assert told[0].sha256 == told[1].sha256 == told[2].sha256


def test_cocos_own_folders(tmp_path: Path) -> None:
    document = json.loads(write_dataset(tmp_path / "made").read_text())
    for row in document["images"]:
        row["file_name"] = row["file_name"].removeprefix("images/")
    (tmp_path / "made/annotations.json").unlink()
    (tmp_path / "made/annotations").mkdir()
    path = tmp_path / "made/annotations/instances_default.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(document).encode())
    for given in (path, tmp_path / "made"):
        assert read_dataset(given).images[0].path.parent == tmp_path / "made/images"


def test_a_folder_of_folders_with_other_annotations_is_no_class_per_folder(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    csv(tmp_path / "one")
    folders(tmp_path / "two")
    with pytest.raises(InputError, match="no dataset that is known") as caught:
        read_dataset(tmp_path)
    for each in FORMATS:
        assert each.told_by in str(caught.value)
    assert read_dataset(tmp_path, "folders").class_names == ("one", "two/cup")


@pytest.mark.parametrize(
    ("name", "format_name", "told"),
    [
        ("none", None, "no such file or folder"),
        ("notes.txt", None, "no dataset that is known"),
        ("", None, "no dataset that is known"),
        ("", "coco", "has no coco dataset in it"),
        ("notes.txt", "coco", "not valid JSON"),
        ("notes.txt", "pickle", "known: coco, label_studio, yolo, voc, csv, folders"),
        ("text.json", None, "no dataset that is known"),
    ],
)
def test_what_is_none_is_told(
    name: str, format_name: str | None, told: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("x")
    if name.endswith(".json"):
        (tmp_path / name).write_text('"text"')
    with pytest.raises(InputError, match=told):
        read_dataset(tmp_path / name, format_name)


def test_only_lists_have_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only CSV lists"):
        read_dataset(folders(tmp_path), class_column="coarse_class")
