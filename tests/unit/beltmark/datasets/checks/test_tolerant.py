import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from beltmark.contract.errors import InputError
from beltmark.datasets.checks.tolerant import read_tolerantly
from beltmark.datasets.opening import read_dataset


def write(folder: Path, **changes: Any) -> Path:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.zeros((48, 64, 3), np.uint8))
    document = {
        "categories": [{"id": 7, "name": "cup"}, {"id": 2, "name": "tube"}],
        "images": [
            {"id": 1, "file_name": "a.png", "width": 64, "height": 48, "scene": 5,
             "item": "i-1", "ignore": [[0, 0, 4, 4]]},
            {"id": 2, "file_name": "b.png", "width": 64, "height": 48},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20], "track_id": 3},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [-1, 0, 10, 10]},
        ],
    } | changes  # fmt: skip
    path = folder / "annotations.json"
    path.write_text(json.dumps(document))
    return path


def row(**changes: Any) -> dict[str, Any]:
    return {"id": 9, "image_id": 1, "category_id": 7, "bbox": [1, 2, 30, 30]} | changes


def test_without_faults_it_is_what_the_reader_reads(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert read_tolerantly(path) == (read_dataset(path), ())


def test_every_fault_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    bad = [
        row(id=10, bbox=[1, 2, 0, 5]),
        row(id=11, bbox=[50, 2, 30, 5]),
        row(id=12, bbox=[1, 2, "3", 5]),
        row(id=13, bbox=[1, 2, None, 5]),
        row(id=14, category_id=99),
        row(id=15, image_id=99),
        row(id=16, iscrowd=1),
        row(id=9),
        row(id=9),
        "no row",
    ]
    dataset, findings = read_tolerantly(write(tmp_path, annotations=bad))
    assert sorted(finding.kind for finding in findings) == [
        *["bad-row"] * 6, "box-degenerate", "box-outside",
    ]  # fmt: skip
    assert len({finding.id for finding in findings}) == 8
    first = dataset.images[0]
    assert [item.box_xyxy_px for item in first.objects] == [(1, 2, 31, 32)]
    assert first.ignore_xyxy_px == ((0, 0, 4, 4), (1, 2, 31, 32))
    assert first.attributes == {"item": "i-1"}
    assert (first.scene, dataset.images[1].scene) == ("5", "b.png")


@pytest.mark.parametrize(
    "image",
    [
        {"file_name": "../a.png"},
        {"file_name": "/etc/passwd"},
        {"file_name": "a\x00.png"},
        {"file_name": "a.png"},
        {"width": 0},
        {"height": 10**9},
        {"id": "three"},
    ],
)
def test_images_that_cannot_be_used_are_left_out(tmp_path: Path, image: dict[str, Any]) -> None:
    good = {"id": 1, "file_name": "a.png", "width": 64, "height": 48}
    bad = {"id": 3, "file_name": "b.png", "width": 64, "height": 48} | image
    dataset, findings = read_tolerantly(write(tmp_path, images=[good, bad], annotations=[]))
    assert [image.path.name for image in dataset.images] == ["a.png"]
    assert [finding.kind for finding in findings] == ["bad-row"]


def test_a_missing_file_stops_nothing(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "b.png").unlink()
    dataset, findings = read_tolerantly(path)
    assert [image.path.name for image in dataset.images] == ["a.png"]
    assert sorted(finding.kind for finding in findings) == ["bad-row", "unreadable"]


def test_files_that_are_no_images_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    for name in ("cup/a.png", "cup/b.png", "tube/c.png"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 10)).save(file)
    (tmp_path / "cup/empty.jpg").touch()
    (tmp_path / "tube/text.png").write_text("no image")
    dataset, findings = read_tolerantly(tmp_path)
    assert [image.path.name for image in dataset.images] == ["a.png", "b.png", "c.png"]
    assert [finding.kind for finding in findings] == ["unreadable", "unreadable"]
    places = [finding.places[0].image for finding in findings]
    assert places == ["cup/empty.jpg", "tube/text.png"]


def test_of_files_of_which_none_is_an_image_nothing_is_read(tmp_path: Path) -> None:
    (tmp_path / "cup").mkdir()
    (tmp_path / "cup/empty.jpg").touch()
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_tolerantly(tmp_path)


def test_what_only_the_reader_refuses_is_told_by_its_row(tmp_path: Path) -> None:
    rows = [row(bbox=[1, 2, 0, 5]), row(id=10), row(id=11, truncated="perhaps"), row(id=12)]
    dataset, findings = read_tolerantly(write(tmp_path, annotations=rows))
    assert len(dataset.images[0].objects) == 2
    assert next(finding.told for finding in findings if finding.kind == "bad-row").startswith(
        "annotations[2]: "
    )


def test_a_folder_with_an_annotation_file_is_read_likewise(tmp_path: Path) -> None:
    write(tmp_path, annotations=[row(bbox=[1, 2, 0, 5])])
    assert [finding.kind for finding in read_tolerantly(tmp_path)[1]] == ["box-degenerate"]


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "[]", '{"images": []}'])
def test_what_is_no_dataset_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"annotations\.json"):
        read_tolerantly(path)
