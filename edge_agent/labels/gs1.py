"""GS1 identifiers and element strings: GTIN, SSCC, serial, lot, expiry. Pure.

How a symbol carries an element string (FNC1 and all) is left to `zpl.py` and `preview.py`.
"""

import re
from collections.abc import Iterable
from datetime import date

from beltmark.contract.catalogue import gtin_check_digit

GROUP_SEPARATOR = "\x1d"
"""Stands for FNC1 after a value of variable length, as scanners transmit it."""

_PREDEFINED_LENGTH = frozenset({"00", "01", "17"})
# GS1 General Specifications, table 7.11-1: "GS1 AI encodable character set 82".
_CHARSET_82 = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}")
# A two-digit year means the nearest such year; until 2070 these are told apart.
_YEARS = range(2000, 2070)


class Gs1Error(ValueError):
    """A value that GS1 does not allow."""


def normal_gtin(gtin: str) -> str:
    """Returns a GTIN-8, -12, -13 or -14 in 14 digits, its check digit proven."""
    if not re.fullmatch(r"[0-9]{8}|[0-9]{12,14}", gtin):
        raise Gs1Error(f"GTIN {gtin!r} does not have 8, 12, 13 or 14 digits")
    _check_last_digit("GTIN", gtin)
    return gtin.zfill(14)


def checked_sscc(sscc: str) -> str:
    """Returns the SSCC, its 18 digits and check digit proven."""
    if not re.fullmatch(r"[0-9]{18}", sscc):
        raise Gs1Error(f"SSCC {sscc!r} does not have 18 digits")
    _check_last_digit("SSCC", sscc)
    return sscc


def make_sscc(extension_digit: int, company_prefix: str, serial_reference: int) -> str:
    """Builds an SSCC: extension digit, company prefix, serial reference, check digit.

    The caller never gives the same serial reference twice.
    """
    if not 0 <= extension_digit <= 9:
        raise Gs1Error(f"extension digit {extension_digit} is not 0 to 9")
    if not re.fullmatch(r"[0-9]{4,12}", company_prefix):
        raise Gs1Error(f"company prefix {company_prefix!r} does not have 4 to 12 digits")
    places = 16 - len(company_prefix)
    if not 0 <= serial_reference < 10**places:
        raise Gs1Error(
            f"serial reference {serial_reference} does not fit into the {places} digits that "
            f"company prefix {company_prefix} leaves"
        )
    digits = f"{extension_digit}{company_prefix}{serial_reference:0{places}d}"
    return f"{digits}{gtin_check_digit(digits)}"


def trade_item(
    gtin: str, serial: str, lot: str | None = None, expiry: str | None = None
) -> tuple[tuple[str, str], ...]:
    """Returns the (application identifier, value) pairs that identify one trade item.

    Values of predefined length come first, so that as few separators as possible are needed.

    Args:
        gtin: 8, 12, 13 or 14 digits.
        serial: AI 21, 1 to 20 characters of set 82.
        lot: AI 10, likewise.
        expiry: AI 17, YYYY-MM-DD or YYMMDD (day 00: the end of the month).
    """
    pairs = [("01", normal_gtin(gtin))]
    if expiry is not None:
        pairs.append(("17", _six_digit_date(expiry)))
    if lot is not None:
        pairs.append(("10", _checked_82("lot", lot)))
    pairs.append(("21", _checked_82("serial", serial)))
    return tuple(pairs)


def logistic_unit(sscc: str) -> tuple[tuple[str, str], ...]:
    """Returns the pair that identifies one logistic unit."""
    return (("00", checked_sscc(sscc)),)


def element_string(pairs: Iterable[tuple[str, str]]) -> str:
    """Joins the pairs as scanners transmit them: separators only where they are needed."""
    joined = "".join(
        identifier + value + ("" if identifier in _PREDEFINED_LENGTH else GROUP_SEPARATOR)
        for identifier, value in pairs
    )
    return joined.removesuffix(GROUP_SEPARATOR)


def _check_last_digit(what: str, digits: str) -> None:
    expected = gtin_check_digit(digits[:-1])
    if int(digits[-1]) != expected:
        raise Gs1Error(f"{what} {digits} ends with {digits[-1]}, its check digit is {expected}")


def _checked_82(what: str, value: str) -> str:
    if not _CHARSET_82.fullmatch(value):
        raise Gs1Error(f"{what} {value!r} is not 1 to 20 characters of GS1's set of 82")
    return value


def _six_digit_date(value: str) -> str:
    match = re.fullmatch(r"(20[0-9]{2})-([0-9]{2})-([0-9]{2})", value) or re.fullmatch(
        r"([0-9]{2})([0-9]{2})([0-9]{2})", value
    )
    if match is None:
        raise Gs1Error(f"expiry {value!r} is neither YYYY-MM-DD nor YYMMDD")
    year, month, day = (int(part) for part in match.groups())
    year = year if year >= 2000 else year + 2000
    try:
        date(year, month, day or 1)
    except ValueError:
        raise Gs1Error(f"expiry {value!r} is no date") from None
    if year not in _YEARS:
        raise Gs1Error(f"expiry {value!r} is not in the years {_YEARS[0]} to {_YEARS[-1]}")
    return f"{year % 100:02d}{month:02d}{day:02d}"
