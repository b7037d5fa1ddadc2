"""Asks devices to run a release, or the one before. The link tells them; what they make of it, they
report.
"""

from collections.abc import Sequence

from beltmark.contract.errors import InputError
from beltmark.contract.messages import Desired
from fleet_server.storage.fleet import FleetStore


class UnknownDevice(InputError):  # noqa: N818 - it is what the device is
    """A device that the fleet has never heard."""


def push(fleet: FleetStore, devices: Sequence[str], release: str, by: str) -> list[Desired]:
    """Asks devices to run a release.

    Args:
        fleet: What is asked of the fleet.
        devices: Names of the devices.
        release: Name of the release.
        by: Who asks.

    Returns:
        What each device is told.

    Raises:
        InputError: The release or a device is not known, or the release is none that may be run;
            nothing is asked then.
        StorageUnavailable: The database does not work at the moment.
    """
    wanted = _known(fleet, devices)
    fleet.check_usable(release)
    asked = [fleet.desire(device, release, by) for device in wanted]
    for one in asked:
        fleet.note(by, f"asked {one.device} to run {one.release}")
    return asked


def back(fleet: FleetStore, devices: Sequence[str], by: str) -> list[Desired]:
    """Asks devices to run the release that was asked of them before the present one.

    Raises:
        InputError: A device is not known, nothing was asked of it before, or what was may not be
            run any more; nothing is asked then.
        StorageUnavailable: The database does not work at the moment.
    """
    wanted: list[tuple[str, str]] = []
    for device in _known(fleet, devices):
        desired = fleet.desired(device)
        if desired is None or desired.previous is None:
            raise InputError(
                f"no other release was asked of {device} before",
                "push the release that it shall run",
                field="device",
            )
        fleet.check_usable(desired.previous)
        wanted.append((device, desired.previous))
    asked = [fleet.desire(device, release, by) for device, release in wanted]
    for one in asked:
        fleet.note(by, f"asked {one.device} to go back to {one.release}")
    return asked


def _known(fleet: FleetStore, devices: Sequence[str]) -> list[str]:
    """The devices, each once, in the order given."""
    known = set(fleet.devices())
    for device in devices:
        if device not in known:
            raise UnknownDevice(
                f"there is no device {device!r}",
                "it appears when its station has connected once; see beltmark-fleet devices",
                field="device",
            )
    if not devices:
        raise InputError("there is no device yet", "connect a station first", field="device")
    return list(dict.fromkeys(devices))
