"""Filmed sequences: an eye that sees what people drew labels every product once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.opening import read_dataset
from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.station.items import Rules
from training.evaluate.items import tally
from training.evaluate.items_recording import IGNORED, from_bytes, to_bytes
from training.evaluate.items_replay import replay
from training.evaluate.operating_run import divide
from training.evaluate.sequences import BLANK_FRAMES, FilmedSequence, sequences_of


@dataclass(frozen=True, eq=False)
class _Seen:
    box_xyxy_px: BoxXyxyPx
    score: float
    class_scores: NDArray[np.float32]


class _KnowingEye:
    """Sees what people drew, image by image; with ghosts, also what is not to be judged."""

    def __init__(
        self, classes: tuple[str, ...], images: Sequence[LabelledImage], *, ghosts: bool = False
    ) -> None:
        self.classes, self._images, self._ghosts = classes, iter(images), ghosts

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[_Seen]:
        image = next(self._images)
        assert image_bgr.shape == (image.height_px, image.width_px, 3)
        seen = [self._seen(each.box_xyxy_px, each.class_index) for each in image.objects]
        return seen + [self._seen(box, 0) for box in image.ignore_xyxy_px if self._ghosts]

    def _seen(self, box: BoxXyxyPx, label: int) -> _Seen:
        scores = np.full(len(self.classes), 0.02, np.float32)
        scores[label] = 0.95
        return _Seen(box, 0.95, scores)


@pytest.fixture(scope="module")
def dataset(shared_data: Path) -> Dataset:
    return read_dataset(shared_data / "belt" / "annotations.json")


def _catalogue(names: Sequence[str]) -> Catalogue:
    products = []
    for index, name in enumerate(names):
        digits = f"95212345{index:04d}"
        gtin = f"{digits}{gtin_check_digit(digits)}"
        products.append(Product(sku=name.upper(), gtin=gtin, name=name, class_name=name))
    return Catalogue(products=tuple(products))


def _rules(classes: tuple[str, ...], catalogue: Catalogue) -> Rules:
    files = {"model.onnx": "0" * 64, "golden/golden.json": "0" * 64}
    manifest = Manifest(
        name="drawn",
        classes=classes,
        input=InputSpec(height_px=320, width_px=480),
        outputs=OutputSpec(embedding_size=1),
        files=files,
    )
    return Rules(manifest, Policy(threshold=0.5), catalogue)


def test_every_product_gets_its_label_once_and_nothing_else_does(dataset: Dataset) -> None:
    catalogue = _catalogue(dataset.class_names)
    sequences = sequences_of(dataset, catalogue)
    assert len(sequences) >= 8
    rules = _rules(dataset.class_names, catalogue)
    judged = []
    for sequence in sequences:
        recording = sequence.record(_KnowingEye(dataset.class_names, sequence.images))
        assert to_bytes(from_bytes(to_bytes(recording))) == to_bytes(recording)
        judged += replay(recording, rules)
    counts = tally(judged)
    assert counts.wrong == 0
    assert [item for item in judged if item.fate() == "missed"] == []
    assert counts.fates["right"] >= 18


def test_an_item_of_a_class_without_a_product_is_foreign(dataset: Dataset) -> None:
    catalogue = _catalogue(dataset.class_names[1:])
    sequence = next(s for s in sequences_of(dataset, catalogue) if s.name == "sequence 25")
    recording = sequence.record(_KnowingEye(dataset.class_names, sequence.images))
    counts = tally(replay(recording, _rules(dataset.class_names, catalogue)))
    assert counts.fates["foreign_left"] == 1
    assert counts.labels == counts.right == counts.products


def test_what_lies_where_nothing_is_judged_is_of_no_item(dataset: Dataset) -> None:
    catalogue = _catalogue(dataset.class_names)
    for sequence in sequences_of(dataset, catalogue):
        eye = _KnowingEye(dataset.class_names, sequence.images, ghosts=True)
        recording = sequence.record(eye)
        ghosts = [
            frame.true_ids[len(image.objects) :]
            for frame, image in zip(recording.frames[BLANK_FRAMES:], sequence.images, strict=True)
        ]
        found = np.concatenate(ghosts)
        drawn = {thing.track_id for image in sequence.images for thing in image.objects}
        assert set(found.tolist()) <= {IGNORED} | drawn


def test_scenes_are_divided_whole_and_alike_for_a_seed(dataset: Dataset) -> None:
    sequences: list[FilmedSequence] = sequences_of(dataset, _catalogue(dataset.class_names))
    choosing, confirming = divide(sequences, 3)
    groups = [{each.group for each in half} for half in (choosing, confirming)]
    assert all(groups)
    assert not groups[0] & groups[1]
    assert len(choosing) + len(confirming) == len(sequences)
    again = divide(sequences, 3)
    assert [s.name for s in again[0]] == [s.name for s in choosing]
    assert any({s.group for s in divide(sequences, seed)[0]} != groups[0] for seed in range(4, 9))
