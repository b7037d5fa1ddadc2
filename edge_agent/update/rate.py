"""Tells a slow download from one that is kept alive to waste time. Pure."""

from collections import deque


class RateWindow:
    """How fast bytes came lately.

    Args:
        window_s: Over how long it is judged.
        least_bytes_per_s: How fast they must come on the average of that time.
        begun_at: Steady time of the begin.
    """

    def __init__(self, window_s: float, least_bytes_per_s: float, begun_at: float) -> None:
        self._window_s, self._least_bytes_per_s = window_s, least_bytes_per_s
        self._begun_at = begun_at
        self._chunks: deque[tuple[float, int]] = deque()
        self._bytes = 0

    def add(self, count: int, at: float) -> None:
        """Notes bytes that came at a steady time."""
        # Drips of single bytes are kept as one entry a hundredth of the window.
        if self._chunks and at - self._chunks[-1][0] < self._window_s / 100:
            self._chunks[-1] = (self._chunks[-1][0], self._chunks[-1][1] + count)
        else:
            self._chunks.append((at, count))
        self._bytes += count
        while self._chunks and at - self._chunks[0][0] > self._window_s:
            self._bytes -= self._chunks.popleft()[1]

    def is_too_slow(self, at: float) -> bool:
        """Whether a whole window has passed and too little came in the latest."""
        if at - self._begun_at < self._window_s:
            return False
        return self._bytes < self._least_bytes_per_s * self._window_s

    @property
    def bytes_per_s(self) -> float:
        """The average of the latest window."""
        return self._bytes / self._window_s
