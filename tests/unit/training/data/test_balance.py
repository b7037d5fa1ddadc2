from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.datasets.dataset import LabelledImage, LabelledObject
from training.config import BalanceSettings
from training.data.balance import class_weights, count_classes, order, repeats, round_length


def image(labels: list[int], whole: int | None = None) -> LabelledImage:
    objects = tuple(LabelledObject(label, (0, 0, 4, 4)) for label in labels)
    return LabelledImage(Path("a.jpg"), 8, 8, "1", "1", (), objects, whole)


UNEVEN = [image([0])] * 80 + [image([0, 1])] * 16 + [image([2, 2])] * 4
REPEAT = BalanceSettings(sampling="repeat")


def test_classes_are_counted_by_image_and_by_object() -> None:
    counts = count_classes([*UNEVEN, image([], whole=1)], 3)
    assert counts.images.tolist() == [96, 17, 4]
    assert counts.objects.tolist() == [96, 17, 8]
    assert counts.imbalance == 24


def test_images_that_show_nothing_are_learned_from_too() -> None:
    empty = [image([])] * 3
    assert count_classes([*UNEVEN, *empty], 3).images.tolist() == [96, 16, 4]
    factors = repeats([*UNEVEN, *empty], 3, REPEAT)
    assert factors is not None
    assert factors[-3:].tolist() == [1, 1, 1]


def test_images_of_rare_classes_come_more_often() -> None:
    factors = repeats(UNEVEN, 3, REPEAT)
    assert factors is not None
    # The median class is in 16 % of the images, the rarest in 4 %: sqrt(16 / 4) times.
    assert sorted(set(factors.round(6).tolist())) == [1, 2]
    assert factors[-4:].tolist() == pytest.approx([2] * 4)
    assert repeats(UNEVEN, 3, BalanceSettings(sampling="off")) is None
    assert repeats(UNEVEN, 3, BalanceSettings()) is not None  # 24 times: auto repeats
    assert repeats(UNEVEN[:96], 3, BalanceSettings()) is None  # 6 times: auto does not


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1, 8), min_size=1, max_size=40), st.integers(0, 5), st.integers(0, 50))
def test_a_round_shows_every_image_its_factor_rounded(
    given_factors: list[float], seed: int, round_number: int
) -> None:
    factors = np.array(given_factors)
    shown = order(round_number, seed, len(factors), factors)
    assert len(shown) == round_length(len(factors), factors)
    expected = factors * len(shown) / factors.sum()
    counts = np.bincount(shown, minlength=len(factors))
    assert (np.abs(counts - expected) < 1 + 1e-6).all()
    assert sorted(order(round_number, seed, len(factors), None)) == list(range(len(factors)))


def test_loss_weights_follow_the_effective_number() -> None:
    counts = count_classes(UNEVEN, 4)
    assert class_weights(counts, BalanceSettings()) is None
    equal = class_weights(counts, BalanceSettings(loss="effective", beta=0))
    assert equal is not None
    assert equal.tolist() == pytest.approx([1, 1, 1, 1])
    weights = class_weights(counts, BalanceSettings(loss="effective", beta=0.99))
    assert weights is not None
    assert weights[2] > weights[1] > weights[0]
    assert weights[3] == 1  # a class without objects
    assert (weights[:3] * counts.objects[:3]).sum() == pytest.approx(counts.objects.sum())
    ratio = (1 - 0.99**96) / (1 - 0.99**8)
    assert weights[2] / weights[0] == pytest.approx(ratio, rel=1e-5)
