import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.labels.gs1 import element_string, trade_item
from edge_agent.verification.marking import Marking, marking_of

GTIN = "09521234500018"


@pytest.mark.parametrize(
    ("lot", "expiry"), [(None, None), ("L7", None), (None, "2027-02-28"), ("L>8", "270200")]
)
def test_what_our_labels_carry_is_found(lot: str | None, expiry: str | None) -> None:
    told = element_string(trade_item(GTIN, "ABC0000001", lot, expiry))
    assert marking_of(told) == Marking(GTIN, "ABC0000001")


@pytest.mark.parametrize(
    "told",
    [
        "",
        "00106141412345678908",  # a logistic unit
        f"01{GTIN}",  # goods that carry their GTIN alone
        "21ABC",
        "01ABCDEFGHIJKLMN21X",
        f"01{GTIN}21{'X' * 21}",
        f"01{GTIN}21",
        f"10A21B\x1d01{GTIN}",
        "0109521234",
    ],
)
def test_what_is_no_marking_is_none(told: str) -> None:
    assert marking_of(told) is None


@given(st.text())
def test_no_text_breaks_it(told: str) -> None:
    found = marking_of(told)
    assert found is None or (len(found.gtin) == 14 and 1 <= len(found.serial) <= 20)
