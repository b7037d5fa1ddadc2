"""Builds a station's keeper of numbers from its settings; loaded only where it leases them."""

import secrets
from collections.abc import Callable

from beltmark.contract.release import Release
from beltmark.contract.serials import NumberKind
from edge_agent.identity.proof import proof_of
from edge_agent.printing.journal import Journal
from edge_agent.serials.keeper import KeeperSettings, NumberKeeper
from edge_agent.settings import StationFile
from edge_agent.uplink.fleet_http import FleetHttp, parse_server
from edge_agent.uplink.section import FleetSection


def open_keeper(
    station: StationFile, fleet: FleetSection, journal: Journal, release: Callable[[], Release]
) -> NumberKeeper:
    """Builds it; nothing is asked or started yet.

    Args:
        station: The station file.
        fleet: Its `[fleet]`.
        journal: Where ranges are kept.
        release: Gives the release that runs: SSCCs are kept where one of its layouts asks for one.

    Raises:
        InputError: The server's address cannot be used.
    """
    section = station.serials
    sizes: dict[NumberKind, int] = {"serial": section.lease_size, "sscc": section.sscc_lease_size}

    def needed() -> tuple[NumberKind, ...]:
        return ("serial", "sscc") if needs_sscc(release()) else ("serial",)

    return NumberKeeper(
        station.journal_path,
        journal,
        FleetHttp(parse_server(fleet.server), proof_of(fleet, station.station.data)),
        station.station.name,
        KeeperSettings(sizes, section.warn_before_h * 3_600),
        needed=needed,
        new_request=lambda: secrets.token_hex(16),
    )


def needs_sscc(release: Release) -> bool:
    """Whether a product's label of this release carries an SSCC."""
    products = release.catalogue.products
    return any(release.layouts[product.layout].names_sscc for product in products)
