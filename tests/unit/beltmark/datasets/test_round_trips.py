"""Whatever a dataset is, what was written of it is read back as it was."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import write_picture

from beltmark.contract.errors import InputError
from beltmark.datasets.coco_writing import write_coco
from beltmark.datasets.dataset import Box, Dataset, LabelledImage, LabelledObject
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.voc_writing import write_voc
from beltmark.datasets.yolo_writing import write_yolo

SIZES = [(1, 1), (7, 5), (64, 48), (333, 1000)]
NAMES = ("cup", "Gr\u00fcne <Tube> & 'Co'", "no", "1")
TOLERANCE_PX = 1e-3


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for index, size in enumerate(SIZES):
        write_picture(folder / f"{index % 2}/{index // 2}.png", size)
    return folder


@st.composite
def spans(draw: st.DrawFn, length: int) -> tuple[float, float]:
    start = draw(st.floats(0, length - 0.02) | st.integers(0, length - 1))
    end = draw(st.floats(start + 0.01, length) | st.just(length))
    return float(start), float(max(end, start + 0.01))


@st.composite
def boxes(draw: st.DrawFn, size: tuple[int, int]) -> Box:
    (left, right), (top, bottom) = draw(spans(size[0])), draw(spans(size[1]))
    return left, top, right, bottom


@st.composite
def objects(draw: st.DrawFn, size: tuple[int, int]) -> LabelledObject:
    flags = {name: draw(st.booleans()) for name in ("truncated", "blurred", "uncertain")}
    track_id = draw(st.none() | st.integers(0, 99))
    return LabelledObject(draw(st.integers(0, 3)), draw(boxes(size)), track_id, **flags)


@st.composite
def datasets(draw: st.DrawFn, folder: Path) -> Dataset:
    images = []
    for index, size in enumerate(SIZES):
        attributes = draw(
            st.fixed_dictionaries(
                {"split": st.sampled_from(["train", "validation", "test"])},
                optional={"session": st.text(min_size=1, max_size=9), "lamp": st.text(max_size=9)},
            )
        )
        images.append(
            LabelledImage(
                folder / f"{index % 2}/{index // 2}.png",
                *size,
                draw(st.sampled_from(["a", "b"])),
                draw(st.sampled_from(["1", "2"])),
                tuple(draw(st.lists(boxes(size), max_size=2))),
                tuple(draw(st.lists(objects(size), max_size=3))),
                draw(st.none() | st.integers(0, 3)),
                attributes,
            )
        )
    return Dataset(folder / "annotations.json", "0" * 64, NAMES, tuple(images), 0)


def by_size(dataset: Dataset) -> list[LabelledImage]:
    return sorted(dataset.images, key=lambda image: (image.width_px, image.height_px))


def same(box: Box, other: Box) -> bool:
    return all(abs(a - b) <= TOLERANCE_PX for a, b in zip(box, other, strict=True))


def check_boxes(back: Dataset, dataset: Dataset) -> None:
    assert back.class_names == dataset.class_names
    for image, other in zip(by_size(back), by_size(dataset), strict=True):
        assert image.path.read_bytes() == other.path.read_bytes()
        assert image.attributes["split"] == other.attributes["split"]
        for each, truth in zip(image.objects, other.objects, strict=True):
            assert each.class_index == truth.class_index
            assert same(each.box_xyxy_px, truth.box_xyxy_px)


def check_regions(back: Dataset, dataset: Dataset) -> None:
    for image, other in zip(by_size(back), by_size(dataset), strict=True):
        for region, truth in zip(image.ignore_xyxy_px, other.ignore_xyxy_px, strict=True):
            assert same(region, truth)


round_trips = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@round_trips
@given(data=st.data())
def test_coco_keeps_all(
    data: st.DataObject, pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dataset = data.draw(datasets(pictures))
    path = tmp_path_factory.mktemp("coco") / "annotations.json"
    write_coco(dataset, path)
    back = read_dataset(path)
    check_boxes(back, dataset)
    check_regions(back, dataset)
    for image, other in zip(back.images, dataset.images, strict=True):
        for name in ("scene", "sequence", "class_index", "attributes"):
            assert getattr(image, name) == getattr(other, name)
        for each, truth in zip(image.objects, other.objects, strict=True):
            for name in ("track_id", "truncated", "blurred", "uncertain"):
                assert getattr(each, name) == getattr(truth, name)


@round_trips
@given(data=st.data())
def test_voc_keeps_boxes_regions_and_cuts(
    data: st.DataObject, pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dataset = data.draw(datasets(pictures))
    folder = tmp_path_factory.mktemp("voc")
    write_voc(dataset, folder)
    back = read_dataset(folder)
    check_boxes(back, dataset)
    check_regions(back, dataset)
    for image, other in zip(by_size(back), by_size(dataset), strict=True):
        assert [o.truncated for o in image.objects] == [o.truncated for o in other.objects]


@round_trips
@given(data=st.data())
def test_yolo_keeps_boxes(
    data: st.DataObject, pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dataset = data.draw(datasets(pictures))
    folder = tmp_path_factory.mktemp("yolo")
    lost = write_yolo(dataset, folder)
    assert lost == sum(bool(image.ignore_xyxy_px) for image in dataset.images)
    check_boxes(read_dataset(folder), dataset)


def small(pictures: Path) -> Dataset:
    images = tuple(
        LabelledImage(pictures / f"{k % 2}/{k // 2}.png", *size, "s", "s", (), (), None, {})
        for k, size in enumerate(SIZES)
    )
    return Dataset(pictures, "0" * 64, ("cup",), images, 0)


def test_images_below_the_file_stay_where_they_are(pictures: Path, tmp_path: Path) -> None:
    for image in small(pictures).images:
        target = tmp_path / image.path.relative_to(pictures)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(image.path.read_bytes())
    write_coco(small(tmp_path), tmp_path / "annotations.json")
    assert {image.path for image in read_dataset(tmp_path).images} == {
        image.path for image in small(tmp_path).images
    }
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize("write", [write_coco, write_voc, write_yolo])
def test_writing_goes_on_but_writes_over_nobodys_images(
    write: Callable[[Dataset, Path], object], pictures: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / ("annotations.json" if write is write_coco else "")
    write(small(pictures), target)
    before = read_dataset(target).sha256
    write(small(pictures), target)
    assert read_dataset(target).sha256 == before
    image = read_dataset(target).images[0].path
    image.write_bytes(b"somebody's")
    with pytest.raises(InputError, match="is another file than"):
        write(small(pictures), target)
    assert image.read_bytes() == b"somebody's"


@pytest.mark.parametrize("write", [write_coco, write_voc, write_yolo])
def test_a_missing_image_leaves_no_annotations(
    write: Callable[[Dataset, Path], object], pictures: Path, tmp_path: Path
) -> None:
    dataset = small(tmp_path / "nowhere")
    target = tmp_path / "out" / ("annotations.json" if write is write_coco else "")
    with pytest.raises(InputError, match="no such file"):
        write(dataset, target)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
