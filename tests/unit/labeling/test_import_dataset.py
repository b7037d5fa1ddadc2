from pathlib import Path

import pytest
from label_studio_tasks import write_dataset
from studio_bench import write_picture
from studio_fake import FakeStudio

from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from labeling.importing import Imported, check_known, import_dataset, used_classes


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for k in range(130):
        write_picture(tmp_path / "set" / ("cup", "tube")[k % 2] / f"{k}.png", k, 8, 6)
    return tmp_path / "set"


@pytest.mark.parametrize("requests", range(8))
def test_an_import_that_broke_off_is_gone_on_with(folders: Path, requests: int) -> None:
    studio, dataset = FakeStudio(), read_dataset(folders)
    studio.requests_left = requests
    with pytest.raises(InputError, match="cannot be reached"):
        import_dataset(studio, 1, dataset, "annotations")
    studio.requests_left = None
    again = import_dataset(studio, 1, dataset, "annotations")
    assert again.there + again.made == 130
    assert len({row["data"]["sha256"] for row in studio.rows.values()}) == len(studio.rows) == 130
    assert len(studio.files) == 130


def test_a_file_that_comes_twice_and_one_that_is_none_are_told(folders: Path) -> None:
    (folders / "cup" / "again.png").write_bytes((folders / "cup" / "0.png").read_bytes())
    dataset = read_dataset(folders)
    (folders / "tube" / "1.png").write_bytes(b"no image")
    done = import_dataset(FakeStudio(), 1, dataset, "annotations")
    assert (done.made, done.repeated) == (129, 1)
    assert "1.png" in done.problems[0]


def test_only_classes_in_use_are_asked_for(tmp_path: Path) -> None:
    dataset = read_dataset(write_dataset(tmp_path))
    assert "never used" not in used_classes(dataset)
    check_known(dataset, used_classes(dataset))
    with pytest.raises(InputError, match=r"does not have: .*'cup'"):
        check_known(dataset, ["tube"])


def test_an_empty_image_is_an_answer_without_boxes(tmp_path: Path) -> None:
    studio, dataset = FakeStudio(), read_dataset(write_dataset(tmp_path))
    # The three images of that set are one file.
    assert import_dataset(studio, 1, dataset, "starred") == Imported(0, 1, 2, 2, [])
    (answer,) = studio.rows[1]["annotations"]
    assert answer["ground_truth"]
