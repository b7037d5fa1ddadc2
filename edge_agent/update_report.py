"""The word between the updater and whoever tells of it: how far a device is. Data alone."""

from dataclasses import dataclass

from beltmark.contract.terms import UpdateState


@dataclass(frozen=True)
class UpdateReport:
    """How far the device is with what is desired.

    Attributes:
        desired_version: The desired state that this is about; 0 for none.
        release: The release that it names.
        state: How far.
        reason: Why it was refused, or what is waited for.
        is_stale: This is about a desired state that came too late and changes nothing: what the
            device is about is another.
    """

    desired_version: int = 0
    release: str = ""
    state: UpdateState = "idle"
    reason: str = ""
    is_stale: bool = False
