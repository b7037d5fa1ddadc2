import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.suspects.confident import (
    confident_joint,
    noise_share,
    suspects,
    thresholds,
)


def test_the_confident_joint_by_hand() -> None:
    probabilities = np.array(
        [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.4, 0.6], [0.55, 0.45]]
    )
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert thresholds(probabilities, labels) == pytest.approx([0.6, 0.65])
    # The third is told 0 and surely 1; the last two reach neither threshold.
    assert confident_joint(probabilities, labels).tolist() == [[2, 1], [0, 1]]
    assert noise_share(confident_joint(probabilities, labels), labels) == pytest.approx(1 / 6)
    found = suspects(probabilities, labels)
    assert found.samples[0] == 2
    assert found.classes[0] == 1
    assert found.confidence[0] == pytest.approx(0.2)


def test_a_class_that_nobody_has_is_never_sure() -> None:
    probabilities = np.array([[0.1, 0.1, 0.8], [0.2, 0.7, 0.1]])
    labels = np.array([0, 1])
    assert thresholds(probabilities, labels)[2] == np.inf
    assert confident_joint(probabilities, labels)[:, 2].tolist() == [0, 0, 0]


def test_swapped_labels_come_first() -> None:
    chance = np.random.default_rng(5)
    truth = chance.integers(0, 4, 400)
    probabilities = chance.dirichlet(np.ones(4), 400) * 0.3
    probabilities[np.arange(400), truth] += 0.7
    labels = truth.copy()
    swapped = chance.choice(400, 20, replace=False)
    labels[swapped] = (truth[swapped] + 1) % 4
    found = suspects(probabilities, labels)
    assert set(found.samples[:20].tolist()) == set(swapped.tolist())
    assert (found.classes[:20] == truth[found.samples[:20]]).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 60), st.integers(0, 1_000))
def test_laws(classes: int, number: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    probabilities = chance.dirichlet(np.ones(classes), number)
    labels = chance.integers(0, classes, number)
    joint = confident_joint(probabilities, labels)
    assert joint.sum() <= number
    assert (joint.sum(1) <= np.bincount(labels, minlength=classes)).all()
    assert 0 <= noise_share(joint, labels) <= 1
    found = suspects(probabilities, labels)
    assert len(set(found.samples.tolist())) == len(found.samples)
    assert (np.diff(found.confidence) >= 0).all()
    assert (found.classes != labels[found.samples]).all()
