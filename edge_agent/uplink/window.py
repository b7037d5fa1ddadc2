"""Decides which records are sent next: in order, a bounded way ahead of what is committed. Pure.

Go-back-N (Tanenbaum, Computer Networks, section 3.4.2): a broker's acknowledgement proves nothing
of the server, so whatever is not committed in time is sent again from there.
"""

from dataclasses import dataclass
from typing import Final

MAX_AHEAD: Final = 1_000
"""Records on their way at once. A broker's queue for an absent server holds as many messages, and
one message holds up to 200 of them."""

RESEND_AFTER_S: Final = 10.0
RESEND_LIMIT_S: Final = 60.0


@dataclass(frozen=True)
class SendWindow:
    """What is known of a stream's way to the server.

    Attributes:
        committed: All up to here is committed.
        sent: All up to here was sent since the last rewind.
        moved_at: When `committed` last grew, or sending began anew; on a clock that is never set.
        patience_s: For how long nothing may be committed before it is sent again.
    """

    committed: int
    sent: int
    moved_at: float
    patience_s: float = RESEND_AFTER_S

    @property
    def may_send(self) -> bool:
        """Whether more may be on its way."""
        return self.sent - self.committed < MAX_AHEAD

    def after_sending(self, last: int, now: float) -> "SendWindow":
        """All up to `last` has been handed to the broker."""
        begins = self.sent == self.committed
        return SendWindow(self.committed, last, now if begins else self.moved_at, self.patience_s)

    def after_commit(self, sequence: int, has_gap: bool, now: float) -> "SendWindow":
        """The server has told how far it is; with a gap, something on its way was lost."""
        if sequence < self.committed:
            return self
        grew = sequence > self.committed
        sent = sequence if has_gap else max(self.sent, sequence)
        return SendWindow(
            sequence,
            sent,
            now if grew or has_gap else self.moved_at,
            RESEND_AFTER_S if grew else self.patience_s,
        )

    def rewound(self, now: float) -> "SendWindow":
        """Begins again behind what is committed: a new connection, or a new server."""
        return SendWindow(self.committed, self.committed, now, RESEND_AFTER_S)

    def after_time(self, now: float) -> "SendWindow":
        """Begins again where nothing was committed for too long; each time with more patience."""
        if self.sent == self.committed or now - self.moved_at < self.patience_s:
            return self
        patience_s = min(2 * self.patience_s, RESEND_LIMIT_S)
        return SendWindow(self.committed, self.committed, now, patience_s)
