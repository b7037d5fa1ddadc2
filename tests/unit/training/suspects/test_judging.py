import numpy as np
from numpy.typing import NDArray

from training.suspects.confident import suspects
from training.suspects.judging import (
    OUTLIER_SPREADS,
    compact,
    companions,
    out_of_fold,
    strangeness,
    with_companions,
)


def blobs(number: int = 240) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    chance = np.random.default_rng(1)
    labels = np.arange(number) % 3
    features = chance.random((number, 40)) * 0.4
    features[np.arange(number), labels] += 2.0
    return features.astype(np.float16), labels


def test_swapped_classes_are_found_without_their_group() -> None:
    features, labels = blobs()
    given = labels.copy()
    given[[5, 50, 77]] = (labels[[5, 50, 77]] + 1) % 3
    probabilities = out_of_fold(compact(features), given, np.arange(240) // 2, 3)
    assert probabilities is not None
    assert np.allclose(probabilities.sum(1), 1)
    assert set(suspects(probabilities, given).samples[:3].tolist()) == {5, 50, 77}


def test_too_little_to_learn_from_is_no_judgement() -> None:
    features, labels = blobs(30)
    samples = compact(features)
    assert out_of_fold(samples, labels, np.zeros(30, np.int64), 3) is None
    assert out_of_fold(samples, np.zeros(30, np.int64), np.arange(30), 3) is None


def test_companions_are_the_others_of_the_image() -> None:
    images = np.array([0, 0, 0, 1])
    given = np.array([1, 1, 0, 2])
    assert companions(images, given, 3).tolist() == [
        [0.5, 0.5, 0, 1],
        [0.5, 0.5, 0, 1],
        [0, 1, 0, 1],
        [0, 0, 0, 0],
    ]
    assert with_companions(np.zeros((4, 5), np.float32), images, given, 3).shape == (4, 9)


def test_what_is_unlike_everything_is_an_outlier() -> None:
    features, _ = blobs()
    features[7] = 0
    features[7, 30:] = 3
    strange = strangeness(compact(features), np.arange(240))
    assert np.flatnonzero(strange > OUTLIER_SPREADS).tolist() == [7]


def test_its_own_group_does_not_make_a_thing_usual() -> None:
    features, _ = blobs()
    features[:4] = 0
    features[:4, 30:] = 3  # four frames of one strange thing
    groups = np.arange(240)
    groups[:4] = 0
    strange = strangeness(compact(features), groups)
    assert (strange[:4] > OUTLIER_SPREADS).all()
