"""The words and values that messages and their parts are made of, with their bounds.

Times are seconds since the epoch, by the sender's clock.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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

MAX_SEQUENCE = 2**53

DeviceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
Identity = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
ReleaseName = Identity
Sequence = Annotated[int, Field(ge=1, le=MAX_SEQUENCE)]
Count = Annotated[int, Field(ge=0, le=MAX_SEQUENCE)]
Time = Annotated[float, Field(ge=0, le=1e11)]
Told = Annotated[str, Field(max_length=2_000)]
Word = Annotated[str, Field(max_length=200)]


class Part(BaseModel):
    """One entry of a record or a message; tolerant as they are."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
