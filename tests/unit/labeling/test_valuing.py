from typing import Any

import numpy as np
import pytest

from labeling.exporting import predicted_region
from labeling.samples import Seen
from labeling.selection import Labelled
from labeling.valuing import add_counts, add_seen, candidate_of, disagreement

SIZE = (100, 100)
LEFT, RIGHT = (10.0, 10.0, 20.0, 20.0), (60.0, 60.0, 20.0, 20.0)


def seen(*boxes: tuple[str, tuple[float, float, float, float]], **more: Any) -> Seen:
    regions = [
        {**predicted_region(f"r{k}", name, box, SIZE), "score": 0.9 - k / 10}
        for k, (name, box) in enumerate(boxes)
    ]
    return Seen(0.25, {"model_version": "m", "result": regions}, **more)


def test_models_that_see_the_same_do_not_differ() -> None:
    assert disagreement(seen(("cup", LEFT)), seen(("cup", LEFT))) == 0
    assert disagreement(seen(), seen()) == 0


def test_models_differ_by_the_boxes_that_only_one_has() -> None:
    both = seen(("cup", LEFT), ("tube", RIGHT))
    assert disagreement(both, seen(("cup", LEFT))) == pytest.approx(1 / 3)
    assert disagreement(both, seen(("cup", LEFT), ("cup", RIGHT))) == pytest.approx(1 / 2)
    assert disagreement(both, seen()) == 1


def test_an_image_tells_the_best_of_each_class() -> None:
    vector = np.ones(1, np.float32)
    found = candidate_of("a", seen(("cup", LEFT), ("cup", RIGHT), embedding=vector), seen())
    assert found.classes == (("cup", 0.9),)
    assert (found.uncertainty, found.disagreement) == (0.25, 1)
    assert found.embedding is vector


def test_only_sure_boxes_are_counted_as_labelled() -> None:
    labelled = Labelled()
    add_seen(labelled, seen(*[("cup", LEFT)] * 6))
    add_counts(labelled, ["tube"])
    assert labelled.counts == {"cup": 5, "tube": 1}
    assert labelled.embeddings == []
