"""What the updater needs of others, what it says, and its settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from beltmark.contract.bundle import Bundle, BundleFile, Requirements
from beltmark.contract.release import Release
from edge_agent.update.machine import Progress
from edge_agent.update.slots import Booted, Staged
from edge_agent.update.trust import SignedRelease
from edge_agent.update_report import UpdateReport


def told_of(progress: Progress) -> UpdateReport:
    """What is told of a state."""
    return UpdateReport(progress.desired_version, progress.release, progress.state, progress.reason)


@dataclass(frozen=True)
class UpdaterSettings:
    """How the updater goes about it.

    Attributes:
        patience_s: How long a release waits for a moment between two items.
        machine: The device's processor family.
        disk_pause_s: Time between two attempts to note the state on a full disk.
    """

    patience_s: float
    machine: str
    disk_pause_s: float = 10.0


class ReleaseTrust(Protocol):
    """Knows what is signed."""

    def find(self, release: str, is_wanted: Callable[[], bool]) -> SignedRelease:
        """See `TufTrust.find`."""
        ...

    def interrupt(self) -> None:
        """See `TufTrust.interrupt`."""
        ...

    def forget(self) -> None:
        """See `TufTrust.forget`."""
        ...


class SlotStore(Protocol):
    """Where releases lie."""

    def boot(self, prove: Callable[[Release], None]) -> Booted:
        """See `Slots.boot`."""
        ...

    def stage(
        self, bundle: Bundle, bundle_sha256: str, fetch: Callable[[BundleFile], Path]
    ) -> None:
        """See `Slots.stage`."""
        ...

    def holds(self, release: str) -> bool:
        """See `Slots.holds`."""
        ...

    def staged(self, release: str) -> Staged:
        """See `Slots.staged`."""
        ...

    def load(self, staged: Staged) -> Release:
        """See `Slots.load`."""
        ...

    def activate(self) -> None:
        """See `Slots.activate`."""
        ...

    def note(self) -> None:
        """See `Slots.note`."""
        ...

    def drop(self) -> None:
        """See `Slots.drop`."""
        ...


class ReleaseTrial(Protocol):
    """Tries releases on this device."""

    def accept(self, folder: Path, requires: Requirements, is_wanted: Callable[[], bool]) -> str:
        """See `Trial.accept`."""
        ...


class ProgressStore(Protocol):
    """Keeps the state over restarts."""

    def read(self) -> Progress:
        """Returns the state as it was kept; the first one where none was.

        Raises:
            InputError: What was kept cannot be used.
        """
        ...

    def write(self, progress: Progress) -> None:
        """Keeps a state, durably; raises OSError where it cannot be written."""
        ...
