"""The run permit as the belt sees it: it runs only for a while after each word of permission."""

HOLD_S = 1.0
"""How long one word of permission lasts."""


class RunPermit:
    """A watchdog relay: falls by itself when nobody renews it. Pure; time is an argument."""

    def __init__(self) -> None:
        self._from_s = self._until_s = float("-inf")

    def renew(self, at_s: float) -> None:
        """Permission was given at this time."""
        if at_s > self._until_s:
            self._from_s = at_s
        self._until_s = at_s + HOLD_S

    def revoke(self, at_s: float) -> None:
        """Permission was taken back at this time."""
        self._until_s = min(self._until_s, at_s)

    def holds(self, at_s: float) -> bool:
        """Whether the belt may run at this time."""
        return self._from_s <= at_s <= self._until_s

    def running_s(self, since_s: float, until_s: float) -> float:
        """For how much of this span the belt was permitted to run."""
        return max(min(until_s, self._until_s) - max(since_s, self._from_s), 0.0)
