from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split import Split
from beltmark.datasets.split_file import (
    write_split,
)
from beltmark.datasets.split_making import (
    fold_shares,
    make_split,
    part_shares,
)
from training.config import TrainConfig
from training.parts import DRAWN, split_dataset
from training.sources import check_task, fingerprint, open_dataset

OF = Dataset(
    Path("annotations.json"),
    "0" * 64,
    ("cup",),
    tuple(LabelledImage(Path(f"{k}.jpg"), 8, 8, str(k // 2), "", (), ()) for k in range(20)),
    0,
)


def config(task: str = "detect", **data: object) -> TrainConfig:
    document = {
        "name": "small",
        "task": task,
        "data": {"annotations": "annotations.json", **data},
        "input": {"width_px": 96, "height_px": 64},
        "training": {"steps": 10},
    }
    return parse(document, TrainConfig, "config.toml")


def test_a_run_takes_its_parts_from_a_split_file_and_knows_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    digests = []
    for seed in (0, 1):
        shares = part_shares([0.6, 0.2, 0.2])
        document, _ = make_split(OF, shares, by=["scene"], items=True, seed=seed)
        written = write_split(path, document)
        split = split_dataset(config(split=str(path)), OF, tmp_path)
        assert split.sha256 == written.sha256
        assert (len(split.train), len(split.validation), len(split.test)) == (12, 4, 4)
        digests.append(fingerprint(config(split=str(path)), OF, split))
    assert digests[0] != digests[1]  # a checkpoint of one is no start for the other


def test_a_run_takes_one_fold_to_be_judged_by(tmp_path: Path) -> None:
    path = tmp_path / "folds.json"
    document, _ = make_split(OF, fold_shares(5), by=["scene"], items=True, seed=0)
    write_split(path, document)
    split = split_dataset(config(split=str(path), fold=4), OF, tmp_path)
    assert (len(split.train), len(split.validation), len(split.test)) == (12, 4, 4)
    with pytest.raises(InputError, match="name one of them: fold = 0 to 4"):
        split_dataset(config(split=str(path)), OF, tmp_path)


def test_what_came_later_is_no_part_of_an_old_runs_fingerprint() -> None:
    plain = config(test_scenes=[1])
    nothing = Dataset(Path("annotations.json"), "0" * 64, ("cup",), (), 0)
    before = "caa8a1c0e65df257fcbea9791438e54ec71c0aefa2566f3b938a760fddc1a8c6"
    assert fingerprint(plain, nothing, Split((), (), ())) == before
    training = plain.training.model_copy(update={"backbone": "efficientnet_lite2"})
    for changes in ({"training": training}, {"task": "classify"}):
        other = plain.model_copy(update=changes)
        assert fingerprint(other, nothing, Split((), (), ())) != before


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Two classes of ten unlike pictures each; of every class, one is there again, saved anew."""
    rng = np.random.default_rng(3)
    for name in ("Sour Cream", "cup"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(10):
            coarse = rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
            picture = cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(tmp_path / "data" / name / f"{index}.png"), picture)
            if index == 0:
                cv2.imwrite(str(tmp_path / "data" / name / "again.jpg"), picture)
    return tmp_path / "data"


def test_drawn_parts_have_every_class_and_no_picture_twice(
    photographs: Path, tmp_path: Path
) -> None:
    asked = config("classify", annotations=str(photographs), validation_share=0.2, test_share=0.3)
    dataset = open_dataset(asked, tmp_path)
    assert dataset.class_names == ("sour_cream", "cup")
    split = split_dataset(asked, dataset, tmp_path)
    parts = (split.train, split.validation, split.test)
    assert sum(map(len, parts)) == 22
    for part in parts:
        assert {image.class_index for image in part} == {0, 1}
        for folder in ("Sour Cream", "cup"):
            names = {image.path.name for image in part if image.path.parent.name == folder}
            assert len(names & {"0.png", "again.jpg"}) in (0, 2)
    written = (tmp_path / DRAWN).read_bytes()
    assert split_dataset(asked, dataset, tmp_path) == split
    assert (tmp_path / DRAWN).read_bytes() == written
    (tmp_path / DRAWN).write_text("{")  # torn by a power cut: it is drawn again, and the same
    assert split_dataset(asked, dataset, tmp_path) == split
    assert (tmp_path / DRAWN).read_bytes() == written


def test_an_unreadable_photograph_is_told_before_anything_is_learned(
    photographs: Path, tmp_path: Path
) -> None:
    asked = config("classify", annotations=str(photographs), test_share=0.3)
    content = (photographs / "cup" / "3.png").read_bytes()
    (photographs / "cup" / "3.png").write_bytes(content[:60])
    with pytest.raises(InputError, match=r"1 of 22 images cannot be used; cup/3\.png"):
        split_dataset(asked, open_dataset(asked, tmp_path), tmp_path)


def test_a_dataset_without_what_the_task_learns_is_refused(photographs: Path) -> None:
    with pytest.raises(InputError, match=r'has no box.*task = "classify"'):
        check_task("detect", read_dataset(photographs))
    with pytest.raises(InputError, match=r'20 of 20 .* no class.*task = "detect"'):
        check_task("classify", OF)
    dataset = read_dataset(photographs)
    cups = tuple(image for image in dataset.images if image.class_index == 1)
    with pytest.raises(InputError, match="one class only"):
        check_task("classify", replace(dataset, images=cups))
