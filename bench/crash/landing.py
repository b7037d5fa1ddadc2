"""Where labels land as they come out: on an item, at the applicator, in a person's hand.

For use under the belt's lock. What the belt does meanwhile is left to `belt`.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from beltmark.simulation.applicator import Applicator, ApplicatorPlan
from beltmark.simulation.belt import Belt
from beltmark.simulation.verdict import AppliedLabel, Marking, read_marking

# It does at once what it is told, but for some labels, which stay there without a word.
_PLAN = ApplicatorPlan(acts_in_s=0.0, misses=frozenset(range(6, 1_000, 9)))
_LOOKS_AFTER_S = 1.0
_CLEARS_AFTER_S = 3.0
_NAME = re.compile(rb"\^FO20,160\^FD(\w+)\^FS")


@dataclass(frozen=True)
class _Lying:
    """A label at the applicator; whether it is a further one of several alike."""

    marking: Marking | None
    is_copy: bool


class Landing:
    """The labels of one belt.

    Args:
        belt: Where they land.
        copies: How many labels alike a GTIN in 14 digits gets.
        has_applicator: Whether they lie at an applicator first.
        say: Says something to the station.

    Attributes:
        labels: Where they landed, in order; further copies only where they went astray.
        awaited: Items for whose label a person stands at the printer.
        by_hand: How many a person took there.
        taken_away: How many were taken away from the applicator.
    """

    def __init__(
        self,
        belt: Belt,
        copies: Mapping[str, int],
        *,
        has_applicator: bool,
        say: Callable[[str], None],
    ) -> None:
        self._belt, self._copies, self._say = belt, copies, say
        self._applicator = Applicator(_PLAN) if has_applicator else None
        self._came: list[_Lying] = []
        self._lies: set[int] = set()
        self._count: Counter[Marking] = Counter()
        self._landed: dict[Marking, int | None] = {}
        self._asked_at: float | None = None
        self.labels: list[AppliedLabel] = []
        self.awaited: set[str] = set()
        self.by_hand = self.taken_away = 0

    def came_out(self, zpl: bytes, at: float, *, stands: bool) -> None:
        """A label came out of a printer."""
        marking, name = read_marking(zpl), _NAME.search(zpl)
        is_copy = marking is not None and (
            0 < self._count[marking] < self._copies.get(marking.gtin, 1)
        )
        self._count.update([marking] if marking else [])
        if name is not None and name[1].decode() in self.awaited and stands:
            self.by_hand += not is_copy
            if not is_copy:
                self.labels.append(AppliedLabel(marking, None, is_scrap=True))
            return
        if self._applicator is None:
            self._land(_Lying(marking, is_copy))
            return
        self._lies.add(len(self._came))
        self._came.append(_Lying(marking, is_copy))
        self._applicator.take(len(self._came) - 1, at)

    def apply(self, named: str, at: float) -> None:
        """The station has what lies there applied."""
        if self._applicator is not None:
            self._applicator.order(named, at)

    def cancel(self, named: str, at: float) -> None:
        """The station forbids it."""
        if self._applicator is not None:
            self._applicator.cancel(named, at)

    def advance(self, at: float, stood_s: float) -> None:
        """Lets time pass; a person who sees the belt stand for so long looks at the applicator."""
        if self._applicator is None:
            return
        act = self._applicator.advance(at)
        if act is not None and act.is_applied:
            for index in act.labels:
                if index in self._lies:
                    self._lies.discard(index)
                    self._land(self._came[index])
            self._say(f"APPLIED {act.named}")
        patience_s = _LOOKS_AFTER_S if self._lies else _CLEARS_AFTER_S
        is_due = self._asked_at is None or at - self._asked_at >= _LOOKS_AFTER_S
        if stood_s >= patience_s and is_due:
            self._asked_at = at
            for lying in (self._came[index] for index in self._lies):
                self.taken_away += 1
                if not lying.is_copy:
                    self.labels.append(AppliedLabel(lying.marking, None, is_scrap=True))
            self._lies.clear()
            self._applicator = Applicator(_PLAN)
            self._say("CLEAR")

    def _land(self, label: _Lying) -> None:
        item = self._belt.apply_label()
        item_id = item.item_id if item else None
        marking = label.marking
        if marking is not None and label.is_copy and marking in self._landed:
            if item_id == self._landed[marking]:
                return
            marking = None  # it went astray: wrong wherever it is, but no second serial
        elif marking is not None:
            if label.is_copy:  # somebody took the first one away: this is the item's label
                self.labels = [other for other in self.labels if other.marking != marking]
            self._landed[marking] = item_id
        self.labels.append(AppliedLabel(marking, item_id))
