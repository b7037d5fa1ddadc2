"""The label configuration: names are names, whatever is in them."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_tasks import HOSTILE

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.words import FLAGS, NONE_OF_THESE, UNSURE, numbered
from labeling.classes import check_labels, read_classes
from labeling.config import label_config

NAMES = st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=8)


def labels(config: str) -> list[str]:
    found = ElementTree.fromstring(config).findall("RectangleLabels/Label")
    return [str(label.get("value")) for label in found]


def is_label(name: str) -> bool:
    try:
        check_labels([name], Path("x"))
    except InputError:
        return False
    return True


@given(NAMES)
def test_names_are_never_markup(names: list[str]) -> None:
    names = [name for name in names if is_label(name)]
    config = label_config(names)
    root = ElementTree.fromstring(config)
    assert [child.tag for child in root] == ["Image", "RectangleLabels", "Choices"]
    assert labels(config) == [*dict.fromkeys([*names, NONE_OF_THESE]), UNSURE]


def test_it_says_what_boxes_can_be() -> None:
    root = ElementTree.fromstring(label_config([HOSTILE, NONE_OF_THESE]))
    assert labels(ElementTree.tostring(root, "unicode")) == [HOSTILE, NONE_OF_THESE, UNSURE]
    image, boxes, flags = root
    assert image.get("value") == "$image"
    assert boxes.get("canRotate") == "false"
    assert {boxes.get("toName"), flags.get("toName")} == {image.get("name")}
    assert (flags.get("perRegion"), flags.get("choice")) == ("true", "multiple")
    assert tuple(choice.get("value") for choice in flags) == FLAGS


def test_colours_differ() -> None:
    root = ElementTree.fromstring(label_config([f"class_{k}" for k in range(100)]))
    colours = [label.get("background") for label in root.iter("Label")]
    assert len(set(colours)) == len(colours)


def test_classes_of_a_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(
        "sku,gtin,name,class_name\nA,9521234500018,Coffee,carton\nB,9521234500025,Tea,carton\n"
        "C,9521234500032,Soap,bottle\n"
    )
    assert read_classes(path) == numbered(["carton", "bottle"])


def test_classes_of_a_dataset_and_of_a_list(tmp_path: Path) -> None:
    dataset = tmp_path / "annotations.JSON"
    dataset.write_text('{"categories": [{"id": 7, "name": "cup", "more": 1}]}')
    assert read_classes(dataset) == [{"id": 7, "name": "cup", "more": 1}]
    listed = tmp_path / "classes.txt"
    listed.write_text("\ufeffcup\n\n tube \r\ncup\n", "utf-8")
    assert read_classes(listed) == numbered(["cup", "tube"])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"", "names no class"),
        ("a.txt", b"\xff", "not UTF-8"),
        ("a.txt", b"unsure\n", "nothing is judged"),
        ("a.txt", b"a$b\n", "variable"),
        ("a.txt", "a\u202eb\n".encode(), "not printable"),
        ("a.txt", b"\n".join(b"c%d" % k for k in range(1001)), "1001 classes"),
        ("a.json", b"[]", "categories: no list"),
        ("a.json", b"{", "not valid JSON"),
        ("a.json", b'{"categories": [{"id": true, "name": "x"}]}', "categories: no list"),
        ("a.json", b'{"categories": [{"id": 1, "name": "x"}, {"id": 1, "name": "y"}]}',
         "categories[1].id: 1 is given twice"),
        ("a.csv", b"sku\n", "products"),
        ("none.txt", None, "no such file"),
    ],
)  # fmt: skip
def test_what_names_no_classes(name: str, content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_classes(path)
    assert told in str(refused.value)
    assert str(path) in str(refused.value)
