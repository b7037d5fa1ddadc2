"""What one of our labels says its item is, out of a symbol's GS1 element string. Pure."""

from dataclasses import dataclass

from edge_agent.labels.gs1 import GROUP_SEPARATOR

# Application identifiers of a fixed length of value that our labels may carry, see `gs1`.
_FIXED_LENGTH = {"00": 18, "01": 14, "11": 6, "13": 6, "15": 6, "17": 6}
_MAX_LENGTH = 200


@dataclass(frozen=True)
class Marking:
    """An item's identity: GTIN in 14 digits and serial."""

    gtin: str
    serial: str


def marking_of(element_string: str) -> Marking | None:
    """Finds GTIN and serial, AI (01) and (21); None where they are not both there.

    Args:
        element_string: As scanners transmit it, without symbology identifier; FNC1 is the group
            separator.
    """
    values: dict[str, str] = {}
    rest = element_string[:_MAX_LENGTH]
    while rest:
        identifier, rest = rest[:2], rest[2:]
        length = _FIXED_LENGTH.get(identifier)
        if length is None:
            value, _, rest = rest.partition(GROUP_SEPARATOR)
        else:
            value, rest = rest[:length], rest[length:].removeprefix(GROUP_SEPARATOR)
        values.setdefault(identifier, value)
    gtin, serial = values.get("01", ""), values.get("21", "")
    is_gtin = len(gtin) == 14 and gtin.isascii() and gtin.isdecimal()
    is_serial = 1 <= len(serial) <= 20 and serial.isascii() and serial.isprintable()
    return Marking(gtin, serial) if is_gtin and is_serial else None
