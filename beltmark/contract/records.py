"""What a station notes for a server: numbered records, and the bodies that they may have.

How they are sent is left to `messages`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from beltmark.contract.package import Probability
from beltmark.contract.terms import (
    Count,
    Identity,
    Outcome,
    Part,
    PartState,
    PrintState,
    Sequence,
    Time,
    Told,
    UpdateState,
    Word,
)
from beltmark.contract.wire import Message


class Candidate(Part):
    """A class that an item may be, with its fused probability."""

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
