import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.labels.gs1 import element_string, trade_item
from edge_agent.labels.gs1_reading import read_date, read_element_string

GTIN = "09521234500018"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            f"01{GTIN}17270131" + "10AB1\x1d21S1",
            {"01": GTIN, "17": "270131", "10": "AB1", "21": "S1"},
        ),
        (f"10AB1\x1d01{GTIN}", {"10": "AB1", "01": GTIN}),
        (f"3103001750240X\x1d01{GTIN}", {"01": GTIN}),
        (f"01{GTIN}21", {"01": GTIN}),
        ("0109521", {}),
        (f"01{GTIN}0109521234500025", {}),
        ("\x1d\x1d", {}),
        ("", {}),
    ],
)
def test_element_strings(text: str, values: dict[str, str]) -> None:
    assert read_element_string(text) == values


@given(st.from_regex(r"[A-Za-z0-9./]{1,20}", fullmatch=True))
def test_what_is_built_is_read_back(serial: str) -> None:
    pairs = trade_item(GTIN, serial, lot=serial[::-1])
    assert read_element_string(element_string(pairs)) == dict(pairs)


@given(st.text(max_size=60))
def test_nothing_that_a_symbol_holds_is_a_traceback(text: str) -> None:
    assert set(read_element_string(text)) <= {"00", "01", "10", "17", "21"}


@pytest.mark.parametrize(
    ("digits", "day"),
    [
        ("270131", "2027-01-31"),
        ("280200", "2028-02-29"),
        ("270229", None),
        ("271301", None),
        ("27013", None),
        ("²70131", None),
    ],
)
def test_dates(digits: str, day: str | None) -> None:
    assert read_date(digits) == day
