"""Takes what devices say into the database: all that waits in one transaction, each record once.

The SQL is in `device_writes`, `record_writes` and `stream_writes`; receiving and answering is left
to `ingest`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from beltmark.contract.messages import (
    Birth,
    Committed,
    Death,
    Heartbeat,
    RecordBatch,
    Reported,
)
from fleet_server.domain.sequences import Span, admit, cover, join
from fleet_server.storage import device_writes
from fleet_server.storage.engine import reading, writing
from fleet_server.storage.record_writes import Arrival, write_records
from fleet_server.storage.stream_writes import (
    StreamTransaction,
    committed_message,
    read_latest,
)


@dataclass(frozen=True)
class Malformed:
    """A message that could not be used.

    Attributes:
        device: Who sent it, by its topic.
        reason: Why.
    """

    device: str
    reason: str


Said = Birth | Heartbeat | Death | Reported | RecordBatch | Malformed


@dataclass(frozen=True)
class Received:
    """Something that a device said.

    Attributes:
        said: What.
        at: When it came, in seconds since the epoch: it may have waited for the database.
    """

    said: Said
    at: float


class TelemetryStore:
    """What devices say. For use from any thread.

    Every call may raise `StorageUnavailable`: nothing is committed then; and those that take may
    raise `Unstorable`, for something that the database will never take.

    Args:
        engine: The database, as `open_database` gives it.
        clock: Seconds since the epoch.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def take(self, received: Sequence[Received]) -> list[Committed]:
        """Commits all in one transaction, in the order in which it came.

        Returns:
            For each stream that was heard of, how far it is committed now; of the streams of one
            device the latest comes last.
        """
        batches: list[tuple[RecordBatch, float]] = []
        heard: dict[tuple[str, str], float] = {}
        with writing(self._engine) as connection:
            for one in received:
                match one.said:
                    case Birth() as birth:
                        if device_writes.write_birth(connection, birth, one.at):
                            _hear_stream(heard, birth.device, birth.stream, one.at)
                    case Heartbeat() as heartbeat:
                        device_writes.write_heartbeat(connection, heartbeat, one.at)
                    case Death() as death:
                        device_writes.write_death(connection, death, one.at)
                    case Reported() as reported:
                        device_writes.write_reported(connection, reported, one.at)
                    case RecordBatch() as batch:
                        if device_writes.lock_device(connection, batch.device, one.at) is None:
                            continue
                        device_writes.hear(connection, batch.device, batch.session, one.at)
                        _hear_stream(heard, batch.device, batch.stream, one.at)
                        batches.append((batch, one.at))
                    case Malformed(device, reason):
                        device_writes.write_malformed(connection, device, reason, one.at)
            return [
                self._take_stream(
                    connection,
                    device,
                    stream,
                    [
                        (batch, at)
                        for batch, at in batches
                        if (batch.device, batch.stream) == (device, stream)
                    ],
                    at,
                )
                for (device, stream), at in heard.items()
            ]

    def take_birth(self, birth: Birth) -> None:
        """Notes that a device has connected."""
        self._take_now(birth)

    def take_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Notes that a device lives, and how it is."""
        self._take_now(heartbeat)

    def take_death(self, death: Death) -> None:
        """Notes that a device's session has ended, if it is the latest one."""
        self._take_now(death)

    def take_reported(self, reported: Reported) -> None:
        """Notes what a device runs."""
        self._take_now(reported)

    def take_batches(self, batches: Sequence[RecordBatch]) -> list[Committed]:
        """Stores records that are not there yet, all in one transaction; see `take`."""
        now = self._clock()
        return self.take([Received(batch, now) for batch in batches])

    def note_malformed(self, device: str, reason: str) -> None:
        """Counts a message of a device that could not be used."""
        self._take_now(Malformed(device, reason))

    def committed(self) -> list[Committed]:
        """How far the latest stream of each device is committed, by device."""
        with reading(self._engine) as connection:
            return read_latest(connection)

    def _take_now(self, said: Said) -> None:
        self.take([Received(said, self._clock())])

    def _take_stream(
        self,
        connection: sa.Connection,
        device: str,
        stream: str,
        batches: Sequence[tuple[RecordBatch, float]],
        received_at: float,
    ) -> Committed:
        """Stores what came of one stream, and returns how far it is then."""
        stored = StreamTransaction(connection, device, stream, received_at)
        before = stored.lock()
        arrivals = [
            Arrival(record, batch.sent_at, at) for batch, at in batches for record in batch.records
        ]
        sent = join(Span(arrival.record.sequence, arrival.record.sequence) for arrival in arrivals)
        gone = [Span(part.first, part.last) for batch, _ in batches for part in batch.gone]
        admitted = admit(before, join([*sent, *gone]))
        after = cover(before, admitted)
        taken = [arrival for arrival in arrivals if _is_in(arrival.record.sequence, admitted)]
        for reason in write_records(connection, device, stream, taken):
            device_writes.write_malformed(connection, device, reason, received_at)
        stored.write(before, after, sent)
        return committed_message(device, stream, after)


def _hear_stream(
    heard: dict[tuple[str, str], float], device: str, stream: str, received_at: float
) -> None:
    """Notes a stream as the latest one that was heard of."""
    heard.pop((device, stream), None)
    heard[device, stream] = received_at


def _is_in(sequence: int, spans: Sequence[Span]) -> bool:
    return any(first <= sequence <= last for first, last in spans)
