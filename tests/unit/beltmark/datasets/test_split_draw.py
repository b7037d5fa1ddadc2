"""What a drawn split promises whatever the groups hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.datasets.split_draw import stratify


@st.composite
def counts(draw: st.DrawFn) -> np.ndarray:
    """Three to eight groups of up to four classes, each with an image or more."""
    groups, classes = draw(st.integers(3, 8)), draw(st.integers(0, 4))
    number = st.integers(0, 5).map(float)
    rows = [[draw(number) for _ in range(classes)] for _ in range(groups)]
    images = [[float(draw(st.integers(1, 20)))] for _ in range(groups)]
    return np.hstack([np.array(rows).reshape(groups, classes), np.array(images)])


@given(counts=counts(), seed=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_every_part_has_a_group_where_there_are_enough(counts: np.ndarray, seed: int) -> None:
    part = stratify(counts, (0.6, 0.2, 0.2), [str(k) for k in range(len(counts))], seed)
    assert sorted(set(part)) == [0, 1, 2]


@pytest.mark.parametrize("seed", range(3))
def test_a_group_far_larger_than_the_others_leaves_no_part_empty(seed: int) -> None:
    counts = np.array([[1000.0], [1.0], [1.0]])
    part = stratify(counts, (0.98, 0.01, 0.01), ["a", "b", "c"], seed)
    assert sorted(part) == [0, 1, 2]
    assert part[0] == 0
