"""When a label must be sent, out, or no longer come out: from lengths, speeds and distances. Pure.

An item is at the decision line at time 0 and reaches the applicator when the belt has carried it
there. Acting on these times is left to `spooler` and `lane`.
"""

import math
from dataclasses import dataclass
from typing import Self

STOP_TIME_S = 0.25
"""So long after an item must not move on, at most, the belt was told to stand if in time."""


@dataclass(frozen=True)
class Window:
    """The times of one label, in seconds after its item was at the decision line.

    Attributes:
        send_within_s: A label not sent by then is not sent at all.
        hold_after_s: From then on its item must not move on without it; None where nothing can
            hold it.
        past_after_s: By then an item that was not held has left the applicator; None where that is
            not known.
    """

    send_within_s: float
    hold_after_s: float | None = None
    past_after_s: float | None = None


@dataclass(frozen=True)
class LabelPath:
    """What lies between a decision and its label on the item.

    Attributes:
        distance_mm: From the decision line to the applicator, along the belt.
        reach_mm: So far beyond its place the applicator still reaches an item.
        print_speed_mm_s: Speed at which labels come out.
        first_label_s: Time from the last byte to the begin of a label.
        margin_s: What is to be left over.
    """

    distance_mm: float
    reach_mm: float
    print_speed_mm_s: float
    first_label_s: float = 0.0
    margin_s: float = 0.1

    def window(
        self, label_mm: float, belt_mm_s: float, *, can_hold: bool, patience_s: float
    ) -> Window:
        """Returns a label's window.

        Args:
            label_mm: Its length, in the direction of its feed.
            belt_mm_s: Speed of the belt, above 0.
            can_hold: Whether the belt can be made to stand.
            patience_s: For how long a standing belt waits for a label to be sent.
        """
        arrives_s = self.distance_mm / belt_mm_s
        past_s = (self.distance_mm + self.reach_mm) / belt_mm_s
        if can_hold:
            hold_s = max(0.0, arrives_s - self.margin_s)
            return Window(hold_s + patience_s, hold_s, past_s)
        return Window(max(0.0, arrives_s - self.lead_s(label_mm)), None, past_s)

    def lead_s(self, label_mm: float) -> float:
        """How long before its item's arrival a label must be sent at the latest."""
        return print_time_s(label_mm, self.print_speed_mm_s, self.first_label_s) + self.margin_s


def print_time_s(label_mm: float, speed_mm_s: float, first_label_s: float = 0.0) -> float:
    """Time from a label's last byte until it is out."""
    return first_label_s + label_mm / speed_mm_s


@dataclass(frozen=True)
class Due:
    """A label's window on the steady clock, in its seconds.

    Attributes:
        send_by: From then on it is not sent any more.
        hold_from: From then on its item must not move on without it.
        past_at: By then its item, if it was not held, has left the applicator.
    """

    send_by: float
    hold_from: float = math.inf
    past_at: float = math.inf

    @classmethod
    def of(cls, window: Window, begun: float) -> Self:
        """Returns the window of an item that was at the decision line at `begun`."""
        return cls(
            begun + window.send_within_s,
            math.inf if window.hold_after_s is None else begun + window.hold_after_s,
            math.inf if window.past_after_s is None else begun + window.past_after_s,
        )

    def is_slow(self, now: float) -> bool:
        """Whether its item must wait for it."""
        return now >= self.hold_from

    def is_late(self, now: float, held_since: float | None) -> bool:
        """Whether, sent now, it would come out for an item that waited too long or has moved on.

        Args:
            now: The time.
            held_since: Since when the belt was told to stand; None while it may run.
        """
        return now >= self.send_by or (
            now >= self.hold_from + STOP_TIME_S and not self._was_held(held_since)
        )

    def is_past(self, now: float, held_since: float | None) -> bool:
        """Whether, once sent, it comes out for an item that has left the applicator."""
        return now >= self.past_at and not self._was_held(held_since)

    def _was_held(self, held_since: float | None) -> bool:
        """Whether its item was held, and still is."""
        return held_since is not None and held_since <= min(
            self.hold_from + STOP_TIME_S, self.past_at
        )
