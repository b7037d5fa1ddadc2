import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.selection import NOTHING_SEEN, Candidate, choose, uncertainty

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


@given(st.permutations(judged(12)), st.integers(0, 15), st.floats(0, 1))
def test_the_order_given_does_not_matter_and_none_comes_twice(
    candidates: list[Candidate], budget: int, share: float
) -> None:
    choices = choose(candidates, budget, share, seed=3)
    assert choices == choose(judged(12), budget, share, seed=3)
    assert len({each.digest for each in choices}) == len(choices) == min(budget, 12)
