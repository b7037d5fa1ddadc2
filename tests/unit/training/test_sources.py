from pathlib import Path

import pytest

from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.split_file import (
    write_split,
)
from beltmark.datasets.split_making import (
    fold_shares,
    make_split,
    part_shares,
)
from training.config import TrainConfig
from training.sources import fingerprint, split_dataset

OF = Dataset(
    Path("annotations.json"),
    "0" * 64,
    ("cup",),
    tuple(LabelledImage(Path(f"{k}.jpg"), 8, 8, str(k // 2), "", (), ()) for k in range(20)),
    0,
)


def config(**data: object) -> TrainConfig:
    document = {
        "name": "small",
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
        split = split_dataset(config(split=str(path)), OF)
        assert split.sha256 == written.sha256
        assert (len(split.train), len(split.validation), len(split.test)) == (12, 4, 4)
        digests.append(fingerprint(config(split=str(path)), OF, split))
    assert digests[0] != digests[1]  # a checkpoint of one is no start for the other


def test_a_run_takes_one_fold_to_be_judged_by(tmp_path: Path) -> None:
    path = tmp_path / "folds.json"
    document, _ = make_split(OF, fold_shares(5), by=["scene"], items=True, seed=0)
    write_split(path, document)
    split = split_dataset(config(split=str(path), fold=4), OF)
    assert (len(split.train), len(split.validation), len(split.test)) == (12, 4, 4)
    with pytest.raises(InputError, match="name one of them: fold = 0 to 4"):
        split_dataset(config(split=str(path)), OF)
