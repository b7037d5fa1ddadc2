"""A station asks for more than its release, never for less; a stricter release wins."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.errors import InputError
from beltmark.contract.package import CurvePoint
from beltmark.contract.policy import Policy
from edge_agent.station.section import PolicySection
from edge_agent.station.tightening import (
    Looser,
    check_strict,
    looser,
    share_reaching,
    threshold_for,
    tightened,
)

POLICY = Policy(threshold=0.8, min_votes=3, min_agreement=0.6, min_margin=0.2, max_tolerance_mm=5.0)


@pytest.mark.parametrize(
    ("field", "stricter", "loose", "mend"),
    [
        ("threshold", 0.9, 0.7, "write 0.8 at least, or leave it to the release"),
        ("min_votes", 5, 2, "write 3 at least, or leave it to the release"),
        ("min_agreement", 1.0, 0.5, "write 0.6 at least, or leave it to the release"),
        ("min_margin", 0.3, 0.1, "write 0.2 at least, or leave it to the release"),
        ("max_tolerance_mm", 4.0, 6.0, "write 5 at most, or leave it to the release"),
    ],
)
def test_each_value_goes_one_way(field: str, stricter: float, loose: float, mend: str) -> None:
    own = PolicySection.model_validate({field: stricter})
    check_strict(POLICY, own)
    assert tightened(POLICY, own) == POLICY.model_copy(update={field: stricter})
    assert looser(POLICY, own) == ()
    own = PolicySection.model_validate({field: loose})
    assert tightened(POLICY, own) == POLICY
    release = getattr(POLICY, field)
    assert [asdict(found) for found in looser(POLICY, own)] == [
        asdict(Looser(field, loose, release))
    ]
    with pytest.raises(InputError) as refused:
        check_strict(POLICY, own)
    assert refused.value.field == f"policy.{field}"
    assert refused.value.problem == f"{loose:g} is looser than the release's {release:g}"
    assert refused.value.mend == mend


def test_the_same_value_and_none_at_all_are_not_looser() -> None:
    own = PolicySection(threshold=0.8, max_tolerance_mm=5.0)
    assert looser(POLICY, own) == ()
    assert tightened(POLICY, PolicySection()) == POLICY
    unbounded = POLICY.model_copy(update={"max_tolerance_mm": None})
    assert tightened(unbounded, own).max_tolerance_mm == 5.0


CURVE = tuple(
    CurvePoint(threshold=threshold, precision=precision, coverage=0.5)
    for threshold, precision in [(0.5, 0.999), (0.6, 0.98), (0.85, 0.997), (0.9, 0.999), (0.95, 1)]
)


@pytest.mark.parametrize(
    ("precision", "threshold"), [(0.996, 0.85), (0.999, 0.9), (1.0, 0.95), (0.98, 0.8)]
)
def test_a_target_precision_becomes_the_threshold_of_the_curve(
    precision: float, threshold: float
) -> None:
    own = PolicySection(target_precision=precision)
    assert tightened(POLICY, own, CURVE).threshold == threshold
    both = PolicySection(target_precision=precision, threshold=0.99)
    assert tightened(POLICY, both, CURVE).threshold == 0.99


def test_a_target_precision_that_is_never_reached_prints_nothing() -> None:
    own = PolicySection(target_precision=1.0)
    assert threshold_for(1.0, CURVE[:-1]) is None
    assert tightened(POLICY, own, CURVE[:-1]).threshold == 1.0
    with pytest.raises(InputError, match="no threshold of the package's curve reaches 1"):
        check_strict(POLICY, own, CURVE[:-1])


_SHARES = st.floats(0, 1)
_SECTIONS = st.builds(
    PolicySection,
    target_precision=st.none() | _SHARES,
    threshold=st.none() | _SHARES,
    min_votes=st.none() | st.integers(1, 9),
    min_agreement=st.none() | _SHARES,
    min_margin=st.none() | _SHARES,
    max_tolerance_mm=st.none() | st.floats(1, 9),
)


@given(_SECTIONS)
def test_no_station_is_looser_than_its_release(own: PolicySection) -> None:
    policy = tightened(POLICY, own)
    assert policy.threshold >= POLICY.threshold
    assert policy.min_votes >= POLICY.min_votes
    assert policy.min_agreement >= POLICY.min_agreement
    assert policy.min_margin >= POLICY.min_margin
    assert policy.max_tolerance_mm is not None
    assert policy.max_tolerance_mm <= 5.0
    assert policy.outranks == POLICY.outranks


def test_the_share_that_reaches_a_threshold_is_that_of_the_point_below_it() -> None:
    curve = [
        CurvePoint(threshold=at, precision=1.0, coverage=share)
        for at, share in ((0.9, 0.6), (0.5, 0.9), (0.98, 0.02))
    ]
    assert [share_reaching(at, curve) for at in (0.4, 0.5, 0.95, 0.99)] == [None, 0.9, 0.6, 0.02]
