"""Explains the items that did not come in by the entry edge: each is one known before, or reviewed.

Pure. Which of those remembered it can be is `memory`'s and `recovery`'s to say, and the photo-eye's
for what only that saw.
"""

from collections.abc import Iterable, Sequence

from edge_agent.station.eye_watch import EyeWatch
from edge_agent.station.items import Item
from edge_agent.station.memory import Memory
from edge_agent.station.outcomes import Outcomes
from edge_agent.station.recovery import Recognised, Remembered, Unexplained
from edge_agent.station.tracker import Tracker

# Positions are noted a few times a second: the last note may be this much older than the moment at
# which the run permit was last given.
_NOTE_AGE_S = 0.45
_CAME = {
    "start": "was in the zone when the agent started",
    "inside": "appeared in the middle of the zone",
    "back": "came in over an edge by which another had left",
}


class Explaining:
    """Explains the items of one station.

    Args:
        memory: Its items out of sight.
        tracker: Knows how the belt runs.
        outcomes: Where outcomes go.
        eye: Its photo-eye; None where none is fitted.
        permit_timeout_s: Time after which the belt stops without the run permit; None where the
            belt does not obey one.
    """

    def __init__(
        self,
        memory: Memory,
        tracker: Tracker,
        outcomes: Outcomes,
        eye: EyeWatch | None,
        permit_timeout_s: float | None,
    ) -> None:
        self._memory, self._tracker, self._outcomes = memory, tracker, outcomes
        self._eye, self._permit_timeout_s = eye, permit_timeout_s

    def remember(self, before_start: Iterable[Remembered], at: float) -> None:
        """Takes in the items that an earlier run saw last."""
        for remembered in before_start:
            self._memory.keep(remembered, at, self._may_have_run_s(remembered, at))

    def close_undecided(self) -> None:
        """What an earlier run had not decided, and is not here, goes to a person."""
        for remembered in self._memory.close_undecided():
            self._outcomes.close(remembered, "passed_unseen", "left while the agent was away")

    def explain(self, items: Sequence[Item], at: float) -> None:
        """Finds out what each of these items is."""
        items = [item for item in items if not self._is_from_eye(item, at)]
        if not items:
            return
        unexplained = [_unexplained(i, item) for i, item in enumerate(items)]
        way = self._tracker.odometer.way
        found = self._memory.recognise(unexplained, self._tracker.running_speed_px_s, at, way)
        for i, item in enumerate(items):
            self._apply(item, found[i])

    def explain_at_rest(self, item: Item, in_zone: Iterable[Item], at: float) -> bool:
        """Explains an item on a bench, if it is or may be one known before; tells whether so."""
        way = self._tracker.odometer.way
        found = self._memory.recognise([_unexplained(0, item)], None, at, way)[0]
        if found.item_id is not None:
            self._adopt(item, found.item_id)
            return True
        if (similar := self._similar(item, in_zone)) is not None:
            reason = f"may be item {similar}, which was moved or out of view"
            self._outcomes.review(item, "maybe_seen_before", reason)
            return True
        return False

    def _similar(self, item: Item, in_zone: Iterable[Item]) -> str | None:
        """An item of the same looks that is out of sight and never was seen beside this one."""
        class_name = item.class_name
        hidden = [
            other.item_id
            for other in in_zone
            if other.outcome is not None
            and other.track.seen_at < item.track.seen_at
            and (other.rules is not self._outcomes.rules or other.class_name == class_name)
        ]
        alike = (i for i in (*hidden, *self._memory.alike(class_name)) if i not in item.seen_with)
        return next(alike, None)

    def _may_have_run_s(self, remembered: Remembered, at: float) -> float:
        """For how long the belt can have run since an item of an earlier run was seen."""
        away_s = at - remembered.seen_at
        permit_s = self._permit_timeout_s
        # A note of positions is a little older than the moment at which the permit fell.
        return away_s if permit_s is None else min(away_s, permit_s + _NOTE_AGE_S)

    def _is_from_eye(self, item: Item, at: float) -> bool:
        """Takes an item for the one that only the photo-eye saw, if it may be that."""
        if self._eye is None:
            return False
        found = self._eye.find(item.track, at, self._tracker.running_speed_px_s)
        if found is None:
            return False
        self._eye.take(found)
        item.item_id, item.outcome = found, "REVIEW"
        self._outcomes.recognise(item)
        return True

    def _apply(self, item: Item, found: Recognised) -> None:
        if found.item_id is not None:
            self._adopt(item, found.item_id)
            return
        listed = " or ".join([*found.candidates, *([item.was.item.item_id] if item.was else [])])
        where = _CAME[item.came] + (f"; may be {listed}" if listed else "")
        self._outcomes.review(item, "unexplained", where)

    def _adopt(self, item: Item, item_id: str) -> None:
        """It is an item remembered: it has that one's identity and outcome."""
        remembered = self._memory.take(item_id)
        item.item_id, item.outcome = remembered.item_id, remembered.outcome
        if remembered.outcome is None:
            self._outcomes.review(item, "agent_was_away", "the agent was away while it passed")
        else:
            self._outcomes.recognise(item)


def _unexplained(key: int, item: Item) -> Unexplained:
    track = item.track
    return Unexplained(key, track.x_px, track.y_px, track.size_px, item.class_name)
