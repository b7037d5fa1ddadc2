"""Which of two printers takes the next label: the first, or the spare while the first is unwell.

Pure. A label that one of them has, or may have, stays with it; see `spooler`.
"""


class Turn:
    """Whose turn it is.

    Args:
        after_s: So long the first printer must be unwell before the spare takes over, and well and
            quiet before it takes back: what flutters changes nothing.

    Attributes:
        uses_spare: Whether the spare printer takes the labels.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._since: float | None = None
        self.uses_spare = False

    def look(
        self, now: float, *, first_is_ready: bool, first_is_quiet: bool, spare_is_ready: bool
    ) -> bool:
        """Looks at both printers; returns whether it is the other one's turn since.

        Args:
            now: Seconds on a clock that is never set.
            first_is_ready: Whether the first printer takes labels.
            first_is_quiet: Whether it neither has nor may have a label.
            spare_is_ready: Whether the spare printer takes labels.
        """
        may_take_back = first_is_ready and first_is_quiet
        wants_change = may_take_back if self.uses_spare else not first_is_ready
        if not wants_change:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since < self._after_s or not (self.uses_spare or spare_is_ready):
            return False
        self.uses_spare, self._since = not self.uses_spare, None
        return True
