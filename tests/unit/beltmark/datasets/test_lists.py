from pathlib import Path

import pytest
from pictures import write_picture

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.lists import read_lists


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "sub/c.png"):
        write_picture(tmp_path / name)
    return tmp_path


def read(folder: Path, text: str | bytes, wanted: str | None = None) -> Dataset:
    path = folder / "list.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_lists(path, wanted)


def class_of(dataset: Dataset) -> list[str | None]:
    return [
        None if image.class_index is None else dataset.class_names[image.class_index]
        for image in dataset.images
    ]


def test_names_of_classes(folder: Path) -> None:
    dataset = read(folder, "file,class\na.png,tube\nsub/c.png,cup\nb.png,\n")
    assert dataset.class_names == ("cup", "tube")
    assert class_of(dataset) == ["tube", "cup", None]
    assert [image.path for image in dataset.images][1] == folder / "sub/c.png"
    assert (dataset.images[0].width_px, dataset.images[0].height_px) == (64, 48)


def test_ids_get_their_names_fine_and_coarse(folder: Path) -> None:
    (folder / "classes.csv").write_text(
        "class_id,class,coarse_class_id,coarse_class\n10,Pink,0,Apple\n9,Green,0,Apple\n11,Lime,1,Lime\n"
    )
    text = "file,class_id,coarse_class_id\na.png,9,0\nb.png,11,1\n"
    fine = read(folder, text)
    assert fine.class_names == ("Green", "Pink", "Lime")  # in the order of their ids
    assert class_of(fine) == ["Green", "Lime"]
    assert fine.images[0].attributes == {"coarse_class_id": "0"}
    for wanted in ("coarse_class", "coarse_class_id"):
        coarse = read(folder, text, wanted)
        assert (coarse.class_names, class_of(coarse)) == (("Apple", "Lime"), ["Apple", "Lime"])
    assert coarse.sha256 != fine.sha256


@pytest.mark.parametrize(
    ("header", "row", "box"),
    [
        ("xmin,ymin,xmax,ymax", "1,2,31.5,42", (1, 2, 31.5, 42)),
        ("x,y,w,h", "1,2,30,40", (1, 2, 31, 42)),
        ("x,y,width,height", "1,2,30,40", (1, 2, 31, 42)),
        ("width,height,xmin,ymin,xmax,ymax", "64,48,1,2,31,42", (1, 2, 31, 42)),
    ],
)
def test_boxes(header: str, row: str, box: tuple[float, ...], folder: Path) -> None:
    empty = "," * header.count(",")
    dataset = read(
        folder, f"image,label,{header}\na.png,cup,{row}\na.png,tube,{row}\nb.png,,{empty}\n"
    )
    first, second = dataset.images
    assert [each.box_xyxy_px for each in first.objects] == [box, box]
    assert [each.class_index for each in first.objects] == [0, 1]
    assert (first.class_index, second.objects, second.class_index) == (None, (), None)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbffile;class\r\nsub\\c.png;cup\r\n\r\n",
        b'"file"\t"class"\n"./sub/c.png"\t"cup"',
        b"\r\n FILE , Class \n sub/c.png , cup \n",
    ],
)
def test_spreadsheets_of_all_lands(text: bytes, folder: Path) -> None:
    assert class_of(read(folder, text)) == ["cup"]


def test_what_else_is_told_goes_with_the_image(folder: Path) -> None:
    header = "file,class,x,y,w,h,scene,session,confidence\n"
    dataset = read(folder, header + "a.png,cup,1,2,3,4,s1,7,.5\na.png,cup,9,9,3,4,s1,7,.6\n")
    image = dataset.images[0]
    assert (image.scene, image.sequence) == ("s1", "s1")
    assert image.attributes == {"session": "7"}


def test_lists_of_a_folder_are_its_parts(folder: Path) -> None:
    (folder / "train.csv").write_text("file,class\na.png,cup\n")
    (folder / "val.csv").write_text("file,class\nb.png,tube\n")
    dataset = read_lists(folder)
    assert [image.attributes["split"] for image in dataset.images] == ["train", "validation"]
    assert dataset.class_names == ("cup", "tube")


@pytest.mark.parametrize(
    ("text", "told", "field"),
    [
        ("", "is empty", None),
        ("a.png,cup\n", "no column of the images", "line 1"),
        ("file,product\na.png,cup\n", "no column of the classes", "line 1"),
        ("file,file,class\n", "twice", "line 1"),
        ("file,cl\x1bass\n", "no text", "line 1"),
        ("file,class\na.png\n", "has 1 values", "line 2"),
        ("file,class\n,cup\n", "names no image", "line 2"),
        ("file,class\nnone.png,cup\n", "no such image", "line 2"),
        ("file,class\n../a.png,cup\n", "leads out", "line 2"),
        ("file,class\na.png,cup\na.png,cup\n", "has a class already", "line 3"),
        ("file,class\na.png,cup\nb.png,CUP\n", "upper and lower case", "classes"),
        ("file,class,x,y,w,h\na.png,cup,1,2,nan,4\n", "'nan' is no number", "line 2, w"),
        ("file,class,x,y,w,h\na.png,cup,1,2,1e999,4\n", "no number", "line 2, w"),
        ("file,class,x,y,w,h\na.png,cup,1,2,1_0,4\n", "no number", "line 2, w"),
        ("file,class,x,y,w,h\na.png,cup,1,2,,4\n", "is empty", "line 2, w"),
        ("file,class,x,y,w,h\na.png,cup,1,2,-3,4\n", "no area", "line 2"),
        ("file,class,x,y,w,h\na.png,cup,50,2,30,4\n", "leaves its image", "line 2"),
        ("file,class,x,y,w,h\na.png,,1,2,3,4\n", "no class", "line 2"),
        ("file,class,scene\na.png,,1\na.png,,2\n", "for the same image", "line 3, scene"),
        ('file,class\na.png,"cup\n', "not valid CSV", "line 2"),
        (b"file,class\na.png,caf\xe9\n", "not UTF-8", "line 2"),
        ("file,class\na.png,cup\n".encode("utf-16"), "is UTF-16", None),
    ],
)
def test_what_would_mislead_is_refused(
    text: str | bytes, told: str, field: str | None, folder: Path
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read(folder, text)
    assert (caught.value.file, caught.value.field) == (folder / "list.csv", field)


def test_a_class_that_the_table_lacks_is_refused(folder: Path) -> None:
    (folder / "classes.csv").write_text("class_id,class\n0,cup\n")
    for text in ("file,class_id\na.png,1\n", "file,class\na.png,tube\n"):
        with pytest.raises(InputError, match=r"no class of classes\.csv"):
            read(folder, text)


def test_an_image_in_two_parts_is_refused(folder: Path) -> None:
    for part in ("train", "test"):
        (folder / f"{part}.csv").write_text("file,class\na.png,\n")
    with pytest.raises(InputError, match="for the same image"):
        read_lists(folder)


@pytest.mark.parametrize(("wanted", "count"), [(None, 81), ("coarse_class", 43)])
def test_real_products_are_read(wanted: str | None, count: int, shared_data: Path) -> None:
    dataset = read_lists(shared_data / "grocery/val.csv", wanted)
    assert (len(dataset.images), len(dataset.class_names)) == (296, count)
    assert class_of(dataset)[0] == ("Golden-Delicious" if wanted is None else "Apple")
