"""Which numbers are given: none twice, as many as there are, and when they run out."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.serials import NumberRange, number_text
from edge_agent.labels.gs1 import make_sscc
from fleet_server.domain.serials import Pool, allot, seconds_left, serial_pools, skip, sscc_pools
from fleet_server.handlers.serials import default_prefix, told_capacity


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 3))
def test_no_number_is_given_twice_and_none_is_left_out(counts: list[int], width: int) -> None:
    pools = [Pool("sscc", "0", width), Pool("sscc", "1", width)]
    given_numbers: list[tuple[str, int]] = []
    for count in counts:
        allotted = allot(pools, count)
        if allotted is None:
            assert all(pool.left == 0 for pool in pools)
            break
        head = allotted.pool.head
        given_numbers += [(head, n) for n in range(allotted.first, allotted.last + 1)]
        pools[int(head)] = replace(allotted.pool, next=allotted.last + 1)
    assert len(set(given_numbers)) == len(given_numbers)
    assert len(given_numbers) == sum(pool.next for pool in pools)


def test_a_ten_digit_company_prefix_holds_ten_million_ssccs() -> None:
    assert sum(pool.capacity for pool in sscc_pools("4012345678", "0123456789")) == 10**7
    assert [pool.capacity for pool in sscc_pools("4012345678", "3")] == [10**6]
    assert [pool.capacity for pool in sscc_pools("4012345", "0")] == [10**9]
    assert sscc_pools(None, "0123456789") == ()
    told = told_capacity("4012345678", "01")
    assert "1,000,000 SSCCs for each extension digit, 10,000,000 with all ten" in told
    assert "this site uses 2: 2,000,000" in told


@given(st.integers(4, 12), st.integers(0, 9), st.data())
def test_an_sscc_is_as_gs1_builds_it(length: int, digit: int, data: st.DataObject) -> None:
    company = "4012345678901"[:length]
    (pool,) = sscc_pools(company, str(digit))
    number = data.draw(st.integers(0, pool.capacity - 1))
    assert number_text("sscc", pool.head, pool.width, number) == make_sscc(digit, company, number)


def test_a_serial_is_no_longer_than_one_of_a_station_on_its_own() -> None:
    (pool,) = serial_pools(default_prefix("3fa2c1"))
    assert number_text("serial", pool.head, pool.width, 12) == "U3F0000000012"


@pytest.mark.parametrize(
    ("kind", "head", "width", "first", "last"),
    [
        ("serial", "U3F", 10, 5, 4),
        ("serial", "U3F", 2, 0, 100),
        ("sscc", "04012345678", 7, 0, 1),
        ("sscc", "U4012345678", 6, 0, 1),
        ("serial", "A" * 10, 11, 0, 1),
    ],
)
def test_what_is_no_range_is_refused(
    kind: str, head: str, width: int, first: int, last: int
) -> None:
    with pytest.raises(ValueError, match=r"range|SSCC|serial"):
        NumberRange.model_validate(
            {"kind": kind, "head": head, "width": width, "first": first, "last": last}
        )


def test_what_is_passed_over_may_reach_into_the_next_pool() -> None:
    pools = [Pool("sscc", "0", 1, next=8), Pool("sscc", "1", 1)]
    passed = [(one.pool.head, one.first, one.last) for one in skip(pools, 5)]
    assert passed == [("0", 8, 9), ("1", 0, 2)]


def test_when_numbers_run_out_follows_from_the_rate() -> None:
    assert seconds_left(1_000, 100, 60.0) == 600.0
    assert seconds_left(1_000, 0, 60.0) is None
