"""How one signs in to Label Studio: what a token is, and what is sent for it. Pure.

A personal access token (since 1.18) is a JWT that buys an access token of some minutes; a legacy
token is sent as it is, where the organisation still allows it.
"""

import re
from pathlib import Path
from typing import Final

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError

_MAX_TOKEN_BYTES: Final = 4096
_PERSONAL: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LEGACY: Final = re.compile(r"[0-9A-Za-z]{20,80}")
_MEND: Final = (
    "copy the whole Personal Access Token that Label Studio shows under Account & Settings"
)


def is_personal(token: str) -> bool:
    """Whether a token is a personal access token, else a legacy one."""
    return _PERSONAL.fullmatch(token) is not None


def check_token(text: str, file: Path | None = None) -> str:
    """Returns a token without the white space around it.

    Raises:
        InputError: It is none; the message doesn't show it.
    """
    token = text.strip()
    if not (is_personal(token) or _LEGACY.fullmatch(token)):
        raise InputError("is no token of Label Studio", _MEND, file=file or "token")
    return token


def read_token_file(path: Path) -> str:
    """Reads a token from a file of one line.

    Raises:
        InputError: Unreadable, or not a token.
    """
    content = read_bytes(path, limit=_MAX_TOKEN_BYTES)
    return check_token(content.decode("ascii", errors="replace"), path)
