"""The products of real filmed sequences, by the boxes that people drew: each is decided once."""

from pathlib import Path

import pytest

from beltmark.datasets.coco import read_coco
from bench.real_tracks import follow_tracks, sequences


@pytest.mark.parametrize("dropped_share", [0.0, 0.1])
def test_no_identity_is_swapped_and_no_track_decided_twice_or_not_at_all(
    shared_data: Path, dropped_share: float
) -> None:
    dataset = read_coco(shared_data / "belt" / "annotations.json")
    longer = sequences(dataset, least_frames=8)
    assert len(longer) >= 8
    for name, images in longer.items():
        for seed in range(5):
            told = follow_tracks(images, dataset.class_names, seed, dropped_share)
            assert told.swapped == 0, name
            assert set(told.printed.values()) <= {1}, name
            assert told.tracks <= told.decided.keys(), name
