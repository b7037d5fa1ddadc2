from pathlib import Path

import pytest
from pictures import write_picture

from beltmark.contract.errors import InputError
from beltmark.datasets.yolo import label_name, read_yolo

YAML = "train: images/train\nval: images/val\nnames:\n  0: cup\n  1: tube\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("train/a", "train/b", "val/c"):
        write_picture(tmp_path / f"images/{name}.png")
    label(tmp_path, "train/a", "1 0.5 0.5 0.5 0.5\n")
    label(tmp_path, "val/c", "0 .25 .25 .5 .5\r\n\r\n")
    yaml(tmp_path, YAML)
    return tmp_path


def label(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / f"labels/{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def yaml(folder: Path, text: str | bytes) -> Path:
    path = folder / "data.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_dataset_of_parts(folder: Path) -> None:
    dataset = read_yolo(folder / "data.yaml")
    assert dataset.class_names == ("cup", "tube")
    assert [image.attributes["split"] for image in dataset.images] == [
        "train", "train", "validation",
    ]  # fmt: skip
    first, empty, last = dataset.images
    assert (first.objects[0].box_xyxy_px, first.objects[0].class_index) == ((16, 12, 48, 36), 1)
    assert (empty.objects, last.objects[0].box_xyxy_px) == ((), (0, 0, 32, 24))
    assert dataset.notes == ("1 images have no text file: taken as empty",)


@pytest.mark.parametrize(
    "text",
    [
        "path: ../sets/coco8\ntrain: images/train\nval: images/val\nnames: [cup, tube]\nnc: 2\n",
        "path: /home/x/set\ntrain: ../images/train\nval: ../../images/val\nnames: [cup, tube]",
        "path: .\r\ntrain: [images\\train, images\\val]\r\ntest:\r\nnames: {7: tube, 3: cup}\r\n",
        "train: .\nval: .\nnames: [cup, 'no']\ndownload: rm -rf /\n",
    ],
)
def test_exports_of_other_machines_and_tools(text: str, folder: Path) -> None:
    ids = ("7", "3") if "{7" in text else ("1", "0")
    label(folder, "train/a", f"{ids[0]} 0.5 0.5 0.5 0.5\n")
    label(folder, "val/c", f"{ids[1]} 0.5 0.5 0.5 0.5\n")
    dataset = read_yolo(yaml(folder, b"\xef\xbb\xbf" + text.encode()))
    assert [[each.class_index for each in image.objects] for image in dataset.images] == [
        [1], [], [0],
    ]  # fmt: skip


def test_a_list_of_images(folder: Path) -> None:
    (folder / "lists").mkdir()
    (folder / "lists/train.txt").write_text("./images/train/a.png\nimages\\val\\c.png\n\n")
    dataset = read_yolo(yaml(folder, "train: lists/train.txt\nnames: [cup, tube]\n"))
    assert [image.path.name for image in dataset.images] == ["a.png", "c.png"]
    (folder / "lists/train.txt").write_text("images/train/a.png\n/etc/passwd\n")
    with pytest.raises(InputError, match="leads out") as caught:
        read_yolo(folder / "data.yaml")
    assert caught.value.field == "line 2"


def test_of_an_outline_the_smallest_upright_box_is_taken(folder: Path) -> None:
    label(folder, "train/a", "0 .25 .5 .5 .25 .75 .5 .5 1\n")
    image = read_yolo(folder / "data.yaml").images[0]
    assert image.objects[0].box_xyxy_px == (16, 12, 48, 48)


def test_points_of_a_body_are_left_out(folder: Path) -> None:
    label(folder, "train/a", "0 .5 .5 .5 .5 .1 .1 2 .2 .2 2\n")
    image = read_yolo(yaml(folder, YAML + "kpt_shape: [2, 3]\n")).images[0]
    assert image.objects[0].box_xyxy_px == (16, 12, 48, 36)


def test_a_small_overshoot_is_cut_and_counted(folder: Path) -> None:
    label(folder, "train/a", "0 0.99 0.5 0.05 0.5\n")
    assert read_yolo(folder / "data.yaml").clipped == 1
    label(folder, "train/a", "0 0.833333334 0.5 0.333333333 0.5\n")  # rounding is no overshoot
    dataset = read_yolo(folder / "data.yaml")
    assert dataset.images[0].objects[0].box_xyxy_px[2] == 64
    assert dataset.clipped == 0


def test_the_digest_is_of_what_is_told(folder: Path) -> None:
    before = read_yolo(folder / "data.yaml").sha256
    assert read_yolo(folder / "data.yaml").sha256 == before
    label(folder, "train/b", "0 .5 .5 .5 .5\n")
    assert read_yolo(folder / "data.yaml").sha256 != before


def test_where_text_files_lie() -> None:
    assert label_name("images/train/a.b.png") == "labels/train/a.b.txt"
    assert label_name("images/x/images/a.png") == "images/x/labels/a.txt"
    assert label_name("train/a.png") == "train/a.txt"
    assert label_name("a.png") == "a.txt"


@pytest.mark.parametrize(
    ("text", "told", "field"),
    [
        ("2 .5 .5 .5 .5", "no class", "line 1"),
        ("-1 .5 .5 .5 .5", "no class", "line 1"),
        ("cup .5 .5 .5 .5", "no class", "line 1"),
        ("0.5 .5 .5 .5 .5", "no class", "line 1"),
        ("0 .5 .5 .5 .5\n0 .5 .5 .5", "has 4 values", "line 2"),
        ("0 .5 .5 .5 .5 .9", "has 6 values", "line 1"),
        ("0 nan .5 .5 .5", "'nan' is no number", "line 1"),
        ("0 .5 .5 0 .5", "no area", "line 1"),
        ("0 .5 .5 -.5 .5", "no area", "line 1"),
        ("0 120 80 40 30", "leaves its image", "line 1"),
        (b"0 .5 .5 .5 .5 \xff", "not UTF-8", "line 1"),
    ],
)
def test_lines_that_would_mislead_are_refused(
    text: str | bytes, told: str, field: str, folder: Path
) -> None:
    path = label(folder, "train/a", text)
    with pytest.raises(InputError, match=told) as caught:
        read_yolo(folder / "data.yaml")
    assert (caught.value.file, caught.value.field) == (path, field)


ALIASES = "a: &a [x, x]\nb: &b [*a, *a]\nnames: *b\n"


@pytest.mark.parametrize(
    ("text", "told", "field"),
    [
        ("names: [cup, tube]\n", "missing", "train"),
        ("train: images/train\n", "missing, or no list", "names"),
        ("train: images/train\nnames: []\n", "missing, or no list", "names"),
        ("train: images/train\nnames: [cup, no]\n", "true or false", "names[1]"),
        ("train: images/train\nnames: [cup, [x]]\n", "no text", "names[1]"),
        ("train: images/train\nnames: [cup, Cup]\n", "upper and lower case", "names[1]"),
        ("train: images/train\nnames: {x: cup}\n", "no id of a class", "names"),
        ("train: images/train\nnames: [cup]\nnc: 3\n", "3 classes, but 1 names", "nc"),
        ("train: images/none\nnames: [cup]\n", "no image is in", "train"),
        ("train: /etc\nnames: [cup]\n", "leads out", "train"),
        ("train: a/../../..\nnames: [cup]\n", "leads out", "train"),
        ("train: [1]\nnames: [cup]\n", "is no path", "train"),
        ("train: images\nval: images/val\nnames: [cup, tube]\n", "named twice", "val"),
        ("train: [\n", "not valid YAML", "line 2"),
        ("!!python/object/apply:os.system ['false']\n", "not valid YAML", "line 1"),
        (ALIASES, "has an alias", "line 2"),
        ("[" * 500_000, "is too deep", "line 1"),
        ("just text\n", "no data.yaml", None),
        ("\x00\n", "not valid YAML", None),
    ],
)
def test_a_yaml_file_that_would_mislead_is_refused(
    text: str, told: str, field: str | None, folder: Path
) -> None:
    path = yaml(folder, text)
    with pytest.raises(InputError, match=told) as caught:
        read_yolo(path)
    assert (caught.value.file, caught.value.field) == (path, field)


def test_a_text_file_without_image_is_refused(folder: Path) -> None:
    path = label(folder, "train/gone", "0 .5 .5 .5 .5")
    with pytest.raises(InputError, match="has no image") as caught:
        read_yolo(folder / "data.yaml")
    assert caught.value.file == path
