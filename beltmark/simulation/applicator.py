"""An applicator between printer and belt, which puts a label onto an item when it is told to.

Pure: time comes with every call. Which item a label lands on is the belt's knowledge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ApplicatorPlan:
    """How it works, and what goes wrong with it. Labels are numbered from 1, as they come out.

    Attributes:
        acts_in_s: From its order to the label on the item.
        misses: Labels that it does not apply, and does not say so: they stay where they are.
        late_s: Labels that it applies so much later.
        loses: Labels that fall to the floor; it says that nothing lies there any more.
        cleared_after_s: So long after a label was missed a person takes it away, and says so; None
            never.
    """

    acts_in_s: float = 0.05
    misses: frozenset[int] = frozenset()
    late_s: Mapping[int, float] = field(default_factory=dict)
    loses: frozenset[int] = frozenset()
    cleared_after_s: float | None = None


@dataclass(frozen=True)
class Act:
    """What it does with the labels that lie there, by their indices in order of their coming out.

    Attributes:
        labels: All that lie there: they stick together.
        named: The item that it says it was; None where it says that nothing lies there.
        is_applied: Whether they get onto an item; else they are taken away, or fall.
    """

    labels: tuple[int, ...]
    named: str | None
    is_applied: bool


class Applicator:
    """One applicator with the labels that lie there."""

    def __init__(self, plan: ApplicatorPlan) -> None:
        self._plan = plan
        self._lying: list[int] = []
        self._ordered: tuple[float, str] | None = None
        self._cleared_at_s: float | None = None
        self._early: str | None = None
        self._latest: str | None = None

    def take(self, label: int, at_s: float) -> None:
        """A label came out of the printer; an order that came before it is for it."""
        self._lying.append(label)
        if self._early is not None:
            named, self._early = self._early, None
            self._begin(named, at_s)

    def order(self, named: str, at_s: float) -> None:
        """It is told to apply what lies there; to hear an order again changes nothing."""
        if named == self._latest:
            return
        self._latest = named
        if self._lying:
            self._begin(named, at_s)
        else:
            self._early = named

    def _begin(self, named: str, at_s: float) -> None:
        number = self._lying[-1] + 1
        if number in self._plan.misses:
            if self._plan.cleared_after_s is not None:
                self._cleared_at_s = at_s + self._plan.cleared_after_s
            return
        delay_s = self._plan.acts_in_s + self._plan.late_s.get(number, 0.0)
        self._ordered = (at_s + delay_s, named)

    def cancel(self, named: str, at_s: float) -> None:
        """It must not apply this item's label any more."""
        if self._early == named:
            self._early = None
        if self._ordered is not None and self._ordered[1] == named:
            self._ordered = None
            if self._plan.cleared_after_s is not None:
                self._cleared_at_s = at_s + self._plan.cleared_after_s

    def advance(self, at_s: float) -> Act | None:
        """Lets time pass; returns what it does now."""
        if self._ordered is not None and at_s >= self._ordered[0]:
            (_, named), self._ordered = self._ordered, None
            if self._lying[-1] + 1 in self._plan.loses:
                return Act(self._emptied(), None, is_applied=False)
            return Act(self._emptied(), named, is_applied=True)
        if self._cleared_at_s is not None and at_s >= self._cleared_at_s:
            self._cleared_at_s = None
            return Act(self._emptied(), None, is_applied=False)
        return None

    def _emptied(self) -> tuple[int, ...]:
        labels, self._lying = tuple(self._lying), []
        return labels
