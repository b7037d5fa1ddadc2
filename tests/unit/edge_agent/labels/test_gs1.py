"""GS1 identifiers: what is right stays, what is wrong is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.labels.gs1 import (
    Gs1Error,
    checked_sscc,
    element_string,
    logistic_unit,
    make_sscc,
    normal_gtin,
    trade_item,
)

SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
GTIN = "9506000134352"


@pytest.mark.parametrize(
    ("gtin", "normal"),
    [
        ("96385074", "00000096385074"),
        ("036000291452", "00036000291452"),
        (GTIN, "09506000134352"),
        ("10614141000415", "10614141000415"),
    ],
)
def test_gtins_become_14_digits(gtin: str, normal: str):
    assert normal_gtin(gtin) == normal


@pytest.mark.parametrize(
    "gtin",
    ["", "9506000134351", "950600013435", "1234567", "123456789", "95060001343x2", "\uff19" * 8],
)
def test_bad_gtins(gtin: str):
    with pytest.raises(Gs1Error, match="GTIN"):
        normal_gtin(gtin)


@settings(deadline=None)
@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 12), st.integers(1, 9))
def test_every_wrong_digit_is_noticed(digits: str, place: int, step: int):
    sscc = make_sscc(int(digits[0]), digits[1:8], int(digits[8:]))
    assert checked_sscc(sscc) == sscc
    wrong = sscc[:place] + str((int(sscc[place]) + step) % 10) + sscc[place + 1 :]
    with pytest.raises(Gs1Error, match="check digit"):
        checked_sscc(wrong)


def test_sscc_of_the_general_specifications():
    assert make_sscc(1, "0614141", 234567890) == "106141412345678908"
    assert logistic_unit("106141412345678908") == (("00", "106141412345678908"),)


@pytest.mark.parametrize(
    ("extension", "prefix", "reference", "told"),
    [
        (10, "0614141", 1, "extension digit"),
        (0, "061", 1, "company prefix"),
        (0, "0614141abc", 1, "company prefix"),
        (0, "0614141234", 10**6, "6 digits"),
        (0, "0614141", -1, "serial reference"),
    ],
)
def test_bad_sscc_parts(extension: int, prefix: str, reference: int, told: str):
    with pytest.raises(Gs1Error, match=told):
        make_sscc(extension, prefix, reference)


def test_separators_stand_only_where_they_are_needed():
    assert element_string(trade_item(GTIN, "A1")) == "010950600013435221A1"
    whole = trade_item(GTIN, "A1", lot="L/7", expiry="2027-02-28")
    assert element_string(whole) == "01095060001343521727022810L/7\x1d21A1"


@settings(deadline=None)
@given(st.text(SET_82, min_size=1, max_size=20))
def test_every_serial_of_set_82_is_possible(serial: str):
    assert trade_item(GTIN, serial)[-1] == ("21", serial)


@settings(deadline=None)
@given(st.text(max_size=25))
def test_other_serials_and_lots_are_refused(text: str):
    if text and len(text) <= 20 and set(text) <= set(SET_82):
        return
    with pytest.raises(Gs1Error, match="serial"):
        trade_item(GTIN, text)
    with pytest.raises(Gs1Error, match="lot"):
        trade_item(GTIN, "1", lot=text)


@pytest.mark.parametrize(
    ("expiry", "six"), [("2027-02-28", "270228"), ("270228", "270228"), ("270200", "270200")]
)
def test_expiry(expiry: str, six: str):
    assert ("17", six) in trade_item(GTIN, "1", expiry=expiry)


@pytest.mark.parametrize("expiry", ["2027-02-30", "271301", "28.02.2027", "2070-01-01", "", "12"])
def test_bad_expiry(expiry: str):
    with pytest.raises(Gs1Error, match="expiry"):
        trade_item(GTIN, "1", expiry=expiry)
