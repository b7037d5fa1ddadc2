"""The results that are being posted, and what becomes of each by the answers. Pure.

None is left behind: a result leaves the window acknowledged, or parked after it was refused again
and again while another was taken. A warehouse system that refuses all loses nothing that way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from beltmark.contract.warehouse import MAX_RESULTS, Result

MAX_TRIES: Final = 5
MAX_PENDING: Final = 2 * MAX_RESULTS
_NOT_ACKNOWLEDGED: Final = "it was neither acknowledged nor refused"


@dataclass
class PostWindow:
    """Results that wait for their acknowledgement.

    Attributes:
        pending: In order.
        one_by_one: Whether they are posted one at a time, to find the one that is refused.
        tries: How often each was refused.
        reasons: Why, the last time.
        is_proven: Whether any of them was acknowledged: then a refusal is the refused one's fault.
    """

    pending: list[Result]
    one_by_one: bool = False
    tries: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    is_proven: bool = False

    @property
    def wants_more(self) -> bool:
        """Whether further results are wanted, to see whether those are refused as well."""
        tried = (self.tries.get(one.key, 0) >= MAX_TRIES for one in self.pending)
        return all(tried) and not self.is_proven and len(self.pending) < MAX_PENDING

    def add(self, more: Sequence[Result]) -> None:
        """Takes further results."""
        self.pending = [*self.pending, *more]

    def next_batch(self) -> Sequence[Result]:
        """Returns what is to be posted next: one refused the fewest times, where one by one."""
        if not self.one_by_one:
            return tuple(self.pending[:MAX_RESULTS])
        return (min(self.pending, key=lambda one: self.tries.get(one.key, 0)),)

    def answer(
        self, posted: Sequence[Result], acknowledged: Iterable[str], refused: Mapping[str, str]
    ) -> bool:
        """Takes a well-formed answer; returns whether any result left or was refused anew.

        What was posted and is not mentioned counts as refused.
        """
        keys = {one.key for one in posted}
        taken = keys & set(acknowledged)
        self.is_proven = self.is_proven or bool(taken)
        self.pending = [one for one in self.pending if one.key not in taken]
        for key in keys - taken:
            self._refuse(key, refused.get(key) or _NOT_ACKNOWLEDGED)
        return bool(taken)

    def refuse(self, posted: Sequence[Result], reason: str) -> None:
        """Takes a refusal of all that was posted: whose fault it is shows one by one."""
        if len(posted) > 1:
            self.one_by_one = True
        else:
            self._refuse(posted[0].key, reason)

    def give_up(self) -> Mapping[str, str]:
        """Takes out what was refused too often; returns the reasons by key."""
        if not self.is_proven:
            return {}
        lost = {key for key, tries in self.tries.items() if tries >= MAX_TRIES}
        lost &= {one.key for one in self.pending}
        self.pending = [one for one in self.pending if one.key not in lost]
        return {key: self.reasons[key] for key in sorted(lost)}

    def _refuse(self, key: str, reason: str) -> None:
        self.tries[key] = self.tries.get(key, 0) + 1
        self.reasons[key] = reason
