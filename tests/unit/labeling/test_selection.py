import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.selection import NOTHING_SEEN, Candidate, Labelled, choose, uncertainty

DIGESTS = [f"{k:064x}" for k in range(40)]


def judged(count: int) -> list[Candidate]:
    return [Candidate(digest, k / count) for k, digest in enumerate(DIGESTS[:count])]


def test_doubt_is_the_least_margin_of_an_image() -> None:
    assert uncertainty([]) == NOTHING_SEEN
    assert uncertainty([[1.0, 0.0]]) == 0
    assert uncertainty([[0.9, 0.1], [0.5, 0.5]]) == 1
    assert uncertainty([[0.75, 0.25]]) == pytest.approx(0.25)
    assert uncertainty([[0.75]]) == pytest.approx(0.0625)  # one class: its rival is none


def test_the_doubtful_come_first_after_a_random_part() -> None:
    choices = choose(judged(40), 10, 0.2, seed=1)
    assert [each.reason for each in choices] == ["random"] * 2 + ["uncertain"] * 8
    drawn = {each.digest for each in choices[:2]}
    by_doubt = [digest for digest in reversed(DIGESTS) if digest not in drawn]
    assert [each.digest for each in choices[2:]] == by_doubt[:8]


def test_without_a_model_all_are_drawn() -> None:
    choices = choose([Candidate(digest) for digest in DIGESTS], 10, 0.2, seed=1)
    assert {each.reason for each in choices} == {"random"}
    assert [each.digest for each in choices] != DIGESTS[:10]
    assert choices != choose([Candidate(digest) for digest in DIGESTS], 10, 0.2, seed=2)


def test_where_nothing_is_left_to_weigh_nothing_is_weighed() -> None:
    labelled = Labelled(embeddings=[at(0.0)])
    assert choose([], 10, 0.2, seed=1, labelled=labelled) == []
    alone = [looking(1.0)]
    assert [each.reason for each in choose(alone, 5, 1.0, 1, labelled)] == ["random"]
    assert choose(alone, 0, 0.0, 1, labelled) == []
    blind = [Candidate(DIGESTS[0], 0.5)]  # a package without an embedding
    assert [each.reason for each in choose(blind, 1, 0.0, 1, labelled)] == ["uncertain"]


@given(st.permutations(judged(12)), st.integers(0, 15), st.floats(0, 1))
def test_the_order_given_does_not_matter_and_none_comes_twice(
    candidates: list[Candidate], budget: int, share: float
) -> None:
    choices = choose(candidates, budget, share, seed=3)
    assert choices == choose(judged(12), budget, share, seed=3)
    assert len({each.digest for each in choices}) == len(choices) == min(budget, 12)


def looking(angle: float, **more: Any) -> Candidate:
    """A candidate in a plane of embeddings, of which a model is half sure."""
    vector = np.array([math.cos(angle), math.sin(angle)], np.float32)
    return Candidate(f"{angle:.6f}", **{"uncertainty": 0.5, "embedding": vector, **more})


def at(angle: float) -> Any:
    return looking(angle).embedding


def test_what_is_far_from_all_that_is_labelled_or_chosen_comes_first() -> None:
    near = [looking(k / 100) for k in range(10)]
    far, farther = looking(1.2), looking(1.25)
    choices = choose([*near, far, farther], 3, 0, 0, Labelled(embeddings=[at(0)]))
    assert choices[0].digest == farther.digest
    assert choices[0].reason == "uncertain"  # half of novelty's weight, and as large
    assert choices[1].digest == near[-1].digest  # `far` is next to what was just chosen


def test_novelty_needs_no_labelled_set() -> None:
    groups = [looking(middle + k / 1000) for middle in (0, 0.7, 1.4) for k in range(5)]
    chosen = [float(each.digest) for each in choose(groups, 3, 0, 0)]
    assert sorted(round(angle / 0.7) for angle in chosen) == [0, 1, 2]


def test_where_models_differ_and_what_is_rare_is_worth_more_and_is_told() -> None:
    plain = [Candidate(f"p{k}", 0.2, 0.0, (("cup", 0.9),)) for k in range(5)]
    disputed = Candidate("disputed", 0.2, 0.9, (("cup", 0.9),))
    rare = Candidate("rare", 0.1, 0.0, (("tube", 0.9),))
    choices = choose([*plain, disputed, rare], 2, 0, 0, Labelled({"cup": 400, "tube": 1}))
    assert [(each.digest, each.reason) for each in choices] == [
        ("disputed", "disputed"), ("rare", "rare"),
    ]  # fmt: skip


def test_what_is_not_known_of_an_image_does_not_count_against_it() -> None:
    known = Candidate("known", 0.4, 0.0, (), None)
    unknown = Candidate("unknown", 0.3)
    assert [each.digest for each in choose([known, unknown], 2, 0, 0)] == ["unknown", "known"]


@given(
    st.permutations([looking(k / 7, uncertainty=k % 3 / 3) for k in range(12)]),
    st.integers(0, 14),
)
def test_the_order_given_does_not_matter_to_value(candidates: list[Candidate], budget: int) -> None:
    labelled = Labelled({"cup": 1}, [at(0.3)])
    ordered = sorted(candidates, key=lambda each: each.digest)
    choices = choose(candidates, budget, 0.25, 1, labelled)
    assert choices == choose(ordered, budget, 0.25, 1, labelled)
    assert len({each.digest for each in choices}) == len(choices) == min(budget, 12)
