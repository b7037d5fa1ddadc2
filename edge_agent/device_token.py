"""Reads what proves to the fleet server that a device is one of its own."""

from pathlib import Path

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError

_MAX_TOKEN_BYTES = 4_096


def read_token(path: Path) -> str:
    """Reads the device's token.

    Raises:
        InputError: There is none, or it is no token.
    """
    token = read_bytes(path, limit=_MAX_TOKEN_BYTES).decode("ascii", "replace").strip()
    if not token or not all("!" <= character <= "~" for character in token):
        raise InputError(
            "holds no token", "copy the file device-token of the fleet's site", file=path
        )
    return token
