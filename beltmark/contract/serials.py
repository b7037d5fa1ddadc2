"""Leased numbers: what a station asks the server for, and the range of serials or SSCCs it gets.

A range belongs to whoever asked for it, for ever: what is not used is a gap, and never given again.
Who gives which range is left to the server, which number is next to the station's journal.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.catalogue import gtin_check_digit
from beltmark.contract.terms import Count, Identity
from beltmark.contract.wire import Message

NumberKind = Literal["serial", "sscc"]

MAX_LEASE: Final = 1_000_000
MAX_SERIAL_CHARACTERS: Final = 20
"""GS1 General Specifications, AI (21)."""
SSCC_DIGITS: Final = 18


class LeaseRequest(Message):
    """A station asks for numbers. One that is asked again is answered the same.

    Attributes:
        request: Its identity; a new one for each range.
        kind: What they number.
        count: How many; it may be fewer.
    """

    request: Identity
    kind: NumberKind
    count: Annotated[int, Field(ge=1, le=MAX_LEASE)]


class NumberRange(Message):
    """Numbers that are one station's alone, from `first` to `last`, both included.

    Attributes:
        kind: What they number.
        head: What stands before each; for an SSCC, extension digit and company prefix.
        width: Digits of each.
        first: The first.
        last: The last.
    """

    kind: NumberKind
    head: Annotated[str, Field(pattern=r"^[0-9A-Z]{0,17}$")]
    width: Annotated[int, Field(ge=1, le=15)]
    first: Count
    last: Count

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.first <= self.last < 10**self.width:
            raise ValueError(f"{self.first} to {self.last} is no range of {self.width} digits")
        length = len(self.head) + self.width
        if self.kind == "sscc" and (length != SSCC_DIGITS - 1 or not self.head.isdecimal()):
            raise ValueError("an SSCC has 17 digits before its check digit")
        if length > MAX_SERIAL_CHARACTERS:
            raise ValueError(f"a serial has at most {MAX_SERIAL_CHARACTERS} characters")
        return self

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self.last - self.first + 1


def number_text(kind: NumberKind, head: str, width: int, number: int) -> str:
    """Returns a number as labels carry it: an SSCC with its check digit."""
    text = f"{head}{number:0{width}d}"
    return text if kind == "serial" else f"{text}{gtin_check_digit(text)}"
