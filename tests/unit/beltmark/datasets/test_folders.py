from pathlib import Path

import pytest
from pictures import write_picture

from beltmark.contract.errors import InputError
from beltmark.datasets.folders import read_folders


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        write_picture(folder / name)
    return folder


def classes(folder: Path) -> dict[str, str]:
    dataset = read_folders(folder)
    return {
        image.path.relative_to(folder).as_posix(): dataset.class_names[image.class_index or 0]
        for image in dataset.images
    }


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    fill(tmp_path, "tube/2.png", "tube/1.png", "cup/1.png")
    dataset = read_folders(tmp_path)
    assert dataset.class_names == ("cup", "tube")
    assert [image.class_index for image in dataset.images] == [0, 1, 1]
    first = dataset.images[0]
    assert (first.width_px, first.height_px, first.objects) == (64, 48, ())
    assert first.scene == "cup/1.png"
    assert "split" not in first.attributes


def test_parts_at_the_top_are_told(tmp_path: Path) -> None:
    fill(tmp_path, "train/cup/1.png", "train/tube/1.png", "valid/cup/1.png")
    dataset = read_folders(tmp_path)
    assert dataset.class_names == ("cup", "tube")
    assert [image.attributes["split"] for image in dataset.images] == [
        "train", "train", "validation",
    ]  # fmt: skip


def test_a_class_may_be_called_test(tmp_path: Path) -> None:
    fill(tmp_path, "test/1.png", "cup/1.png")
    assert classes(tmp_path) == {"cup/1.png": "cup", "test/1.png": "test"}


def test_deeper_folders_are_classes_by_their_way(tmp_path: Path) -> None:
    fill(tmp_path, "Fruit/Apple/Red/1.png", "Fruit/Lemon/1.png")
    assert set(classes(tmp_path).values()) == {"Fruit/Apple/Red", "Fruit/Lemon"}


def test_other_files_are_left_out_and_counted(tmp_path: Path) -> None:
    fill(tmp_path, "cup/1.png")
    (tmp_path / "cup/notes.txt").write_text("x")
    (tmp_path / "cup/.DS_Store").write_text("x")
    assert read_folders(tmp_path).notes == ("1 files are no images: left out",)


def test_the_digest_is_of_the_names(tmp_path: Path) -> None:
    before = read_folders(fill(tmp_path, "cup/1.png")).sha256
    assert read_folders(tmp_path).sha256 == before
    assert read_folders(fill(tmp_path, "cup/2.png")).sha256 != before


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["cup/1.png", "1.png"], "in no class's folder"),
        (["train/cup/1.png", "train/1.png"], "in no class's folder"),
        (["Cup/1.png", "cup/1.png"], "differ only in upper and lower case"),
        ([], "has no image in it"),
    ],
)
def test_what_would_mislead_is_refused(names: list[str], told: str, tmp_path: Path) -> None:
    fill(tmp_path, *names)
    with pytest.raises(InputError, match=told):
        read_folders(tmp_path)


def test_real_products_are_read(shared_data: Path) -> None:
    dataset = read_folders(shared_data / "grocery/val")
    assert len(dataset.images) == 296
    assert "Fruit/Apple/Golden-Delicious" in dataset.class_names
