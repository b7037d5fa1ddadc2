import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from beltmark.contract.errors import InputError
from beltmark.datasets.coco import read_coco
from beltmark.datasets.images import read_image_bytes


def document(**changes: Any) -> dict[str, Any]:
    return {
        "categories": [{"id": 7, "name": "cup"}, {"id": 2, "name": "tube"}],
        "images": [
            {"id": 1, "file_name": "a.png", "width": 64, "height": 48, "scene": 5, "sequence": 9,
             "ignore": [[0, 0, 4, 4]]},
            {"id": 2, "file_name": "b.png", "width": 64, "height": 48},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20], "track_id": 3,
             "truncated": True, "more": "left alone"},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [-1, 0, 10, 10]},
        ],
    } | changes  # fmt: skip


def write(folder: Path, content: dict[str, Any]) -> Path:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.zeros((48, 64, 3), np.uint8))
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return path


def test_what_belts_need_is_kept(tmp_path: Path) -> None:
    dataset = read_coco(write(tmp_path, document()))
    assert dataset.class_names == ("tube", "cup")  # in the order of their ids
    first, second = dataset.images
    assert (first.scene, first.sequence) == ("5", "9")
    assert first.ignore_xyxy_px == ((0, 0, 4, 4),)
    assert first.objects[0].class_index == 1
    assert first.objects[0].box_xyxy_px == (10, 10, 30, 30)
    assert first.objects[0].track_id == 3
    assert first.objects[0].truncated
    assert second.scene == "b.png"
    assert read_image_bytes(first).startswith(b"\x89PNG")


def test_a_small_overshoot_is_cut_and_counted(tmp_path: Path) -> None:
    dataset = read_coco(write(tmp_path, document()))
    assert dataset.clipped == 1
    assert dataset.images[1].objects[0].box_xyxy_px == (0, 0, 9, 10)


def test_crowds_are_not_judged(tmp_path: Path) -> None:
    crowd = {"id": 1, "image_id": 2, "category_id": 7, "bbox": [1, 2, 3, 4], "iscrowd": 1}
    image = read_coco(write(tmp_path, document(annotations=[crowd]))).images[1]
    assert image.objects == ()
    assert image.ignore_xyxy_px == ((1, 2, 4, 6),)


def annotation(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20]} | changes


def image(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "file_name": "a.png", "width": 64, "height": 48} | changes


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"annotations": [annotation(bbox=[50, 10, 20, 20])]}, "annotations[0].bbox", "leaves"),
        ({"annotations": [annotation(bbox=[-60, 0, 50, 9])]}, "annotations[0].bbox", "leaves"),
        ({"annotations": [annotation(bbox=[5, 5, 0, 9])]}, "annotations[0].bbox", "no area"),
        ({"annotations": [annotation(bbox=[5, 5, 9])]}, "annotations[0].bbox.3", "missing"),
        ({"annotations": [annotation(category_id=1)]}, "annotations[0].category_id", "category"),
        ({"annotations": [annotation(image_id=4)]}, "annotations[0].image_id", "no image"),
        ({"annotations": [annotation(), annotation()]}, "annotations[1].id", "already"),
        ({"annotations": None}, "annotations", "not a list"),
        ({"categories": []}, "categories", "no class"),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}], "annotations": []},
            "categories[1].name",
            "two categories",
        ),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "A"}], "annotations": []},
            "categories[1].name",
            "upper and lower case",
        ),
        ({"annotations": [annotation(bbox=[0, 0, 1e300, 1e300])]}, "annotations[0].bbox", "leaves"),
        ({"images": [image(), image(id=2)], "annotations": []}, "images[1].file_name", "already"),
        ({"images": [image(width=10**9)], "annotations": []}, "images[0].width", "32768"),
        ({"images": [image(category_id=4)], "annotations": []}, "images[0].category_id", "known"),
        (
            {"images": [image(attributes={"a": "x" * 2_000})], "annotations": []},
            "images[0].attributes",
            "characters",
        ),
    ],
)
def test_what_would_mislead_is_refused(
    tmp_path: Path, changes: dict[str, Any], field: str, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read_coco(write(tmp_path, document(**changes)))
    assert caught.value.field == field
    assert caught.value.file == tmp_path / "annotations.json"


@pytest.mark.parametrize("name", ["c.png", "../a.png", "/etc/passwd"])
def test_images_must_be_below_the_file(tmp_path: Path, name: str) -> None:
    image = {"id": 1, "file_name": name, "width": 64, "height": 48}
    with pytest.raises(InputError) as caught:
        read_coco(write(tmp_path, document(images=[image], annotations=[])))
    assert caught.value.field == "images[0].file_name"


def test_what_is_told_of_an_image_is_kept(tmp_path: Path) -> None:
    row = image(
        category_id=2,
        session=7,
        light="dim",
        captured_at=None,
        attributes={"shelf": 1.5, "light": "red", "nested": {"a": 1}},
        license=3,
    )
    found = read_coco(write(tmp_path, document(images=[row], annotations=[]))).images[0]
    assert found.class_index == 0
    assert found.attributes == {"shelf": "1.5", "session": "7", "light": "dim"}


def test_a_mark_before_the_text_and_names_of_windows_are_no_problem(tmp_path: Path) -> None:
    path = write(tmp_path, document(images=[image(file_name=".\\a.png")], annotations=[]))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_coco(path).images[0].path == tmp_path / "a.png"


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '{"images": NaN}', "\0", "1" * 5_000])
def test_not_json_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(content)
    with pytest.raises(InputError, match="JSON"):
        read_coco(path)


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_an_unreadable_image_is_refused(tmp_path: Path, content: bytes) -> None:
    dataset = read_coco(write(tmp_path, document()))
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match="not a readable image") as caught:
        read_image_bytes(dataset.images[0])
    assert caught.value.file == tmp_path / "a.png"


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    dataset = read_coco(write(tmp_path, document()))
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 48, 3), np.uint8))
    with pytest.raises(InputError, match="48x64"):
        read_image_bytes(dataset.images[0])


def test_the_real_belt_is_read(shared_data: Path) -> None:
    dataset = read_coco(shared_data / "belt" / "annotations.json")
    assert len(dataset.class_names) == 6
    assert len({image.scene for image in dataset.images}) == 9
    assert all(read_image_bytes(image) for image in dataset.images[:3])
