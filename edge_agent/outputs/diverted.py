"""Which diverts were confirmed, and which should have been by now. Pure; acting is left to others.

The time of an item counts only while the belt may run: while it stands, nothing gets to the gate.
"""

import threading
from dataclasses import dataclass

_MAX_AWAITED = 256
_MAX_REMEMBERED = 1_024


@dataclass
class _Awaited:
    """An item on its way to the gate.

    Attributes:
        asked_ran_s: How long the belt had run when it was asked for.
        is_overdue: It was not confirmed in time.
    """

    asked_ran_s: float
    is_overdue: bool = False


class DivertWatch:
    """The items that are to be taken off. For use from any thread.

    Args:
        timeout_s: Running time after which a divert that nobody confirmed stops the belt.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._awaited: dict[str, _Awaited] = {}
        self._settled: dict[str, None] = {}
        self._ran_s = 0.0
        self._advanced_at: float | None = None

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand; None while all diverts are confirmed in time."""
        with self._lock:
            overdue = [item for item, awaited in self._awaited.items() if awaited.is_overdue]
            is_full = len(self._awaited) >= _MAX_AWAITED
        if overdue:
            more = f" and {len(overdue) - 1} more" if len(overdue) > 1 else ""
            return f"item {overdue[0]}{more} may still be on the belt: its divert is not confirmed"
        return "too many diverts wait to be confirmed" if is_full else None

    def asked(self, item_id: str) -> None:
        """An item is to be taken off; to hear it again changes nothing."""
        with self._lock:
            if item_id not in self._settled:
                self._awaited.setdefault(item_id, _Awaited(self._ran_s))

    def confirm(self, item_id: str) -> bool:
        """The gate says that it took this item off; False where that is no news."""
        with self._lock:
            if self._awaited.pop(item_id, None) is None:
                return False
            self._settle(item_id)
            return True

    def confirm_next(self) -> str | None:
        """Something passed the gate's sensor: the item that was asked for first, for they come in
        order. None where nothing is awaited.
        """
        with self._lock:
            item_id = next(
                (item for item, awaited in self._awaited.items() if not awaited.is_overdue), None
            )
            if item_id is not None:
                del self._awaited[item_id]
                self._settle(item_id)
            return item_id

    def advance(self, now: float, *, stands: bool) -> list[str]:
        """Lets time pass; returns the items that are overdue since now."""
        with self._lock:
            if self._advanced_at is not None and not stands:
                self._ran_s += max(0.0, now - self._advanced_at)
            self._advanced_at = now
            late = [
                item
                for item, awaited in self._awaited.items()
                if not awaited.is_overdue and self._ran_s - awaited.asked_ran_s > self._timeout_s
            ]
            for item in late:
                self._awaited[item].is_overdue = True
            return late

    def release(self) -> list[str]:
        """A person has seen to the overdue items; returns them."""
        with self._lock:
            overdue = [item for item, awaited in self._awaited.items() if awaited.is_overdue]
            for item in overdue:
                del self._awaited[item]
                self._settle(item)
            return overdue

    def _settle(self, item_id: str) -> None:
        self._settled[item_id] = None
        while len(self._settled) > _MAX_REMEMBERED:
            del self._settled[next(iter(self._settled))]
