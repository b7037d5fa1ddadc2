"""A shift's accounts: what passed and what was printed, entered once each and held together. Pure.

    passed  = labelled + reviewed + diverted + rejected     held against the photo-eye's count
    printed = applied + void + scrap                        held against the printer's own counter

What the journal holds of each item is read by `entries`, worded by `report`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final, Literal

Account = Literal["labelled", "reviewed", "diverted", "rejected", "open"]
Use = Literal["applied", "void", "scrap"]

# Words, not the table's own type: a journal may hold states that a later version added.
_ON_THE_ITEM: Final = ("printed", "applied", "verified")
_NEW_COUNTER: Final = 10_000
"""A leap of the counter that no shift of hand-made labels explains: another printer, or a reset."""


@dataclass(frozen=True)
class ItemEntry:
    """One item that passed.

    Attributes:
        outcome: As it stands now.
        label: State of its label; None where none was ordered.
        is_closed: Whether no more news of its label will come.
        printed: How often its label surely came out.
        copies: How many came out each time.
        is_diverted: Whether it was confirmed to be off the belt.
        is_unknown: Whether nobody knows whether its latest label came out.
    """

    outcome: str
    label: str | None = None
    is_closed: bool = True
    printed: int = 0
    copies: int = 1
    is_diverted: bool = False
    is_unknown: bool = False


@dataclass(frozen=True)
class SendEntry:
    """One label that was handed to the printer.

    Attributes:
        at: When, in seconds since the epoch.
        counter: The printer's lifetime counter before it; None where it was not known.
        printed: Whether it surely came out; None where nobody knows.
        copies: How many come out of it.
        printer: Whose counter that is; empty where a station knew one printer only.
    """

    at: float
    counter: int | None
    printed: bool | None
    copies: int = 1
    printer: str = ""


@dataclass(frozen=True)
class CounterCheck:
    """What the printer counted between two labels of the period, against what was ordered.

    Attributes:
        first: Its counter before the first of them; None where it was never known.
        last: Its counter before the last, or before the first label after the period.
        counted: Labels that it made in between.
        ordered: Labels of ours in between that surely came out.
        unknown: Labels of ours in between of which nobody knows.
        resets: How often the counter went back or leapt: another printer, or a reset.
    """

    first: int | None = None
    last: int | None = None
    counted: int = 0
    ordered: int = 0
    unknown: int = 0
    resets: int = 0

    @property
    def excess(self) -> int:
        """Labels that the printer made beyond those ordered; negative where it made fewer."""
        beyond = self.counted - self.ordered
        return max(0, beyond - self.unknown) if beyond >= 0 else beyond


@dataclass(frozen=True)
class Books:
    """The accounts of a period.

    Attributes:
        passed: Items decided in it.
        accounts: The same by what became of them.
        printed: Labels that came out for them.
        uses: The same by what became of the labels.
        unlabelled: Items among the open ones whose label is void, and that got no other.
        unsettled: Labels of which nobody will ever know whether they came out.
        counter: What the printer's own counter says.
        photo_eye: What the photo-eye counted; None where none is fitted.
        untold: The first of the items that it did not tell of.
    """

    passed: int
    accounts: Mapping[str, int]
    printed: int
    uses: Mapping[str, int]
    unsettled: int
    counter: CounterCheck
    unlabelled: int = 0
    photo_eye: int | None = None
    untold: tuple[str, ...] = ()

    def differences(self) -> tuple[str, ...]:
        """Returns what does not balance, in words; nothing where it does."""
        told: list[str] = []
        if self.unlabelled:
            told.append(
                f"{_count(self.unlabelled, 'item')} passed with a label that is void now, and got "
                "no other: look for them in the journal"
            )
        if number := self.accounts["open"] - self.unlabelled:
            told.append(f"{_count(number, 'item')} still under way: ask again later")
        if self.unsettled:
            told.append(
                f"{_count(self.unsettled, 'label')} may or may not have come out: "
                "their items are with a person"
            )
        if self.photo_eye is not None and (beyond := self.photo_eye - self.passed):
            told.append(
                f"the photo-eye counted {_count(beyond, 'item')} more than were decided"
                if beyond > 0
                else f"the photo-eye counted {_count(-beyond, 'item')} fewer than were decided"
                f"{self._untold(-beyond)}"
            )
        told += self._of_the_counter()
        return tuple(told)

    def _untold(self, number: int) -> str:
        if not self.untold:
            return ""
        more = ", …" if number > len(self.untold) else ""
        return f": {', '.join(self.untold)}{more} (beltmark-edge explain says how each passed)"

    def _of_the_counter(self) -> Iterable[str]:
        check = self.counter
        if check.excess > 0:
            yield (
                f"the printer counted {_count(check.excess, 'label')} more than were ordered: "
                "made by hand, or test labels"
            )
        elif check.excess < 0:
            yield (
                f"the printer counted {_count(-check.excess, 'label')} fewer than came out by the "
                "journal: look at these items"
            )
        if check.resets:
            yield (
                f"the printer's counter leapt {_count(check.resets, 'time')}: another printer, "
                "or a reset"
            )


def balance(
    items: Iterable[ItemEntry],
    sends: Sequence[SendEntry],
    photo_eye: int | None = None,
    untold: tuple[str, ...] = (),
) -> Books:
    """Enters every item once, and every label that came out once.

    Args:
        items: The items decided in the period.
        sends: The labels handed over in the period, in order.
        photo_eye: Items that the photo-eye counted; None where none is fitted.
        untold: The first of the items that it did not tell of.
    """
    accounts: Counter[Account] = Counter()
    uses: Counter[Use] = Counter()
    passed = printed = unsettled = unlabelled = 0
    for item in items:
        passed += 1
        accounts[_account(item)] += 1
        unsettled += item.is_unknown and item.is_closed
        unlabelled += item.outcome == "PRINT" and item.label == "voided"
        printed += item.printed * item.copies
        if item.printed:
            # Another label for it needed those before to be void.
            uses["void"] += (item.printed - 1) * item.copies
            uses[_use(item)] += item.copies
    return Books(
        passed=passed,
        accounts={
            "labelled": accounts["labelled"],
            "reviewed": accounts["reviewed"],
            "diverted": accounts["diverted"],
            "rejected": accounts["rejected"],
            "open": accounts["open"],
        },
        printed=printed,
        uses={"applied": uses["applied"], "void": uses["void"], "scrap": uses["scrap"]},
        unsettled=unsettled,
        unlabelled=unlabelled,
        counter=check_counter(sends),
        photo_eye=photo_eye,
        untold=untold,
    )


def check_counter(sends: Sequence[SendEntry]) -> CounterCheck:
    """Holds the printer's counter against what was handed to it, label by label.

    The last of them only closes the books: what became of it is the next period's. Where there is
    a spare printer, each counter is held against its own labels; first and last are those of the
    printer that was used first.
    """
    by_printer: dict[str, list[tuple[int, bool | None, int]]] = {}
    for send in sends:
        if send.counter is not None:
            label = (send.counter, send.printed, send.copies)
            by_printer.setdefault(send.printer, []).append(label)
    if not by_printer:
        return CounterCheck()
    counted = ordered = unknown = resets = 0
    pairs = chain.from_iterable(pairwise(labels) for labels in by_printer.values())
    for (before, is_printed, copies), (after, *_) in pairs:
        if 0 <= after - before <= _NEW_COUNTER:
            counted += after - before
            ordered += copies * (is_printed is True)
            unknown += copies * (is_printed is None)
        else:
            resets += 1
    known = next(iter(by_printer.values()))
    return CounterCheck(known[0][0], known[-1][0], counted, ordered, unknown, resets)


def _account(item: ItemEntry) -> Account:
    if item.outcome == "REJECT":
        return "rejected"
    if item.label == "diverted":
        return "diverted"
    if item.outcome == "REVIEW":
        return "diverted" if item.is_diverted else "reviewed"
    return "labelled" if item.label in _ON_THE_ITEM else "open"


def _use(item: ItemEntry) -> Use:
    if item.label == "voided":
        return "void"
    is_used = item.outcome == "PRINT" and item.label in _ON_THE_ITEM
    return "applied" if is_used else "scrap"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
