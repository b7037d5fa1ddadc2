"""What a running server leaves in its site for the commands beside it: where it is, and since when.

Whether it still runs, and hears its devices, is its own to say: it is asked over HTTP.
"""

import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field

from beltmark.contract.documents import Document, read_document, write_document
from beltmark.contract.terms import Time
from fleet_server.health import Health
from fleet_server.site import Site

HEALTH_PATH: Final = "/api/v1/health"
_NOTE: Final = "served.json"
_TIMEOUT_S: Final = 5.0
_MAX_ANSWER_BYTES: Final = 1024 * 1024


HttpAddress = Annotated[str, Field(pattern=r"^http://[^\s/]+$", max_length=300)]


class Served(Document):
    """Where a server is.

    Attributes:
        url: Its address on this machine, such as http://127.0.0.1:8000.
        address: Under which others reach it.
        broker: The broker that it uses, without what is secret in its address.
        started_at: When it started, in seconds since the epoch.
    """

    format_version: Literal[1] = 1
    url: HttpAddress
    address: HttpAddress
    broker: Annotated[str, Field(pattern=r"^mqtts?://[^\s/]+$", max_length=300)]
    started_at: Time


def address_of(host: str, port: int) -> str:
    """Under which address others reach a server that listens there."""
    if host in ("", "0.0.0.0", "::"):
        host = socket.gethostname()  # any address of this machine
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def note_path(site: Site) -> Path:
    """Where it is noted."""
    return site.folder / _NOTE


def note(site: Site, served: Served) -> None:
    """Notes where the server is."""
    write_document(note_path(site), served)


def forget(site: Site) -> None:
    """Removes the note: the server has ended."""
    note_path(site).unlink(missing_ok=True)


@dataclass(frozen=True)
class RunningServer:
    """A server that runs.

    Attributes:
        served: Where it is.
        health: How it is, by its own word.
    """

    served: Served
    health: Health


def find(site: Site) -> RunningServer | None:
    """The server that runs; None if none does.

    Raises:
        InputError: The note is damaged.
    """
    if not note_path(site).exists():
        return None
    served = read_document(note_path(site), Served)
    health = _ask(served.url)
    # A server that was killed leaves its note, and its port to anybody.
    if health is None or health.started_at != served.started_at:
        return None
    return RunningServer(served, health)


def _ask(url: str) -> Health | None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", HEALTH_PATH)
        return Health.model_validate_json(connection.getresponse().read(_MAX_ANSWER_BYTES))
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
