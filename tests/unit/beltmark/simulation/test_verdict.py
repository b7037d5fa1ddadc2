import pytest

from beltmark.simulation.verdict import (
    AppliedLabel,
    Marking,
    PassedItem,
    Verdict,
    judge,
    read_marking,
)

COFFEE, CREAM = "09521234500018", "09521234500025"


def item(
    item_id: int, gtin: str | None = COFFEE, *, through: bool = True, diverted: bool = False
) -> PassedItem:
    return PassedItem(item_id, gtin, went_through=through or diverted, diverted=diverted)


def label(item_id: int | None, gtin: str = COFFEE, serial: str = "A1") -> AppliedLabel:
    return AppliedLabel(Marking(gtin, serial), item_id)


@pytest.mark.parametrize(
    ("items", "labels", "expected"),
    [
        ([], [], Verdict(passed=0, wrong=0, missed=0, duplicates=0)),
        ([item(1)], [label(1)], Verdict(passed=1, wrong=0, missed=0, duplicates=0)),
        # GTIN-13 in the catalogue is GTIN-14 on the label
        ([item(1, "9521234500018")], [label(1)], Verdict(1, 0, 0, 0)),
        ([item(1)], [], Verdict(passed=1, wrong=0, missed=1, duplicates=0)),
        ([item(1, diverted=True)], [], Verdict(passed=1, wrong=0, missed=0, duplicates=0)),
        ([item(1, None)], [], Verdict(passed=1, wrong=0, missed=1, duplicates=0)),
        ([item(1, None, diverted=True)], [], Verdict(1, 0, 0, 0)),
        # still on the belt at the end: neither passed nor missed
        ([item(1, through=False)], [], Verdict(passed=0, wrong=0, missed=0, duplicates=0)),
        ([item(1, through=False)], [label(1, CREAM)], Verdict(0, 1, 0, 0)),
        ([item(1, CREAM)], [label(1)], Verdict(passed=1, wrong=1, missed=0, duplicates=0)),
        ([item(1, None)], [label(1)], Verdict(passed=1, wrong=1, missed=0, duplicates=0)),
        ([item(1)], [label(1), label(None, serial="A2")], Verdict(1, 1, 0, 0)),
        ([item(1)], [AppliedLabel(None, 1)], Verdict(passed=1, wrong=1, missed=0, duplicates=0)),
        ([item(1)], [label(1), label(1, serial="A2")], Verdict(1, 0, 0, 1)),
        # one serial on two items of one product
        ([item(1), item(2)], [label(1), label(2)], Verdict(2, 0, 0, 1)),
        # the same again on the same item is one duplicate, not two
        ([item(1)], [label(1), label(1)], Verdict(passed=1, wrong=0, missed=0, duplicates=1)),
        # a late label lands on the next item, which then also gets its own
        (
            [item(1), item(2, CREAM)],
            [label(2), label(2, CREAM, "B1")],
            Verdict(passed=2, wrong=1, missed=1, duplicates=1),
        ),
    ],
)
def test_counts(items: list[PassedItem], labels: list[AppliedLabel], expected: Verdict) -> None:
    assert judge(items, labels) == expected


@pytest.mark.parametrize(
    ("zpl", "expected"),
    [
        (
            b"^XA^FO10,10^BXN,4,200,,,6,#^FD#1010952123450001821AB-12^FS^XZ",
            Marking(COFFEE, "AB-12"),
        ),
        # characters in hexadecimal, with and without a mark of one's own
        (b"^XA^BXN,4,200,,,6,#^FH_^FD#1010952123450001821A_42_2D7^FS^XZ", Marking(COFFEE, "AB-7")),
        (b"^XA^FH^FD_231010952123450001821X^FS^XZ", Marking(COFFEE, "X")),
        # what a person reads has parentheses; only the symbol's data counts
        (b"^XA^FD(01)09521234500018^FS^FD(21)77^FS^XZ", None),
        (b"^XA^FDnothing here^FS^XZ", None),
        (b"~HS", None),
        (b"", None),
    ],
)
def test_marking_is_read_from_field_data(zpl: bytes, expected: Marking | None) -> None:
    assert read_marking(zpl) == expected
