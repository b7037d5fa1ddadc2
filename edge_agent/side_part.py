"""What runs beside the station and never holds it up: numbers are leased, results are posted."""

from collections.abc import Mapping
from typing import Protocol

from beltmark.contract.records import PartHealth


class SidePart(Protocol):
    """A part with a thread of its own, for which neither belt nor labels wait."""

    @property
    def health(self) -> PartHealth:
        """How it is, for the fleet."""
        ...

    def tell(self) -> Mapping[str, object]:
        """The same for the status file; `state` and `told` are among it."""
        ...

    def start(self) -> None:
        """Begins; returns at once."""
        ...

    def stop(self) -> None:
        """Ends soon; what it did not do is done by the next run."""
        ...
