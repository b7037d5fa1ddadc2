"""The catalogue: which products a station may label, read from the CSV that a warehouse has.

Columns: sku, gtin, name, class_name, and optionally layout, copies, length_mm, width_mm,
tolerance_mm, barcode (what else than GTIN or SKU is printed on the product as a barcode).
What a label looks like is left to the layouts; which product an item is, to the station.
"""

import csv
import io
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from beltmark.contract.documents import Document, parse, read_bytes
from beltmark.contract.errors import InputError
from beltmark.contract.package import ClassName

MAX_PRODUCTS = 100_000
MAX_COPIES = 10


def gtin_check_digit(digits: str) -> int:
    """Returns the GS1 check digit for the digits before it (GS1 General Specifications, 7.9.1)."""
    weighted = (int(digit) * (3 - 2 * (i % 2)) for i, digit in enumerate(reversed(digits)))
    return -sum(weighted) % 10


class Product(Document):
    """One row of the catalogue; `copies` is how many labels of one serial an item gets at once."""

    sku: Annotated[str, Field(min_length=1, max_length=64)]
    gtin: str
    name: Annotated[str, Field(min_length=1, max_length=200)]
    class_name: ClassName
    layout: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")] = "item"
    copies: int = Field(default=1, ge=1, le=MAX_COPIES)
    length_mm: float | None = Field(default=None, gt=0)
    width_mm: float | None = Field(default=None, gt=0)
    tolerance_mm: float | None = Field(default=None, gt=0)
    barcode: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @field_validator("sku", "name", "barcode")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not (value.isprintable() and value == value.strip()):
            raise ValueError("must be printable text without spaces around it")
        return value

    @field_validator("gtin")
    @classmethod
    def _gtin(cls, value: str) -> str:
        if not (value.isascii() and value.isdigit() and len(value) in (8, 12, 13, 14)):
            raise ValueError("a GTIN has 8, 12, 13 or 14 digits")
        expected = gtin_check_digit(value[:-1])
        if int(value[-1]) != expected:
            raise ValueError(f"the check digit of this GTIN must be {expected}")
        return value

    @property
    def gtin14(self) -> str:
        """The GTIN in 14 digits, as symbols carry it."""
        return self.gtin.zfill(14)


class Catalogue(Document):
    """All products, in the order of the file."""

    products: tuple[Product, ...] = Field(min_length=1, max_length=MAX_PRODUCTS)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for key in ("sku", "gtin14", "barcode"):
            seen: set[str] = set()
            for product in self.products:
                value = getattr(product, key)
                if value is None:
                    continue
                if value in seen:
                    raise ValueError(f"duplicate {key} {value}")
                seen.add(value)
        return self

    def of_class(self, class_name: str) -> tuple[Product, ...]:
        """Returns the products that have this shape."""
        return tuple(p for p in self.products if p.class_name == class_name)

    def of_code(self, text: str, gtin14: str | None) -> Product | None:
        """Returns the product that a barcode names: by its GTIN, else by exactly this text."""
        named = self._by_gtin.get(gtin14) if gtin14 is not None else None
        return named or self._by_text.get(text)

    def of_sku(self, sku: str) -> Product | None:
        """Returns the product with this SKU."""
        return self._by_sku.get(sku)

    @cached_property
    def _by_gtin(self) -> Mapping[str, Product]:
        return {product.gtin14: product for product in self.products}

    @cached_property
    def _by_sku(self) -> Mapping[str, Product]:
        return {product.sku: product for product in self.products}

    @cached_property
    def _by_text(self) -> Mapping[str, Product]:
        return {**self._by_sku} | {p.barcode: p for p in self.products if p.barcode is not None}


def read_catalogue(path: Path) -> Catalogue:
    """Reads a catalogue from CSV (UTF-8, with or without a byte-order mark, a header line).

    Raises:
        InputError: Names the line and column of the first problem, or the SKU given twice.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: {error.reason}", "save it as UTF-8", file=path) from None
    rows = csv.DictReader(io.StringIO(text), strict=True)
    products: list[Product] = []
    lines: dict[tuple[str, str], int] = {}
    try:
        for row in rows:
            where = f"{path}: line {rows.line_num}"
            if None in row:
                raise InputError("more values than columns", "quote commas", file=where)
            given = {key: value for key, value in row.items() if value not in (None, "")}
            product = parse(given, Product, where)
            for key in (
                ("sku", product.sku),
                ("gtin", product.gtin14),
                ("barcode", product.barcode or ""),
            ):
                if key[1] and key in lines:
                    raise InputError(
                        f"{key[1]} stands on line {lines[key]} already",
                        "keep one of the two rows",
                        file=where,
                        field=key[0],
                    )
                lines[key] = rows.line_num
            products.append(product)
    except csv.Error as error:
        raise InputError(
            f"not valid CSV: {error}", "correct the quoting", file=f"{path}: line {rows.line_num}"
        ) from None
    return parse({"products": products}, Catalogue, path)
