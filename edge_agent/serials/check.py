"""Looks at a station's numbers without asking the server, for `check`."""

import time

from beltmark.contract.errors import InputError
from beltmark.contract.release import Release
from edge_agent.printing.numbers import NAMES, read_held
from edge_agent.settings import StationFile


def held_numbers(settings: StationFile) -> str:
    """Says what the journal of a station that does not run holds.

    Raises:
        InputError: The journal cannot be read.
    """
    held = read_held(settings.journal_path, time.time())
    told = ", ".join(f"{one.left} {NAMES[kind]}" for kind, one in held.items())
    return f"leased from the fleet: {told} held"


def check_ssccs(release: Release, settings: StationFile) -> None:
    """Makes sure that a station whose layouts ask for SSCCs leases them.

    Raises:
        InputError: It does not.
    """
    for product in release.catalogue.products:
        if not settings.serials.leased and release.layouts[product.layout].names_sscc:
            raise InputError(
                f"product {product.sku}: its layout asks for an SSCC, and this station leases "
                "none: its items will go to a person",
                "set leased = true, or give another layout",
                field="serials.leased",
            )
