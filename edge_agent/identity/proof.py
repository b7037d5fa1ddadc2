"""By what the fleet's server knows a station over HTTP: its certificate, or the site's token."""

import time
from collections.abc import Callable
from pathlib import Path

from edge_agent.device_token import read_token
from edge_agent.section import of_field
from edge_agent.uplink.section import FleetSection


def proof_of(fleet: FleetSection, data: Path) -> Callable[[], str]:
    """Returns what gives the proof anew for each request; that may raise InputError.

    Args:
        fleet: The station file's `[fleet]`.
        data: The station's data folder.
    """
    if fleet.token_file is not None:
        path = fleet.token_file
        return lambda: read_token(path)  # one that is renewed counts at once

    # Only here: a station on its own loads nothing of certificates.
    from edge_agent.identity.certificate import proof  # noqa: PLC0415
    from edge_agent.identity.enrolling import identity_folder  # noqa: PLC0415

    folder = identity_folder(data)
    return lambda: proof(folder.read(), time.time())


def check_token(fleet: FleetSection) -> None:
    """Looks at the token, where the station has one; who is not enrolled yet is told later.

    Raises:
        InputError: It cannot be used.
    """
    if fleet.token_file is not None:
        with of_field("fleet.token_file"):
            read_token(fleet.token_file)
