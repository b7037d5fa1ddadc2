"""Barcodes that were read on an item, gathered over its frames. Pure.

Reading them off a picture is left to `capture.barcode`, what follows from them to `decision`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_MOST_CODES = 16
_ENOUGH_READS = 8
_RESTRICTED = frozenset({"04", *(str(number) for number in range(20, 30))})
# A code that proves itself counts at once, any other when two frames read the same.
_AGREEING_READS = 2


@dataclass(frozen=True)
class ItemCode:
    """A barcode on an item.

    Attributes:
        symbology: How it is printed: EAN-13, Data Matrix, …
        text: What it says, as far as it can be shown.
        is_checked: Whether a check digit or error correction proves that it was read right.
        gtin14: The GTIN that it gives, in 14 digits.
        serial: The serial beside it (AI 21).
        lot: The lot (AI 10).
        expiry: The expiry date (AI 17), as YYYY-MM-DD.
        is_ours: Whether it is a label that was printed here.
    """

    symbology: str
    text: str
    is_checked: bool
    gtin14: str | None = None
    serial: str | None = None
    lot: str | None = None
    expiry: str | None = None
    is_ours: bool = False

    @property
    def is_worldwide(self) -> bool:
        """Whether its GTIN means the same everywhere, and not what a shop makes of it.

        Restricted circulation (GS1 General Specifications, 1.4.4): weights, prices, own numbers.
        """
        prefix = (self.gtin14 or "")[1:4]
        return bool(prefix) and not ("020" <= prefix <= "029" or prefix[:2] in _RESTRICTED)

    def __str__(self) -> str:
        """Says it for a person."""
        return f"{self.symbology} {self.gtin14 or self.text}"


class CodesInProgress:
    """The barcodes of one item while it passes.

    Attributes:
        reads: How often it was looked for them.
    """

    def __init__(self) -> None:
        self.reads = 0
        self._counts: dict[ItemCode, int] = {}

    def add(self, codes: Iterable[ItemCode]) -> None:
        """Takes in what one look found."""
        self.reads += 1
        for code in set(codes):
            if code in self._counts or len(self._counts) < _MOST_CODES:
                self._counts[code] = self._counts.get(code, 0) + 1

    @property
    def agreed(self) -> tuple[ItemCode, ...]:
        """Those that count, in the order in which they were found."""
        return tuple(
            code
            for code, count in self._counts.items()
            if code.is_checked or count >= _AGREEING_READS
        )

    @property
    def is_enough(self) -> bool:
        """Whether another look would hardly tell more: codes are known, and were looked for."""
        return bool(self.agreed) and self.reads >= _ENOUGH_READS
