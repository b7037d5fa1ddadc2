"""What a station and a server say to each other, in the words that every part shares.

Up: birth, heartbeat, records, reported, death. Down: committed, desired. Where each goes is in
`topics`, how it becomes bytes in `wire`, what the records say in `records`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from beltmark.contract.records import PartHealth, Record, SequenceRange
from beltmark.contract.terms import (
    Count,
    DeviceName,
    Identity,
    ReleaseName,
    Sequence,
    Time,
    Told,
    UpdateState,
    Word,
)
from beltmark.contract.wire import Message

MAX_BATCH_RECORDS = 200


class RecordBatch(Message):
    """Records in the order of their sequences.

    Attributes:
        device: Whose they are.
        stream: Identity of the outbox that numbered them: a new one begins again at 1.
        session: The connection that sends them.
        sent_at: When they were sent; what happened long before is historical.
        records: The records, without those in `gone`.
        gone: Sequences that will never come, for the outbox was full.
    """

    device: DeviceName
    stream: Identity
    session: Sequence
    sent_at: Time
    records: tuple[Record, ...] = Field(default=(), max_length=MAX_BATCH_RECORDS)
    gone: tuple[SequenceRange, ...] = Field(default=(), max_length=MAX_BATCH_RECORDS)


class Birth(Message):
    """A device has connected.

    Attributes:
        device: Its name.
        session: Number of the connection; it only grows. The death of an older session means
            nothing to a newer one.
        at: When it connected.
        stream: Identity of its outbox.
        agent_version: Version of the agent.
        instruction_set: What its processor can do, as golden tolerances name it.
        machine: Processor family: x86_64, aarch64.
        camera: What it sees through, without secrets.
        printer: What it prints on.
        release: Name of the release that runs.
        package_sha256: Digest of its package.
        desired_version: Latest desired state that it has dealt with; 0 for none.
    """

    device: DeviceName
    session: Sequence
    at: Time
    stream: Identity
    agent_version: Word = ""
    instruction_set: Word = ""
    machine: Word = ""
    camera: Word = ""
    printer: Word = ""
    release: Word = ""
    package_sha256: Word = ""
    desired_version: Count = 0


class Death(Message):
    """A session has ended: by its own word (`stopped`), or the broker's, as its will (`lost`)."""

    device: DeviceName
    session: Sequence
    reason: Literal["stopped", "lost"]


class Heartbeat(Message):
    """A device lives.

    Attributes:
        device: Its name.
        session: Its connection.
        at: When.
        may_run: Whether the run permit is given.
        problems: Who objects, and why.
        parts: How camera, printer, journal and outbox are.
        newest_sequence: Latest record in the outbox; 0 for none yet.
        waiting: Records in the outbox that the server has not committed.
    """

    device: DeviceName
    session: Sequence
    at: Time
    may_run: bool
    problems: Mapping[str, Told] = Field(default_factory=dict, max_length=64)
    parts: Mapping[str, PartHealth] = Field(default_factory=dict, max_length=64)
    newest_sequence: Count = 0
    waiting: Count = 0


class Reported(Message):
    """What a device runs, and how far it is with what is desired.

    Attributes:
        device: Its name.
        session: Its connection.
        at: When.
        release: Name of the release that runs.
        package_sha256: Digest of its package.
        desired_version: The desired state that `state` is about; 0 for none.
        desired_release: The release that it names.
        state: How far; `refused` leaves the old release running.
        reason: Why it was refused, or what is waited for.
    """

    device: DeviceName
    session: Sequence
    at: Time
    release: Word
    package_sha256: Word
    desired_version: Count
    desired_release: Word = ""
    state: UpdateState
    reason: Told = ""


class Committed(Message):
    """All records of a stream up to `sequence` are committed, or known to be gone.

    Attributes:
        device: Whose stream it is.
        stream: The stream.
        sequence: The last of them; 0 for none.
        gap: Sequences after it that are missing although later ones came: they are asked for.
    """

    device: DeviceName
    stream: Identity
    sequence: Count
    gap: SequenceRange | None = None


class Desired(Message):
    """The release that a device is to run.

    Attributes:
        device: The device.
        desired_version: It only grows: a state older than one dealt with is stale.
        release: Name of the release.
        issued_at: When it was asked for.
        issued_by: By whom.
        spread_s: The device begins to fetch it within so long, at a moment of its own.
    """

    device: DeviceName
    desired_version: Sequence
    release: ReleaseName
    issued_at: Time
    issued_by: Word = ""
    spread_s: Annotated[float, Field(ge=0, le=24 * 3600)] = 0.0


class ServerOnline(Message):
    """A server has begun to listen; devices answer with their birth.

    Attributes:
        epoch: Changes with each start of the server.
        at: When it began.
    """

    epoch: Identity
    at: Time
