"""Judges a run from the belt's truth and the printer's record alone, never from the agent's word.

Pure. Which labels stuck to which item is the belt's knowledge; this module only counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_FIELD = re.compile(r"(?:\^FH(?P<mark>[^\^~]?))?\^FD(?P<data>.*?)\^FS", re.DOTALL)
_ELEMENT_STRING = re.compile(r"01(?P<gtin>\d{14})21(?P<serial>[!-~]{1,20})")


@dataclass(frozen=True)
class Marking:
    """What a printed label says its item is: GTIN in 14 digits and serial."""

    gtin: str
    serial: str


@dataclass(frozen=True)
class PassedItem:
    """An item of the run, as the belt knows it.

    Attributes:
        item_id: Its number.
        gtin: The product's GTIN; None for a foreign object.
        went_through: Whether it left the belt at its end, or was taken off after it had entered.
        diverted: Whether it was taken off for review.
    """

    item_id: int
    gtin: str | None
    went_through: bool
    diverted: bool


@dataclass(frozen=True)
class AppliedLabel:
    """A label that came out, in order: what it says, and the item that it stuck to, if any.

    Scrap was taken away before it could stick to anything, and is no wrong label; its serial must
    not come out again all the same.
    """

    marking: Marking | None
    item_id: int | None
    is_scrap: bool = False


@dataclass(frozen=True)
class Verdict:
    """The counts of a run.

    Attributes:
        passed: Items that went through, or were taken off after they had entered.
        missed: Of these, those with neither a label nor a review.
        wrong: Labels on an item of another GTIN, on a foreign object, or on no item at all.
        duplicates: Labels on an item that bore one, or with a GTIN and serial printed before.
    """

    passed: int
    wrong: int
    missed: int
    duplicates: int


def judge(items: Sequence[PassedItem], labels: Sequence[AppliedLabel]) -> Verdict:
    """Count what went right and wrong.

    Args:
        items: All items that were on the belt.
        labels: All labels that came out of the printer, in order.
    """
    gtin_of = {item.item_id: item.gtin for item in items}
    bearing: set[int] = set()
    printed: set[Marking] = set()
    wrong = duplicates = 0
    for label in labels:
        says = label.marking.gtin if label.marking else None
        belongs = gtin_of.get(label.item_id) if label.item_id is not None else None
        if not label.is_scrap:
            wrong += belongs is None or says != belongs.zfill(14)
        duplicates += label.item_id in bearing or label.marking in printed
        if label.item_id is not None:
            bearing.add(label.item_id)
        if label.marking is not None:
            printed.add(label.marking)
    passed = [item for item in items if item.went_through]
    missed = sum(not item.diverted and item.item_id not in bearing for item in passed)
    return Verdict(passed=len(passed), wrong=wrong, missed=missed, duplicates=duplicates)


def read_marking(zpl: bytes) -> Marking | None:
    """Find GTIN and serial, AI (01) and (21), in the field data of a printed format."""
    for field in _FIELD.finditer(zpl.decode("utf-8", errors="replace")):
        data = field["data"]
        if field["mark"] is not None:  # ^FH: characters may be written in hexadecimal
            escape = re.escape(field["mark"] or "_")
            data = re.sub(f"{escape}([0-9A-Fa-f]{{2}})", lambda m: chr(int(m[1], 16)), data)
        if found := _ELEMENT_STRING.search(data):
            return Marking(found["gtin"], found["serial"])
    return None
