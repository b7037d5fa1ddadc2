import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluate.bootstrap import mean_of
from training.gate.bounds import bounds, unseen_share, widened


def groups(number: int) -> list[str]:
    return [str(index) for index in range(number)]


def test_groups_without_a_fault_prove_only_what_their_number_proves() -> None:
    perfect = bounds(mean_of(np.ones(20)), groups(20), 0.95, 0, origin=1.0, draws=200)
    assert perfect is not None
    assert perfect.value == 1.0
    assert perfect.few_faults
    # Exact binomial: 0 of 20 leaves up to 1 - 0.05 ** (1 / 20).
    assert perfect.low == pytest.approx(0.05 ** (1 / 20))


def test_two_equal_models_on_few_groups_are_not_proven_equal() -> None:
    same = bounds(mean_of(np.zeros(20)), groups(20), 0.95, 0, origin=0.0, draws=200)
    assert same is not None
    assert same.low < -0.1
    many = bounds(mean_of(np.zeros(600)), groups(600), 0.95, 0, origin=0.0, draws=200)
    assert many is not None
    assert many.low > -0.01


def test_faults_that_show_are_bounded_by_drawing_groups_anew() -> None:
    values = np.tile([1.0, 0.8, 0.9, 1.0], 25)
    found = bounds(mean_of(values), groups(100), 0.95, 0, origin=1.0, draws=500)
    assert found is not None
    assert not found.few_faults
    error = values.std() / 10
    assert found.low == pytest.approx(values.mean() - 1.66 * error, abs=0.3 * error)


def test_what_cannot_be_told_has_no_bounds() -> None:
    assert bounds(mean_of(np.ones(3)), ["a"] * 3, 0.95, 0, origin=1.0, draws=200) is None
    nothing = mean_of(np.full(12, np.nan))
    assert bounds(nothing, groups(12), 0.95, 0, origin=1.0, draws=200) is None


@given(st.integers(2, 5000), st.floats(0.6, 0.999))
def test_few_groups_and_more_confidence_widen(number: int, confidence: float) -> None:
    assert widened(confidence, number) >= widened(confidence, number + 1) - 1e-12
    assert widened(confidence, number) >= 2 * confidence - 1 - 1e-9
    assert 0 < unseen_share(confidence, number + 1) < unseen_share(confidence, number) < 1
