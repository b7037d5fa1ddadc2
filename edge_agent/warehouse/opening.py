"""Builds a station's way to the warehouse system; loaded only where there is one."""

import socket

from beltmark.contract.errors import InputError
from edge_agent.device_token import read_token
from edge_agent.section import of_field
from edge_agent.settings import StationFile
from edge_agent.uplink.fleet_http import FleetHttp
from edge_agent.warehouse.poster import ResultPoster
from edge_agent.warehouse.section import WarehouseSection, parse_url
from edge_agent.warehouse.state import STATE_FILE, read_state

_CHECK_TIMEOUT_S = 2.0


def open_poster(station: StationFile, warehouse: WarehouseSection) -> ResultPoster:
    """Builds it; nothing is posted or started yet.

    Raises:
        InputError: The address is none, or there is no token.
    """
    parse_url(warehouse.url)
    _read_token(warehouse)
    token_file = warehouse.token_file
    door = FleetHttp(
        warehouse.url,
        None if token_file is None else lambda: read_token(token_file),
        warehouse.answer_timeout_s,
    )
    return ResultPoster(station.journal_path, station.station.data, door, station.station.name)


def look_at_warehouse(station: StationFile, warehouse: WarehouseSection) -> str:
    """Says whether the warehouse system can be reached, and which results it refused for good.

    Raises:
        InputError: It cannot be, the token cannot be read, or some were.
    """
    _read_token(warehouse)
    parts = parse_url(warehouse.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _CHECK_TIMEOUT_S).close()
    except OSError as error:
        raise InputError(
            f"cannot be reached: {error.strerror or error}",
            "look at its address and the network; results wait in the journal meanwhile",
            file=warehouse.url,
            field="warehouse.url",
        ) from None
    path = station.station.data / STATE_FILE
    state = read_state(path)
    if state.parked_total:
        last = state.parked[-1]
        raise InputError(
            f"{state.parked_total} results were refused for good; the last, {last.key}: "
            f"{last.reason}",
            "mend it there, then remove this file while the agent is stopped: all is posted again",
            file=path,
        )
    return f"{warehouse.url} can be reached, no result was refused for good"


def _read_token(warehouse: WarehouseSection) -> None:
    if warehouse.token_file is not None:
        with of_field("warehouse.token_file"):
            read_token(warehouse.token_file)
