"""What a part of an evaluation has to say: numbers for machines, tables and figures for people.

Each part of an evaluation (average precision, calibration, robustness, ...) gives one section; how
sections are written as JSON and as a page is left to the report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """A table; a cell of None is one without a figure.

    Attributes:
        title: What it tells.
        header: Of its columns.
        rows: Each as long as the header.
    """

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        title: What it shows, in words that stand for it where it cannot be seen.
        media_type: Of the content.
        content: The file.
    """

    title: str
    media_type: Literal["image/svg+xml", "image/png", "image/jpeg"]
    content: bytes


@dataclass(frozen=True)
class Section:
    """One part of an evaluation.

    Attributes:
        key: Its name in the JSON document; its numbers are known to gates as `key.number`.
        title: Its heading.
        told: Sentences for a reader, first the one that matters most.
        numbers: By name, lower case with underscores and the unit at the end; None where it could
            not be measured, and `told` says why.
        tables: In order.
        figures: In order.
    """

    key: str
    title: str
    told: tuple[str, ...] = ()
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
