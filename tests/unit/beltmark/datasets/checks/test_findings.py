"""What is found in scanned images: looks, boxes, classes, leaks."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.datasets.checks.alike import Pair
from beltmark.datasets.checks.annotations import class_balance, poor_boxes
from beltmark.datasets.checks.finding import KINDS, STOPPING, Finding, Place, in_order
from beltmark.datasets.checks.leaks import duplicates, group_leaks
from beltmark.datasets.checks.looks import poor_looks
from beltmark.datasets.checks.parts import read_parts, strangers
from beltmark.datasets.checks.pixels import measure, pack, unpack
from beltmark.datasets.checks.scanning import Scanned
from beltmark.datasets.dataset import Dataset, LabelledImage, LabelledObject

SHARP = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


def image(name: str, *objects: LabelledObject, scene: str = "", **attributes: str) -> LabelledImage:
    scene = scene or name
    return LabelledImage(Path(name), 160, 120, scene, scene, (), objects, None, attributes)


def scanned(name: str, picture: NDArray[np.uint8] = SHARP, sha256: str = "") -> Scanned:
    return Scanned(name, image(name), sha256 or name, measure(picture))


def blurred() -> NDArray[np.uint8]:
    """Edges without detail, far out of focus."""
    blocks = cv2.resize(SHARP[:6, :8], (160, 120), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.GaussianBlur(blocks, (0, 0), 6), np.uint8)


def kinds(*pictures: NDArray[np.uint8]) -> list[str]:
    found = poor_looks([scanned(str(k), picture) for k, picture in enumerate(pictures)])
    return [finding.kind for finding in found]


@pytest.mark.parametrize(
    ("picture", "kind"),
    [
        (SHARP // 8, "dark"),
        (245 + SHARP // 26, "bright"),
        (blurred(), "blurred"),
        (np.tile(SHARP[:24, :24], (2, 1, 1))[:24, :24], "tiny-image"),
        (np.tile(SHARP[:40], (1, 2, 1)), "odd-aspect"),
        (np.repeat(SHARP[..., :1], 3, axis=2), "grayscale"),
    ],
)
def test_a_poor_picture_is_told(picture: NDArray[np.uint8], kind: str) -> None:
    assert kind in kinds(np.asarray(picture, np.uint8), *[SHARP] * 12)
    assert not kinds(*[SHARP] * 3)


def test_next_to_nothing_is_told_once() -> None:
    assert kinds(np.full((120, 160, 3), 128, np.uint8), SHARP) == ["low-information"]


def test_letterbox_bars_do_not_count() -> None:
    boxed = cv2.copyMakeBorder(SHARP, 400, 400, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    assert kinds(boxed) == ["odd-aspect"]


def test_measures_survive_being_written_down() -> None:
    before = measure(SHARP)
    after = unpack(pack(before))
    assert (after.look == before.look).all()
    assert (after.hashes == before.hashes).all()
    numbers = ("width_px", "height_px", "dark_level", "bright_level", "blur", "entropy_bits")
    assert all(getattr(after, name) == getattr(before, name) for name in numbers)


def test_poor_boxes_are_told() -> None:
    boxes = [(10, 10, 60, 60), (10, 10, 61, 60), (0, 0, 160, 120), (3, 3, 7, 50), (70, 70, 90, 99)]
    objects = [LabelledObject(0, tuple(map(float, box))) for box in boxes]  # type: ignore[arg-type]
    found = list(poor_boxes([image("a", *objects)], ["a"]))
    assert sorted(finding.kind for finding in found) == ["box-duplicated", "box-tiny", "box-whole"]


def test_classes_far_apart_are_told() -> None:
    objects = [LabelledObject(0, (0, 0, 9, 9))] * 500 + [LabelledObject(1, (0, 0, 9, 9))] * 5
    dataset = Dataset(Path("d"), "0", ("cup", "tube", "box"), (image("a", *objects),), 0)
    found = {finding.kind: finding.told for finding in class_balance(dataset)}
    assert found["imbalance"].startswith("cup has 500, tube 5: 100 times")
    assert sorted(f.told for f in class_balance(dataset) if f.kind == "few-samples") == [
        "box: 0",
        "tube: 5",
    ]


def test_a_group_in_two_parts_is_told() -> None:
    images = [image("a", item="1"), image("b", item="1"), image("c", scene="s"), image("d")]
    names = ["a", "b", "c", "d"]
    parts = {"a": "train", "b": "test", "c": "train", "d": "test"}
    (found,) = group_leaks(images, names, parts)
    assert found.told == "item 1: 1 in test, 1 in train"
    assert not list(group_leaks(images, names, parts | {"b": "train"}))


def test_a_copy_is_told_once_and_a_leak_as_a_leak() -> None:
    images = [scanned("a", sha256="x"), scanned("b", sha256="x"), scanned("c"), scanned("d")]
    pairs = [Pair(0, 1, 1, False), Pair(0, 2, 0.98, False), Pair(1, 2, 0.97, True)]
    alone = list(duplicates(images, pairs, {}))
    assert [finding.kind for finding in alone] == ["exact-duplicate", "near-duplicate"]
    parts = {"a": "train", "b": "train", "c": "test", "d": "test"}
    across = list(duplicates(images, pairs, parts))
    assert [finding.kind for finding in across] == ["duplicate-leak", "exact-duplicate"]
    assert "in train and test" in across[0].told


def test_ids_follow_the_fault_not_its_measure() -> None:
    one = Finding("dark", "so", (Place("a.jpg"),), score=0.3)
    assert one.id == Finding("dark", "or so", (Place("a.jpg"),), score=0.4).id
    assert one.id != Finding("dark", "so", (Place("b.jpg"),)).id
    assert one.id != Finding("bright", "so", (Place("a.jpg"),)).id
    box = Finding("box-tiny", "", (Place("a.jpg", (1.0, 2, 3, 4)),))
    assert box.id == Finding("box-tiny", "", (Place("a.jpg", (1.2, 2, 3, 4)),)).id
    assert [each.kind for each in in_order([box, one, one])] == ["box-tiny", "dark"]
    assert set(STOPPING) <= set(KINDS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.json", '{"train": ["a"], "test": ["b"]}'),
        ("s.json", '{"parts": {"train": ["a"], "test": ["b"]}}'),
        (
            "s.json",
            '{"format_version": 1, "parts": [{"name": "train", "groups": {"g": ["a"]}}, '
            '{"name": "test", "groups": {"h": ["b"]}}]}',
        ),
        ("s.csv", "file,part\na,train\nb,test\n"),
    ],
)
def test_parts_are_read(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    parts = read_parts(tmp_path / name)
    assert parts == {"a": "train", "b": "test"}
    assert [finding.places[0].image for finding in strangers(parts, ["a", "c"])] == ["c"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.json", "[]"),
        ("s.json", '{"train": [3]}'),
        ("s.json", '{"train": ["a"], "test": ["a"]}'),
        ("s.json", "{}"),
        ("s.csv", "a,train\n"),
        ("s.csv", "\x00"),
    ],
)
def test_what_is_no_split_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError):
        read_parts(tmp_path / name)
