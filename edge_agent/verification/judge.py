"""Says of each labelled item what was read on it after printing. Pure: time and reads are given.

Reading is left to `reader`, acting on the result to `consequences`. All times are seconds of a
running belt, see `belt_time`. A label is told from its neighbours' by when it passes: the window
in which an item may be at the scan zone must be shorter than the time between two items.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_agent.verification.marking import Marking

Result = Literal["verified", "mismatch", "duplicate", "unreadable", "missing"]
"""What the scan says of an item.

verified: Its own label was read on it. That is decoding, not grading of its print quality.
mismatch: A label of another item was read on it; or its own on another, or on none.
duplicate: A serial was read that has been read on its own item, or twice in one picture.
unreadable: Something like a label was seen, and nothing of ours read.
missing: Nothing like a label was seen.
"""

SAME_LABEL_S = 0.5
"""A label that is not read for so long, in several pictures, and then again, has passed twice."""

_GONE_FRAMES = 3
_SURE_SEEN_FRAMES = 2
_MAX_REMEMBERED = 4_096
_MAX_PASSES = 256


@dataclass(frozen=True)
class Expected:
    """A labelled item on its way.

    Attributes:
        item_id: The item.
        marking: What its label says.
        opens_s: When it may be at the scan zone at the earliest.
        closes_s: … at the latest.
    """

    item_id: str
    marking: Marking
    opens_s: float
    closes_s: float

    @property
    def middle_s(self) -> float:
        """When it most likely is there."""
        return (self.opens_s + self.closes_s) / 2


@dataclass(frozen=True)
class Read:
    """A label of this station that was read.

    Attributes:
        marking: What it says.
        owner: The item that it was printed for.
        was_verified: It was read on its item in an earlier run.
        is_on_its_item: It is on its item since an earlier run, for all that is known.
    """

    marking: Marking
    owner: str
    was_verified: bool = False
    is_on_its_item: bool = False


@dataclass(frozen=True)
class Finding:
    """What is said of one item.

    Attributes:
        item_id: The item; None where a label was read with no item of ours there.
        result: The result.
        told: Why, for people.
        misplaced: The item whose label was read where it does not belong, if any.
    """

    item_id: str | None
    result: Result
    told: str
    misplaced: str | None = None


@dataclass
class _Item:
    """An expected item, and what is known of it."""

    expected: Expected
    is_read: bool = False
    like_frames: int = 0
    is_told: bool = False


@dataclass
class _Pass:
    """One label going through the scan zone."""

    read: Read
    first_s: float
    last_s: float
    most_at_once: int
    frames_without: int = 0

    @property
    def middle_s(self) -> float:
        return (self.first_s + self.last_s) / 2


class ScanJudge:
    """Matches what is read with what is expected."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, _Item] = OrderedDict()
        self._owners: dict[Marking, str] = {}
        self._open: list[_Item] = []
        self._passes: dict[Marking, _Pass] = {}

    def owner_of(self, marking: Marking) -> str | None:
        """The item that this label was expected on, as far as it is remembered."""
        return self._owners.get(marking)

    def expect(self, expected: Expected) -> None:
        """An item with a label is on its way."""
        item = _Item(expected)
        self._items[expected.item_id] = item
        self._owners[expected.marking] = expected.item_id
        self._open.append(item)
        self._open.sort(key=lambda item: item.expected.closes_s)
        while len(self._items) > _MAX_REMEMBERED:
            _, oldest = self._items.popitem(last=False)
            self._owners.pop(oldest.expected.marking, None)

    def see(self, at_s: float, reads: Iterable[Read], *, is_label_like: bool) -> list[Finding]:
        """Takes what one picture shows; returns what can be said by now.

        Args:
            at_s: When it was taken; pictures come in order.
            reads: The labels of this station that were read, one for each symbol.
            is_label_like: Whether something like a label is there, read or not.
        """
        found = list(reads)
        ended = self._end_passes(at_s)
        for read, times in Counter(found).items():
            self._pass_on(read, at_s, times)
        if is_label_like and not found:
            for item in self._open:
                if item.expected.opens_s <= at_s <= item.expected.closes_s:
                    item.like_frames += 1
        return ended + self._close(at_s)

    def _pass_on(self, read: Read, at_s: float, times: int) -> None:
        now = self._passes.get(read.marking)
        if now is None:
            if len(self._passes) >= _MAX_PASSES:
                return
            now = self._passes[read.marking] = _Pass(read, at_s, at_s, times)
        now.last_s, now.most_at_once = at_s, max(now.most_at_once, times)
        now.frames_without = 0
        owner = self._items.get(read.owner)
        if owner is not None and _is_in(owner.expected, now):
            owner.is_read = True

    def _end_passes(self, at_s: float) -> list[Finding]:
        findings = []
        for marking, done in list(self._passes.items()):
            owner = self._items.get(done.read.owner)
            done.frames_without += 1
            is_gone = at_s - done.last_s > SAME_LABEL_S and done.frames_without >= _GONE_FRAMES
            widest_s = 2 * _width_s(owner or next(iter(self._items.values()), None))
            if is_gone or done.last_s - done.first_s > widest_s:
                del self._passes[marking]
                if (finding := self._judge_pass(done)) is not None:
                    findings.append(finding)
        return findings

    def _judge_pass(self, done: _Pass) -> Finding | None:
        """Says what is wrong with a label that has gone through; None where nothing is."""
        owner, serial = self._items.get(done.read.owner), done.read.marking.serial
        there = self._item_with(done)
        if owner is None and there is None and done.read.is_on_its_item:
            return None  # the item left for the scan zone before a restart
        # A moment outside its window, with no other item near: it is its own all the same.
        is_its_own = owner is not None and (_is_in(owner.expected, done) or there is owner)
        if owner is not None and is_its_own:
            owner.is_read = True
        if is_its_own and done.most_at_once == 1:
            return None
        blamed = owner if is_its_own or there is None else there
        if is_its_own:
            told = f"serial {serial} was read {done.most_at_once} times in one picture"
            return self._blame(owner, "duplicate", told, None)
        was_verified = done.read.was_verified or (owner is not None and owner.is_read)
        where = "where no labelled item was expected"
        if there is not None:
            where = f"on item {there.expected.item_id}"
        told = f"the label of item {done.read.owner} (serial {serial}) was read {where}"
        if owner is not None:
            told += f", {_offset(owner.expected, done)}"
        if was_verified:
            return self._blame(blamed, "duplicate", f"{told}: it was on its own item before", None)
        return self._blame(blamed, "mismatch", told, done.read.owner)

    def _blame(
        self, item: _Item | None, result: Result, told: str, misplaced: str | None
    ) -> Finding:
        if item is None:
            return Finding(None, result, told, misplaced)
        item.is_told = True
        return Finding(item.expected.item_id, result, told, misplaced)

    def _close(self, at_s: float) -> list[Finding]:
        """Says what became of the items that have gone by; waits for labels still in the zone."""
        findings: list[Finding] = []
        while self._open and at_s > self._open[0].expected.closes_s + SAME_LABEL_S:
            item = self._open[0]
            if any(self._may_be_of(item, running) for running in self._passes.values()):
                break
            self._open.pop(0)
            if not item.is_told:
                findings.append(_own_result(item))
        return findings

    def _may_be_of(self, item: _Item, running: _Pass) -> bool:
        """Whether a label that is still being read may turn out to be on this item."""
        owner = self._items.get(running.read.owner)
        belongs = owner is not None and _is_in(owner.expected, running)
        return not belongs and running.first_s <= item.expected.closes_s + SAME_LABEL_S

    def _item_with(self, done: _Pass) -> _Item | None:
        """The item that was in the zone when a label went through, if one was."""
        near: Sequence[_Item] = [
            item
            for item in self._items.values()
            if item.expected.opens_s - SAME_LABEL_S <= done.last_s
            and done.first_s <= item.expected.closes_s + SAME_LABEL_S
        ]
        return min(near, key=lambda item: abs(item.expected.middle_s - done.middle_s), default=None)


def _own_result(item: _Item) -> Finding:
    serial = item.expected.marking.serial
    item.is_told = True
    if item.is_read:
        return Finding(item.expected.item_id, "verified", f"serial {serial} was read on it")
    if item.like_frames >= _SURE_SEEN_FRAMES:
        told = f"something like a label was seen on it, but serial {serial} was not read"
        return Finding(item.expected.item_id, "unreadable", told)
    told = f"no label was seen on it, serial {serial} was not read"
    return Finding(item.expected.item_id, "missing", told)


def _is_in(expected: Expected, done: _Pass) -> bool:
    """Whether a label was read while its item may have been there."""
    return done.last_s >= expected.opens_s and done.first_s <= expected.closes_s


def _width_s(item: _Item | None) -> float:
    return 10.0 if item is None else item.expected.closes_s - item.expected.opens_s


def _offset(expected: Expected, done: _Pass) -> str:
    if done.middle_s < expected.opens_s:
        return f"{expected.opens_s - done.middle_s:.1f} s before its own could be there"
    return f"{max(0.0, done.middle_s - expected.closes_s):.1f} s after its own could be there"
