"""What a station says of its items, in the words that every part shares.

These are the records that leave a station (journal listing today, telemetry later). A newer
station may add fields, so unknown ones are passed over; a field never changes its meaning.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from beltmark.contract.package import Probability

Outcome = Literal["PRINT", "REVIEW", "REJECT"]
PrintState = Literal["decided", "queued", "sending", "sent", "printed", "unknown", "failed", "late"]


class Message(BaseModel):
    """Base of what is sent: frozen, tolerant of fields that a neighbour version added."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class ItemMessage(Message):
    """One item's outcome at a station."""

    version: Literal[1] = 1
    station: str
    item_id: str
    decided_at: float
    outcome: Outcome
    reason: str
    class_name: str | None = None
    probability: Probability | None = None
    sku: str | None = None
    gtin: str | None = None
    serial: str | None = None
    print_state: PrintState | None = None
    release: str
    package_sha256: str
