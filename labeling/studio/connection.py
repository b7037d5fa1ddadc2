"""Where the address and the token of one's Label Studio are kept: a file that its owner can read.

Asking for the token is left to the command.
"""

import os
import tempfile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from beltmark.contract.documents import Document, parse, read_document, sync, writing
from beltmark.contract.errors import InputError


class Connection(Document):
    """A Label Studio and who one is there.

    Attributes:
        address: Its URL.
        token: A personal access token, or a legacy token.
    """

    format_version: Literal[1] = 1
    address: str
    token: str


def default_path() -> Path:
    """Returns where the connection is kept unless told otherwise."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "beltmark" / "label-studio.json"


def read_connection(path: Path) -> Connection:
    """Reads the connection.

    Raises:
        InputError: There is none, others can read it, or it is damaged.
    """
    if not path.exists():
        raise InputError(
            "no Label Studio is known here",
            "`beltmark-label connect URL`, or `beltmark-label studio up` for one of your own",
            file=path,
        )
    if path.stat().st_mode & 0o077:
        raise InputError(
            "others can read this file, and it holds a token", f"chmod 600 {path}", file=path
        )
    connection = read_document(path, Connection)
    check_address(connection.address)
    return connection


def write_connection(path: Path, connection: Connection) -> None:
    """Writes the connection, whole or not at all, for nobody else to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Temporary files are made with mode 0600: at no moment can others read it.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with writing(path), os.fdopen(handle, "w") as file:
            file.write(parse(connection, Connection, path).model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


def check_address(address: str) -> str:
    """Returns the URL of a server without the slash at its end.

    Raises:
        InputError: It is none, or has a password or more in it.
    """
    try:
        parts = urlsplit(address)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets, or a port that is no number
        parts, has_host = urlsplit(""), False
    is_bare = not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not has_host or not is_bare:
        raise InputError(
            f"{address!r:.200} is no address of a Label Studio",
            "give one such as https://labels.example or http://127.0.0.1:8080",
        )
    return address.rstrip("/")
