"""Opens what runs beside a station: see `side_part`. Each is loaded only where it is wanted."""

from collections.abc import Callable, Mapping

from beltmark.contract.records import PartHealth
from beltmark.contract.release import Release
from edge_agent.printing.journal import Journal
from edge_agent.settings import StationFile
from edge_agent.side_part import SidePart


def open_side_parts(
    settings: StationFile, journal: Journal, release: Callable[[], Release]
) -> dict[str, SidePart]:
    """Builds them, by name; nothing is started yet.

    Args:
        settings: The station file.
        journal: The station's journal.
        release: Gives the release that runs; called once the station was started.

    Raises:
        InputError: Something that the settings name cannot be used.
    """
    parts: dict[str, SidePart] = {}
    if settings.serials.leased and settings.fleet is not None:
        from edge_agent.serials.opening import open_keeper  # noqa: PLC0415

        parts["serials"] = open_keeper(settings, settings.fleet, journal, release)
    if settings.warehouse is not None:
        from edge_agent.warehouse.opening import open_poster  # noqa: PLC0415

        parts["warehouse"] = open_poster(settings, settings.warehouse)
    return parts


def health_of(parts: Mapping[str, SidePart]) -> dict[str, PartHealth]:
    """How they are."""
    return {name: part.health for name, part in parts.items()}
