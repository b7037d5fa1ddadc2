"""Takes GS1 element strings apart, as scanners transmit them. Pure; building them is `gs1`'s."""

import calendar
from collections.abc import Mapping

from edge_agent.labels.gs1 import GROUP_SEPARATOR

MAX_CHARACTERS = 400
# Application identifiers of predefined length (GS1 General Specifications, figure 7.8.5-2), by
# their first two digits: how long identifier and value are together. All others end at a separator.
_PREDEFINED = {
    "00": 20, "01": 16, "02": 16, "03": 16, "04": 18, "11": 8, "12": 8, "13": 8, "14": 8, "15": 8,
    "16": 8, "17": 8, "18": 8, "19": 8, "20": 4, "31": 10, "32": 10, "33": 10, "34": 10, "35": 10,
    "36": 10, "41": 16,
}  # fmt: skip
_READ = frozenset({"00", "01", "10", "17", "21"})


def read_element_string(text: str) -> Mapping[str, str]:
    """Returns the values of the identifiers 00, 01, 10, 17 and 21 in an element string.

    What is cut off, or given twice with different values, is left out; so is what follows it.
    """
    values: dict[str, str] = {}
    rest = text[:MAX_CHARACTERS]
    while rest := rest.lstrip(GROUP_SEPARATOR):
        length = _PREDEFINED.get(rest[:2])
        if length is None:
            element, _, rest = rest.partition(GROUP_SEPARATOR)
        elif len(rest) < length:
            break
        else:
            element, rest = rest[:length], rest[length:]
        identifier, value = element[:2], element[2:]
        if identifier not in _READ or not value:
            continue
        if values.setdefault(identifier, value) != value:
            del values[identifier]
            break
    return values


def read_date(digits: str) -> str | None:
    """Returns a date of six digits (YYMMDD, day 00: the end of the month) as YYYY-MM-DD.

    None where it is no date. Years mean 2000 to 2099: nothing that expired before passes a belt.
    """
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    year, month, day = 2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if not 1 <= month <= 12:
        return None
    last = calendar.monthrange(year, month)[1]
    return f"{year}-{month:02d}-{day or last:02d}" if day <= last else None
