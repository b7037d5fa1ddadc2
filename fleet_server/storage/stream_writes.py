"""How far each device's stream is stored, and its gaps, in SQL inside `telemetry`'s transactions.

Which numbers are missing is computed in `domain.sequences`; the open gaps are what it remembers.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from beltmark.contract.messages import Committed
from beltmark.contract.records import SequenceRange
from fleet_server.domain.sequences import Coverage, Span, closed, subtract
from fleet_server.storage.engine import insert
from fleet_server.storage.tables import gaps, streams


class StreamTransaction:
    """One stream of one device, inside one transaction.

    Args:
        connection: The transaction.
        device: The device.
        stream: The stream.
        now: Seconds since the epoch.
    """

    def __init__(self, connection: sa.Connection, device: str, stream: str, now: float) -> None:
        self._connection, self._device, self._stream, self._now = connection, device, stream, now

    def lock(self) -> Coverage:
        """Returns what is accounted for, and notes that the stream was heard.

        Until the transaction ends nobody else writes to this stream.
        """
        newest = self._connection.execute(
            insert(self._connection, streams)
            .values(
                device=self._device,
                stream=self._stream,
                committed=0,
                newest=0,
                heard_at=self._now,
            )
            .on_conflict_do_update(
                index_elements=[streams.c.device, streams.c.stream],
                set_={"heard_at": self._now},
            )
            .returning(streams.c.newest)
        ).scalar_one()
        return Coverage(newest, _open_gaps(self._connection, self._device, self._stream))

    def write(self, before: Coverage, after: Coverage, stored: Sequence[Span]) -> None:
        """Notes how far the stream is accounted for, and what became of its gaps.

        Args:
            before: What was accounted for.
            after: What is now.
            stored: The numbers that were stored, as `join` gives them; what else closed, is gone.
        """
        if after == before:
            return
        self._connection.execute(
            streams.update()
            .where(streams.c.device == self._device, streams.c.stream == self._stream)
            .values(committed=after.committed, newest=after.newest)
        )
        old, new = set(before.holes), set(after.holes)
        if old == new:
            return
        seen_at = {hole: self._take_out(hole) for hole in before.holes if hole not in new}
        ends = closed(before, after)
        gone = subtract(ends, stored)
        for outcome, parts in (("filled", subtract(ends, gone)), ("gone", gone)):
            for part in parts:
                self._close(part, outcome, self._since(part, seen_at))
        for hole in after.holes:
            if hole not in old:
                self._add(hole, "open", self._since(hole, seen_at))

    def _since(self, part: Span, seen_at: Mapping[Span, float]) -> float:
        """When the gap was seen that this is a part of."""
        for hole, at in seen_at.items():
            if hole.first <= part.first and part.last <= hole.last:
                return at
        return self._now

    def _take_out(self, hole: Span) -> float:
        """Takes an open gap out; returns when it was seen."""
        seen_at: float = self._connection.execute(
            gaps.delete()
            .where(*self._is_mine(), gaps.c.first == hole.first)
            .returning(gaps.c.seen_at)
        ).scalar_one()
        return seen_at

    def _close(self, part: Span, outcome: str, seen_at: float) -> None:
        """Notes a closed gap, as the end of the one just before it if they were one.

        A gap is filled from its begin, batch by batch: that is one gap and not many.
        """
        before = self._connection.execute(
            sa.select(gaps)
            .where(*self._is_mine(), gaps.c.first < part.first)
            .order_by(gaps.c.first.desc())
            .limit(1)
        ).one_or_none()
        goes_on = (part.first - 1, outcome, seen_at)
        if before is None or (before.last, before.outcome, before.seen_at) != goes_on:
            self._add(part, outcome, seen_at)
            return
        self._connection.execute(
            gaps.update()
            .where(*self._is_mine(), gaps.c.first == before.first)
            .values(last=part.last, closed_at=self._now)
        )

    def _add(self, span: Span, outcome: str, seen_at: float) -> None:
        self._connection.execute(
            gaps.insert().values(
                device=self._device,
                stream=self._stream,
                first=span.first,
                last=span.last,
                seen_at=seen_at,
                closed_at=None if outcome == "open" else self._now,
                outcome=outcome,
            )
        )

    def _is_mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return gaps.c.device == self._device, gaps.c.stream == self._stream


def committed_message(device: str, stream: str, coverage: Coverage) -> Committed:
    """What the device is told."""
    hole = coverage.holes[0] if coverage.holes else None
    return Committed(
        device=device,
        stream=stream,
        sequence=coverage.committed,
        gap=None if hole is None else SequenceRange(first=hole.first, last=hole.last),
    )


def read_latest(connection: sa.Connection) -> list[Committed]:
    """How far the latest stream of each device is, by device."""
    rows = connection.execute(
        sa.select(streams).order_by(streams.c.device, streams.c.heard_at, streams.c.stream)
    )
    latest = {row.device: row for row in rows}
    return [
        committed_message(
            row.device,
            row.stream,
            Coverage(row.newest, _open_gaps(connection, row.device, row.stream)),
        )
        for row in latest.values()
    ]


def _open_gaps(connection: sa.Connection, device: str, stream: str) -> tuple[Span, ...]:
    rows = connection.execute(
        sa.select(gaps.c.first, gaps.c.last)
        .where(gaps.c.device == device, gaps.c.stream == stream, gaps.c.outcome == "open")
        .order_by(gaps.c.first)
    )
    return tuple(Span(row.first, row.last) for row in rows)
