"""Enrols a station: with a token, once, by a person; what follows is left to `renewal`."""

from pathlib import Path

from beltmark.contract.enrolment import Token, parse_token
from beltmark.contract.errors import InputError
from edge_agent.identity.certificate import Identity, NotOurs, enrol_request, enrolled
from edge_agent.identity.keeping import IdentityFolder
from edge_agent.identity.renewal import MEDIA, FleetDoor, read_issued
from edge_agent.uplink.fleet_http import FleetHttp, parse_server


def identity_folder(data: Path) -> IdentityFolder:
    """Where a station's identity lies in its data folder."""
    return IdentityFolder(data / "identity")


def enrol_station(folder: IdentityFolder, station: str, text: str, server: str) -> Identity:
    """Enrols a station; what it was before stays if that fails.

    Args:
        folder: Where its identity is kept.
        station: Its name.
        text: The token, as it was printed.
        server: The fleet server's base address.

    Raises:
        InputError: The token is none, or another station's; or the server cannot be reached, does
            not take it, or is not the fleet that gave it.
    """
    token = parse_token(text)
    if token.device != station:
        raise InputError(
            f"the token is for {token.device}, and this station is {station}",
            "make one for this station: beltmark-fleet enrol",
        )
    address = parse_server(server)
    return enrol_with(folder, token, FleetHttp(address, None), address)


def enrol_with(folder: IdentityFolder, token: Token, door: FleetDoor, address: str) -> Identity:
    """Asks for the certificate, and keeps it.

    Raises:
        InputError: The server cannot be reached, does not take the token, or is another fleet's.
    """
    key = folder.next_key()
    asked = enrol_request(token, key).model_dump_json().encode()
    answer = door.send("POST", f"/api/v1/devices/{token.device}/enrol", asked, MEDIA)
    if answer.fate != "taken":
        mend = "make a new token (beltmark-fleet enrol), or see to the server"
        raise InputError(answer.told, mend, file=address)
    try:
        identity = enrolled(token, key, read_issued(answer.content))
    except NotOurs as error:
        raise InputError(
            f"what answers is not the fleet that gave the token: {error}",
            "check the address, and who is between",
            file=address,
        ) from None
    folder.write(identity)
    return identity
