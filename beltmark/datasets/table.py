"""Reads a CSV file with a header: bounded, in UTF-8, parted by comma, semicolon or tab.

What the columns mean is left to `list_columns`.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.text import decode_text

MAX_TABLE_BYTES: Final = 256 * 1024 * 1024
MAX_COLUMNS: Final = 64
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """A CSV file.

    Attributes:
        path: The file.
        sha256: Digest of its content.
        columns: Names of the columns, in lower case, with their places.
        rows: The number of the line that each ends at, and its values without spaces around them.
    """

    path: Path
    sha256: str
    columns: Mapping[str, int]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_table(path: Path) -> Table:
    """Reads a CSV file; empty lines are passed over.

    Raises:
        InputError: Names the line and the mend.
    """
    content = read_bytes(path, limit=MAX_TABLE_BYTES)
    text = decode_text(content, path)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: dict[str, int] | None = None
    rows = []
    try:
        for values in reader:
            stripped = tuple(value.strip() for value in values)
            if not any(stripped):
                continue
            if columns is None:
                columns = _columns(stripped, path)
            elif len(stripped) != len(columns):
                raise InputError(
                    f"has {len(stripped)} values, but the header has {len(columns)} columns",
                    'put values with a comma in them between quotes: "a, b"',
                    file=path,
                    field=f"line {reader.line_num}",
                )
            else:
                rows.append((reader.line_num, stripped))
    except csv.Error as error:
        raise InputError(
            f"not valid CSV: {error}", "correct it", file=path, field=f"line {reader.line_num}"
        ) from None
    if columns is None:
        raise InputError("is empty", "give a header and lines", file=path)
    return Table(path, sha256_of(content), columns, tuple(rows))


def _columns(values: tuple[str, ...], path: Path) -> dict[str, int]:
    names = [value.lower() for value in values]
    unreadable = next((name for name in names if not name.isprintable()), None)
    if unreadable is not None:
        raise InputError(
            f"the column {unreadable!r:.60} has a name that is no text",
            "rename it",
            file=path,
            field="line 1",
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or len(names) > MAX_COLUMNS:
        told = f"{twice!r:.60} twice" if twice is not None else f"{len(names)} columns"
        raise InputError(
            f"the header has {told}",
            f"name up to {MAX_COLUMNS} columns, each once",
            file=path,
            field="line 1",
        )
    return {name: place for place, name in enumerate(names)}
