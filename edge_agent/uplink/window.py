"""Decides which records are sent next: in order, a bounded way ahead of what is committed. Pure.

Go-back-N (Tanenbaum, Computer Networks, section 3.4.2): a broker's acknowledgement proves nothing
of the server, so whatever is not committed in time is sent again from there.
"""

from dataclasses import dataclass, replace
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
        is_stalled: Nothing was committed in time: one message at a time asks whether it is now.
        gap_after: The committed sequence behind which a gap has been told of; None for no gap.
    """

    committed: int
    sent: int
    moved_at: float
    patience_s: float = RESEND_AFTER_S
    is_stalled: bool = False
    gap_after: int | None = None

    @property
    def may_send(self) -> bool:
        """Whether more may be on its way."""
        ahead = self.sent - self.committed
        return ahead == 0 if self.is_stalled else ahead < MAX_AHEAD

    def after_sending(self, last: int, now: float) -> "SendWindow":
        """All up to `last` has been handed to the broker."""
        begins = self.sent == self.committed
        return replace(self, sent=last, moved_at=now if begins else self.moved_at)

    def after_commit(self, sequence: int, has_gap: bool, now: float) -> "SendWindow":
        """The server has told how far it is; with a gap, something on its way was lost.

        A gap is answered once: all that follows it tells of it again. A server that has lost its
        memory is behind where it was, and is told from there.
        """
        if sequence < self.committed:
            return SendWindow(sequence, sequence, now)
        grew = sequence > self.committed
        begins_anew = has_gap and self.gap_after != sequence
        return SendWindow(
            sequence,
            sequence if begins_anew else max(self.sent, sequence),
            now if grew or begins_anew else self.moved_at,
            RESEND_AFTER_S if grew else self.patience_s,
            self.is_stalled and not grew,
            sequence if has_gap else None,
        )

    def rewound(self, now: float) -> "SendWindow":
        """Begins again behind what is committed: a new connection, or a new server."""
        return SendWindow(self.committed, self.committed, now)

    def after_time(self, now: float) -> "SendWindow":
        """Begins again where nothing was committed for too long; each time with more patience."""
        if self.sent == self.committed or now - self.moved_at < self.patience_s:
            return self
        patience_s = min(2 * self.patience_s, RESEND_LIMIT_S)
        return SendWindow(self.committed, self.committed, now, patience_s, is_stalled=True)
