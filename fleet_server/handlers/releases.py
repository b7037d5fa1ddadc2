"""Adds a release to the fleet: checked, signed, and known to the database, in this order."""

from pathlib import Path

from beltmark.contract.bundle import Bundle, Requirements
from beltmark.contract.errors import InputError
from fleet_server.releases.bundling import ANY_DEVICE, bundle_release
from fleet_server.releases.repository import ReleaseRepository
from fleet_server.storage.fleet import FleetStore


def add_release(
    repository: ReleaseRepository,
    fleet: FleetStore,
    folder: Path,
    by: str,
    requires: Requirements = ANY_DEVICE,
) -> tuple[Bundle, bool]:
    """Adds a release. What broke off is completed by doing it again.

    Args:
        repository: Where it is signed.
        fleet: Where it is known.
        folder: The folder that holds `release.json`.
        by: Who adds it.
        requires: What a device must be to run it.

    Returns:
        What was signed, and whether the fleet did not know it before.

    Raises:
        InputError: It does not load, or its name belongs to other content.
        StorageUnavailable: The database does not work at the moment.
    """
    bundled = bundle_release(folder, requires)
    name = bundled.bundle.release
    known = fleet.release(name)
    if known is not None and known.bundle_sha256 != bundled.sha256:
        raise InputError(
            f"release {name} is known with other content",
            "give the changed release a name of its own",
            file=folder / "release.json",
            field="name",
        )
    repository.add(bundled)
    if known is None:
        # Last: what the database knows, stations can fetch.
        fleet.add_release(bundled.bundle, bundled.sha256, by)
        fleet.note(by, f"added release {name}")
    return bundled.bundle, known is None
