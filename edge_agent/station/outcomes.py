"""Gives items their outcome, and keeps what was decided until it is told. Pure.

When an item is due is the station's to say, by which rules it is decided `decision`'s.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from edge_agent.station.decision import Decision, decide
from edge_agent.station.expected import Orders
from edge_agent.station.geometry import centre_px
from edge_agent.station.items import Decided, Item, Rules
from edge_agent.station.recovery import Remembered


class Outcomes:
    """The outcomes of one station.

    Args:
        rules: The release's.
        orders: What is expected; None where it goes by no order.
        today: The day, for expiry dates.

    Attributes:
        rules: The release's of now.
    """

    def __init__(
        self,
        rules: Rules,
        orders: Orders | None = None,
        today: Callable[[], date] | None = None,
    ) -> None:
        self.rules, self._orders, self._today = rules, orders, today
        self._decided: list[Decided] = []
        self._still_here: list[Item] = []

    def judge(self, item: Item) -> Decision:
        """What the rules say of an item by what was seen of it so far."""
        rules = self.rules
        return decide(
            item.sighting.sighting(),
            rules.catalogue,
            rules.policy,
            rules.manifest,
            expected=None if self._orders is None else self._orders.expected(),
            today=None if self._today is None else self._today(),
        )

    def decide(self, item: Item, decision: Decision) -> None:
        """An item has its outcome."""
        item.outcome = decision.outcome
        if self._orders is not None and decision.line is not None:
            self._orders.take(item.item_id, decision.line)  # before the next item is judged
        x_px, y_px = centre_px(item.track.seen_box_px)
        self._decided.append(
            Decided(item.item_id, decision, x_px, y_px, item.track.seen_at, item.sighting.best_view)
        )

    def review(self, item: Item, rule: str, reason: str) -> None:
        """An item goes to a person, whatever it looks like."""
        judged = self.judge(item)
        decision = replace(
            judged, outcome="REVIEW", rule=rule, reason=reason, product=None, line=None
        )
        self.decide(item, decision)

    def close(self, item: Remembered, rule: str, reason: str) -> None:
        """An item that is out of sight goes to a person, if nothing was decided."""
        if item.outcome is None:
            decision = Decision("REVIEW", rule, reason, item.class_name)
            self._decided.append(
                Decided(item.item_id, decision, item.x_px, item.y_px, item.seen_at)
            )

    def keep(self, decided: Decided) -> None:
        """Something was decided that never was an item of the camera's."""
        self._decided.append(decided)

    def recognise(self, item: Item) -> None:
        """An item that was decided before is seen again: what a person has is to leave the belt."""
        if item.outcome != "PRINT":
            self._still_here.append(item)

    def take(self) -> tuple[tuple[Decided, ...], tuple[Item, ...]]:
        """Returns what was decided since it was asked last, and the items to be taken off again."""
        told = tuple(self._decided), tuple(self._still_here)
        self._decided, self._still_here = [], []
        return told
