from pathlib import Path

import pytest
from pictures import write_picture

from beltmark.contract.errors import InputError
from beltmark.datasets.files import DatasetFiles, clean_name, is_image

LIST = Path("list.csv")


def found(folder: Path, name: str) -> Path:
    return DatasetFiles(folder).path_of(name, LIST, "line 2")


@pytest.mark.parametrize("name", ["a/b.png", "./a/b.png", "a\\b.png", "a//b.png", ".\\a\\b.png"])
def test_names_are_found_however_they_are_written(name: str, tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a/b.png")
    assert found(tmp_path, name) == path


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../b.png", "a/../../b.png", "C:\\b.png", "c:b.png", "\\\\host\\b.png", ".", "",
     "a\0.png"],
)  # fmt: skip
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    write_picture(tmp_path / "b.png")
    folder = tmp_path / "data"
    folder.mkdir()
    assert clean_name(name) is None
    with pytest.raises(InputError, match="leads out") as caught:
        found(folder, name)
    assert (caught.value.file, caught.value.field) == (LIST, "line 2")


def test_links_that_lead_out_are_refused_and_others_are_not(tmp_path: Path) -> None:
    outside = write_picture(tmp_path / "outside/secret.png")
    folder = tmp_path / "data"
    inside = write_picture(folder / "real/a.png")
    (folder / "file.png").symlink_to(outside)
    (folder / "folder").symlink_to(outside.parent)
    (folder / "good.png").symlink_to(inside)
    (folder / "again").symlink_to(inside.parent)
    assert found(folder, "good.png").read_bytes() == inside.read_bytes()
    assert found(folder, "again/a.png").is_file()
    for name in ("file.png", "folder/secret.png"):
        with pytest.raises(InputError, match="link that leads out"):
            found(folder, name)
    with pytest.raises(InputError, match="link that leads out"):
        list(DatasetFiles(folder).below())


def test_a_dataset_may_itself_be_a_link(tmp_path: Path) -> None:
    write_picture(tmp_path / "real/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert found(tmp_path / "link", "a.png") == tmp_path / "link/a.png"


def test_no_file_is_found_in_two_ways(tmp_path: Path) -> None:
    write_picture(tmp_path / "real/a.png")
    (tmp_path / "again").symlink_to(tmp_path / "real")
    (tmp_path / "real/round").symlink_to(tmp_path)
    assert list(DatasetFiles(tmp_path).below()) == ["real/a.png"]


def test_hidden_files_are_passed_over_and_order_is_by_name(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.png", "a/3.png", ".git/4.png", "b/.5.png", "0.png"):
        write_picture(tmp_path / name)
    assert list(DatasetFiles(tmp_path).below()) == ["0.png", "a/3.png", "b/1.png", "b/2.png"]


def test_what_is_missing_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such image") as caught:
        found(tmp_path, "a/b.png")
    assert str(tmp_path / "a/b.png") in str(caught.value)


def test_a_name_longer_than_any_file_is_missing_not_a_crash(tmp_path: Path) -> None:
    for name in ("x" * 300, "x/" * 3_000 + "x", "x" * 100_000):
        with pytest.raises(InputError, match="no such image"):
            found(tmp_path, name)


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "a\x1b[31m.png")
    with pytest.raises(InputError, match="a name that is no text") as caught:
        list(DatasetFiles(tmp_path).below())
    assert "\x1b" not in str(caught.value)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InputError, match="no such image"):
        found(tmp_path, "a.png")


def test_images_are_known_by_their_ending() -> None:
    assert is_image("A.JPG")
    assert not is_image("jpg")
    assert not is_image("a.txt")
