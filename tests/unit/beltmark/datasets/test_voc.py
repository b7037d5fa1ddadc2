from pathlib import Path

import pytest
from pictures import write_picture

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.voc import read_voc

SIZE = "<size><width>64</width><height>48</height><depth>3</depth></size>"


def box(name: str = "cup", corners: str = "11 11 30 30", more: str = "") -> str:
    xmin, ymin, xmax, ymax = corners.split()
    return (
        f"<object><name>{name}</name>{more}<bndbox><xmax>{xmax}</xmax><xmin>{xmin}</xmin>"
        f"<ymin>{ymin}</ymin><ymax>{ymax}</ymax></bndbox></object>"
    )


def xml(*objects: str, filename: str = "a.png", size: str = SIZE) -> str:
    return (
        f"<annotation><folder>VOC</folder><filename>{filename}</filename>"
        f"{size}{''.join(objects)}</annotation>"
    )


def write(folder: Path, content: str | bytes, name: str = "a") -> Path:
    write_picture(folder / f"JPEGImages/{name}.png")
    path = folder / f"Annotations/{name}.xml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def boxes(dataset: Dataset) -> list[tuple[float, ...]]:
    return [each.box_xyxy_px for image in dataset.images for each in image.objects]


def test_pixels_are_counted_from_1(tmp_path: Path) -> None:
    dataset = read_voc(write(tmp_path, xml(box(corners="1 1 64 48"), box(corners="11 12 30 30.5"))))
    assert boxes(dataset) == [(0, 0, 64, 48), (10, 11, 30, 30.5)]
    assert dataset.notes == ("coordinates are counted from 1",)
    assert dataset.images[0].path == tmp_path / "JPEGImages/a.png"


def test_a_zero_proves_that_they_are_counted_from_0(tmp_path: Path) -> None:
    write(tmp_path, xml(box(corners="0 5 64 48")))
    dataset = read_voc(write(tmp_path, xml(box(corners="11 12 30 30"), filename="b.png"), "b"))
    assert boxes(dataset) == [(0, 5, 64, 48), (11, 12, 30, 30)]
    assert dataset.notes == ("coordinates are counted from 0",)


def test_flags(tmp_path: Path) -> None:
    dataset = read_voc(
        write(
            tmp_path,
            xml(
                box(more="<truncated>1</truncated><occluded>1</occluded>"),
                box("ghost", "2 2 5 5", "<difficult>1</difficult>"),
                box("tube", more="<pose>Left</pose><part><name>head</name></part>"),
            ),
        )
    )
    image = dataset.images[0]
    assert dataset.class_names == ("cup", "tube")
    assert [each.truncated for each in image.objects] == [True, False]
    assert image.ignore_xyxy_px == ((1, 1, 5, 5),)


def test_image_sets_tell_the_parts(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path, xml(box(), filename=f"{name}.png"), name)
    sets = tmp_path / "ImageSets/Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("a\r\n")
    (sets / "val.txt").write_text("b\n\n")
    (sets / "trainval.txt").write_text("a\nb\n")
    (sets / "cup_train.txt").write_text("a  1\n")
    told = [image.attributes.get("split") for image in read_voc(tmp_path).images]
    assert told == ["train", "validation", None]
    (sets / "test.txt").write_text("a\n")
    with pytest.raises(InputError, match="one part"):
        read_voc(tmp_path)
    (sets / "test.txt").write_text("z\n")
    with pytest.raises(InputError, match="'z' is no image") as caught:
        read_voc(tmp_path)
    assert (caught.value.file, caught.value.field) == (sets / "test.txt", "line 1")


@pytest.mark.parametrize(
    "filename", ["a.png", "C:\\pictures\\a.png", "/home/x/a.png", "a", "old.jpg", ""]
)
def test_files_beside_their_images(filename: str, tmp_path: Path) -> None:
    write_picture(tmp_path / "train/a.png")
    (tmp_path / "train/a.xml").write_text(xml(box(), filename=filename))
    image = read_voc(tmp_path).images[0]
    assert (image.path, image.attributes) == (tmp_path / "train/a.png", {"split": "train"})


def test_sizes_that_are_not_told_are_looked_up(tmp_path: Path) -> None:
    zero = "<size><width>0</width><height>0</height></size>"
    write(tmp_path, xml(box(), size=zero))
    dataset = read_voc(write(tmp_path, xml(size="", filename="b.png"), "b"))
    assert [(image.width_px, image.height_px) for image in dataset.images] == [(64, 48)] * 2


def test_images_without_file_are_empty_and_counted(tmp_path: Path) -> None:
    write_picture(write(tmp_path, xml(box())) / "JPEGImages/empty.png")
    write_picture(tmp_path / "SegmentationClass/a.png")
    dataset = read_voc(tmp_path)
    assert [len(image.objects) for image in dataset.images] == [1, 0]
    assert "1 images have no XML file: taken as empty" in dataset.notes


def test_a_list_of_classes_keeps_their_order(tmp_path: Path) -> None:
    write(tmp_path, xml(box("cup")))
    (tmp_path / "classes.txt").write_text("tube\ncup\n")
    assert read_voc(tmp_path).class_names == ("tube", "cup")
    (tmp_path / "classes.txt").write_text("tube\n")
    with pytest.raises(InputError, match=r"'cup' is no class of classes\.txt"):
        read_voc(tmp_path)


def test_a_mark_before_the_text_is_passed_over(tmp_path: Path) -> None:
    declared = '<?xml version="1.0" encoding="GB2312"?>' + xml(box())
    assert boxes(read_voc(write(tmp_path, declared.encode("utf-8-sig"))))


LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<annotation><filename>&b;</filename></annotation>"
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>'


@pytest.mark.parametrize(
    ("content", "told", "field"),
    [
        (LAUGHS, "document type", None),
        (OUTSIDE, "document type", None),
        (LAUGHS.encode("utf-16"), "is UTF-16", None),
        ("<annotation>&nbsp;</annotation>", "not valid XML", None),
        ("<annotation>", "not valid XML", None),
        ("", "not valid XML", None),
        ("<html/>", "no annotation of Pascal VOC", None),
        (xml(box("caf\xe9")).encode("latin-1"), "not UTF-8", "line 1"),
        (xml(box(name="")), "missing", "object[0].name"),
        (xml(box(), "<object><name>x</name></object>"), "missing", "object[1].bndbox.xmin"),
        (xml(box(corners="nan 1 2 2")), "'nan' is no number", "object[0].bndbox.xmin"),
        (xml(box(corners="1 1 1e99 2")), "leaves", "object[0].bndbox"),
        (xml(box(corners="30 11 11 30")), "no area", "object[0].bndbox"),
        (xml(box(more="<difficult>maybe</difficult>")), "neither 0 nor 1", "object[0].difficult"),
        (xml(size=SIZE.replace("64", "64px")), "no whole number", "size.width"),
        (xml(size=SIZE.replace("64", "99999999")), "no size of an image", "size"),
    ],
)
def test_what_would_mislead_is_refused(
    content: str | bytes, told: str, field: str | None, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read_voc(write(tmp_path, content))
    assert (caught.value.file, caught.value.field) == (tmp_path / "Annotations/a.xml", field)


def test_a_file_without_image_is_refused(tmp_path: Path) -> None:
    write(tmp_path, xml(box()))
    (tmp_path / "Annotations/b.xml").write_text(xml(box(), filename="../../b.png"))
    with pytest.raises(InputError, match="no such image") as caught:
        read_voc(tmp_path)
    assert caught.value.file == tmp_path / "Annotations/b.xml"


def test_two_files_of_one_image_are_refused(tmp_path: Path) -> None:
    write(tmp_path, xml(box()))
    (tmp_path / "Annotations/b.xml").write_text(xml(box()))
    with pytest.raises(InputError, match="remove one of them"):
        read_voc(tmp_path)


def test_classes_that_differ_in_case_are_refused(tmp_path: Path) -> None:
    write(tmp_path, xml(box("cup")))
    with pytest.raises(InputError, match="upper and lower case") as caught:
        read_voc(write(tmp_path, xml(box("Cup"), filename="b.png"), "b"))
    assert caught.value.field == "a.xml: object[0].name"


def test_elements_within_elements_without_end_are_no_crash(tmp_path: Path) -> None:
    deep = "<annotation>" + "<a>" * 100_000 + "</a>" * 100_000 + "</annotation>"
    with pytest.raises(InputError, match="names no class"):
        read_voc(write(tmp_path, deep))
