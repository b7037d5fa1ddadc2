"""The way of the belt between two frames, from the counts of an encoder. Pure.

Counts come when they come; a frame has a time of its own: between two counts the belt is taken to
have moved evenly, and shortly after the last as it did before it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

# So long after the last count the belt's way is still told from the two before it.
_AHEAD_S = 0.15
# … where these lie so close together that they tell how it moves now.
_STEADY_S = 0.5
_KEPT = 256


@dataclass(frozen=True)
class Position:
    """Where the belt was.

    Attributes:
        at: When, in seconds since the epoch.
        counts: The encoder's count; it falls where the belt runs back.
    """

    at: float
    counts: float


class Encoder:
    """What one encoder told.

    Args:
        px_per_count: How far the belt moves in the picture for one count; negative where the count
            falls while it carries items along.
        silent_after_s: It must tell its count so often, though the belt stands: longer silence says
            nothing of the belt. None for one that tells only of movement.
    """

    def __init__(self, px_per_count: float, silent_after_s: float | None) -> None:
        self._px_per_count, self._silent_after_s = px_per_count, silent_after_s
        self._positions: deque[Position] = deque(maxlen=_KEPT)
        self._frame_px: float | None = None

    def tell(self, positions: Sequence[Position]) -> None:
        """Takes in counts, oldest first; one that is older than the last begins anew."""
        for position in positions:
            if self._positions and position.at < self._positions[-1].at:
                self._forget()
            self._positions.append(position)

    def way_px(self, at: float, *, is_heard: bool = True) -> float | None:
        """Returns how far the belt came along the travel since the last call, back as negative.

        None where that is not known: at the first call, and after a silence.

        Args:
            at: Time of the frame, in seconds since the epoch.
            is_heard: Whether the encoder can be heard at all.
        """
        if not is_heard:
            self._forget()
        here = self._counts_at(at)
        before = self._frame_px
        self._frame_px = None if here is None else here * self._px_per_count
        return None if before is None or self._frame_px is None else self._frame_px - before

    def _counts_at(self, at: float) -> float | None:
        positions = self._positions
        if not positions or at < positions[0].at:
            return None
        while len(positions) > 2 and positions[1].at <= at and positions[2].at <= at:
            positions.popleft()
        newest = positions[-1]
        if at >= newest.at:
            silent_s = at - newest.at
            if self._silent_after_s is not None and silent_s > self._silent_after_s:
                return None
            before = positions[-2] if len(positions) > 1 else newest
            took_s = newest.at - before.at
            is_steady = 0 < took_s <= _STEADY_S and silent_s <= min(_AHEAD_S, took_s)
            ahead = (newest.counts - before.counts) / took_s * silent_s if is_steady else 0.0
            return newest.counts + ahead
        later = next(index for index, found in enumerate(positions) if found.at > at)
        one, other = positions[later - 1], positions[later]
        share = (at - one.at) / (other.at - one.at)
        return one.counts + share * (other.counts - one.counts)

    def _forget(self) -> None:
        self._positions.clear()
        self._frame_px = None
