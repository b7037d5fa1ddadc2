"""What a station and a server say to each other, in the words that every part shares.

Up: birth, heartbeat, records, reported, death. Down: committed, desired. Where each goes is in
`topics`, how it becomes bytes in `wire`. Times are seconds since the epoch, by the sender's clock.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from beltmark.contract.package import Probability
from beltmark.contract.wire import Message

Outcome = Literal["PRINT", "REVIEW", "REJECT"]
PrintState = Literal["decided", "queued", "sending", "sent", "printed", "unknown", "failed", "late"]
"""How far a label came at its printer. Readers refuse words that they do not know: no new ones."""
LabelState = Literal[PrintState, "applied", "verified", "voided", "diverted"]
"""How far it came in all."""
PartState = Literal["ok", "degraded", "down", "unknown"]
RecordKind = Literal["item", "counters", "health", "update"]
UpdateState = Literal[
    "idle", "downloading", "verifying", "accepting", "waiting", "running", "refused"
]

MAX_BATCH_RECORDS = 200
MAX_SEQUENCE = 2**53

DeviceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
Identity = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
ReleaseName = Identity
Sequence = Annotated[int, Field(ge=1, le=MAX_SEQUENCE)]
Count = Annotated[int, Field(ge=0, le=MAX_SEQUENCE)]
Time = Annotated[float, Field(ge=0, le=1e11)]
Told = Annotated[str, Field(max_length=2_000)]
Word = Annotated[str, Field(max_length=200)]


class Candidate(BaseModel):
    """A class that an item may be, with its fused probability; tolerant as messages are."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    class_name: Word
    probability: Probability


class ItemMessage(Message):
    """One item's outcome at a station, as it stands now.

    `candidates` are ranked, best first; None where they were not recorded. `label_state` is a
    `LabelState` or a later version's word: `print_state` then says what is known of the printing.
    """

    station: Word
    item_id: Identity
    decided_at: Time
    outcome: Outcome
    reason: Told
    rule: Word | None = None
    class_name: Word | None = None
    probability: Probability | None = None
    candidates: Annotated[tuple[Candidate, ...], Field(max_length=16)] | None = None
    sku: Word | None = None
    order_id: Word | None = None
    lot: Word | None = None
    expiry: Word | None = None
    gtin: Word | None = None
    serial: Word | None = None
    sscc: Word | None = None
    print_state: PrintState | None = None
    label_state: Word | None = None
    release: Word
    package_sha256: Word


class Part(BaseModel):
    """One entry of a record or a message; tolerant as they are."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class PartHealth(Part):
    """How one part of a station is.

    Attributes:
        state: What it amounts to.
        told: What the part itself says.
        since: Since when.
    """

    state: PartState
    told: Told = ""
    since: Time | None = None


class ItemStep(Part):
    """Body of an `item` record: what happened to an item, and how it stands since.

    Attributes:
        item: The item.
        step: Its number in the station's journal; they only grow.
        what: The outcome, or `label` and its state.
        detail: What else is known of it.
    """

    item: ItemMessage
    step: Sequence
    what: Word
    detail: Told = ""


LATENCY_BOUNDS_MS = (5, 10, 15, 20, 30, 50, 75, 100, 150, 250, 500, 1000, 2500)
"""Upper bounds of the latency histogram's buckets; the last bucket has none."""


class Counters(Part):
    """Body of a `counters` record: one minute of a station.

    Attributes:
        start_at: Begin of the minute.
        frames: Frames looked at.
        dropped: Frames that were dropped, for the belt does not wait.
        outcomes: Decisions by outcome.
        labels: Labels by the state that they came to.
        latency_counts: Frames by time from capture to decision; see `LATENCY_BOUNDS_MS`.
    """

    start_at: Time
    frames: Count = 0
    dropped: Count = 0
    outcomes: Mapping[Outcome, Count] = Field(default_factory=dict)
    labels: Mapping[PrintState, Count] = Field(default_factory=dict)
    latency_counts: tuple[Count, ...] = Field(default=(), max_length=len(LATENCY_BOUNDS_MS) + 1)


class HealthChange(Part):
    """Body of a `health` record: one part of a station is otherwise than before."""

    part: Word
    health: PartHealth


class UpdateStep(Part):
    """Body of an `update` record: what became of a desired release."""

    desired_version: Count
    release: Word
    state: UpdateState
    reason: Told = ""


class Record(Part):
    """One numbered entry of a device's outbox.

    Attributes:
        sequence: Its number in the device's stream; no number is given twice.
        kind: What its body is; kinds that a reader does not know are kept as they are.
        at: When it happened.
        body: See the classes above.
    """

    sequence: Sequence
    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
    at: Time
    body: Mapping[str, Any]


class SequenceRange(Part):
    """Sequences from `first` to `last`, both included."""

    first: Sequence
    last: Sequence

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.first > self.last:
            raise ValueError("first must not be after last")
        return self


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
    """

    device: DeviceName
    desired_version: Sequence
    release: ReleaseName
    issued_at: Time
    issued_by: Word = ""


class ServerOnline(Message):
    """A server has begun to listen; devices answer with their birth.

    Attributes:
        epoch: Changes with each start of the server.
        at: When it began.
    """

    epoch: Identity
    at: Time
