from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.records import Counters
from beltmark.contract.terms import MAX_SEQUENCE
from fleet_server.domain.minutes import add

counts = st.integers(0, 1_000)
counters = st.builds(
    Counters,
    start_at=st.just(60.0),
    frames=counts,
    dropped=counts,
    outcomes=st.dictionaries(st.sampled_from(["PRINT", "REVIEW", "REJECT"]), counts),
    labels=st.dictionaries(st.sampled_from(["printed", "late"]), counts),
    latency_counts=st.lists(counts, max_size=14).map(tuple),
)


@given(counters, counters)
def test_both_parts_are_counted(first, second):
    total = add(first, second)
    assert total.frames == first.frames + second.frames
    assert total.dropped == first.dropped + second.dropped
    assert sum(total.outcomes.values()) == sum(
        [*first.outcomes.values(), *second.outcomes.values()]
    )
    assert sum(total.labels.values()) == sum([*first.labels.values(), *second.labels.values()])
    assert sum(total.latency_counts) == sum((*first.latency_counts, *second.latency_counts))
    assert add(second, first) == total


@given(counters)
def test_nothing_adds_nothing(one):
    assert add(one, Counters(start_at=60.0)) == one


def test_no_count_outgrows_a_column():
    most = Counters(start_at=60.0, frames=MAX_SEQUENCE, outcomes={"PRINT": MAX_SEQUENCE})
    assert add(most, most) == most
