"""Reads the text files of a dataset: bounded, in UTF-8, with or without a byte order mark.

What stands in them is left to the readers.
"""

import codecs
import json
import re
from pathlib import Path
from typing import Any, Final, NoReturn

from beltmark.contract.documents import MAX_DOCUMENT_BYTES, read_bytes
from beltmark.contract.errors import InputError

MAX_ANNOTATION_BYTES: Final = 1024 * 1024 * 1024

_NUMBER = re.compile(r"[+-]?(\d{1,12}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)


def load_json(path: Path) -> Any:
    """Reads a JSON file in which every number is one.

    Raises:
        InputError: Missing, too large, or not valid JSON.
    """
    return parse_json(read_bytes(path, limit=MAX_ANNOTATION_BYTES), path)


def parse_json(content: bytes, path: Path) -> Any:
    """Reads the content of a JSON file; a byte order mark before it is passed over.

    Raises:
        InputError: Not valid JSON, or a number that is none.
    """

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number")

    try:
        return json.loads(content.removeprefix(codecs.BOM_UTF8), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", "export it anew", file=path) from None


def decode_text(content: bytes, path: Path) -> str:
    """Returns the content of a text file, without a byte order mark.

    Raises:
        InputError: Not UTF-8; names the line.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("is UTF-16", "save it as UTF-8", file=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"not UTF-8: {error.reason}", "save it as UTF-8", file=path, field=f"line {line}"
        ) from None


def read_text(path: Path, *, limit: int = MAX_DOCUMENT_BYTES) -> str:
    """Reads a text file, without a byte order mark.

    Raises:
        InputError: Missing, larger than `limit` bytes, or not UTF-8.
    """
    return decode_text(read_bytes(path, limit=limit), path)


def number(text: str) -> float | None:
    """Returns the number that a text is, if it is one; "nan", "1_000" and "0x1" are none.

    Python's `float` would take those; a dataset in which they stand is damaged.
    """
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def whole_number(text: str) -> int | None:
    """Returns the whole number that a text is, if it is one; "3.0" is."""
    value = number(text)
    return None if value is None or value != int(value) else int(value)
