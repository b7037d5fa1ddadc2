"""Writes text from outside into a ZPL field so that the printer finds exactly this text there.

What a bar code then makes of it is left to `zpl.py` and `raw_zpl.py`.
"""

from edge_agent.labels.errors import LabelError

MAX_FIELD_BYTES = 3_072
"""What `^FD` holds; the printer drops the rest without a word."""

HEX = "_"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,-/:()#")


def field(text: str, name: str) -> bytes:
    """Returns `^FH_^FD…^FS`, in which the printer finds exactly this text, in UTF-8."""
    return f"^FH{HEX}^FD".encode("ascii") + escaped(text, HEX, name) + b"^FS"


def escaped(text: str, indicator: str, name: str) -> bytes:
    """Writes every byte that is not plain as `indicator` and two hexadecimal digits.

    Raises:
        LabelError: The text is longer than a field, or not Unicode (a lone surrogate).
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise LabelError(f"{text!r} is no text", "correct the data", file=name) from None
    plain = _PLAIN - {ord(indicator)}
    written = "".join(
        chr(byte) if byte in plain else f"{indicator}{byte:02X}" for byte in data
    ).encode("ascii")
    check_field(written, name)
    return written


def check_field(written: bytes, name: str) -> None:
    """Refuses what a printer would cut off."""
    if len(written) > MAX_FIELD_BYTES:
        raise LabelError(
            f"a field of {len(written)} bytes is longer than {MAX_FIELD_BYTES}",
            "shorten the text",
            file=name,
        )
