"""An order as the warehouse system writes it: CSV or JSON, read into lines. Pure.

    {"format_version": 1, "lines": [{"order": "SO-1", "sku": "CARTON-01", "quantity": 12,
                                     "lot": "L7", "expiry": "2027-01-31"}]}

CSV has the same names as columns, in a header line; lot and expiry may be left out.
"""

import csv
import io
import json
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator

from beltmark.contract.documents import Document, parse
from beltmark.contract.errors import InputError
from edge_agent.station.expected import MAX_LINES, MAX_QUANTITY, OrderLine

MAX_BYTES = 4 * 1024 * 1024

_Name = Annotated[str, Field(min_length=1, max_length=64)]


class Line(Document):
    """One line of an order."""

    order: _Name
    sku: _Name
    quantity: Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
    lot: Annotated[str, Field(max_length=20)] | None = None
    expiry: date | None = None

    @field_validator("order", "sku", "lot")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not (value.isprintable() and value == value.strip()):
            raise ValueError("must be printable text without spaces around it")
        return value

    @property
    def as_line(self) -> OrderLine:
        """It, in the words of the station."""
        return OrderLine(self.order, self.sku, self.quantity, self.lot or None, self.expiry)


class OrderDocument(Document):
    """A whole order, or several at once."""

    format_version: Literal[1] = 1
    lines: tuple[Line, ...] = Field(max_length=MAX_LINES)


def read_order(content: bytes, where: str) -> tuple[OrderLine, ...]:
    """Reads an order; JSON begins with a brace, all else is CSV.

    Args:
        content: The file or answer.
        where: What problems name.

    Raises:
        InputError: Too large, malformed, or a value that does not fit.
    """
    if len(content) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES} bytes", "send open lines only", file=where)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: {error.reason}", "save it as UTF-8", file=where) from None
    lines = _json(text, where) if text.lstrip().startswith("{") else _csv(text, where)
    return tuple(line.as_line for line in lines)


def _json(text: str, where: str) -> tuple[Line, ...]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", "correct the syntax", file=where) from None
    return parse(data, OrderDocument, where).lines


def _csv(text: str, where: str) -> tuple[Line, ...]:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    lines: list[Line] = []
    try:
        if rows.fieldnames is None:
            raise InputError("empty", "write at least the header line", file=where)
        for row in rows:
            at = f"{where}: line {rows.line_num}"
            if None in row:
                raise InputError("more values than columns", "quote commas", file=at)
            lines.append(parse({k: v for k, v in row.items() if v not in (None, "")}, Line, at))
            if len(lines) > MAX_LINES:
                raise InputError(f"more than {MAX_LINES} lines", "send open lines only", file=where)
    except csv.Error as error:
        at = f"{where}: line {rows.line_num}"
        raise InputError(f"not valid CSV: {error}", "correct the quoting", file=at) from None
    return tuple(lines)
