"""Serves the panel on a thread of its own, beside the station that it belongs to."""

import logging
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import uvicorn

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.contract.records import PartHealth
from beltmark.contract.terms import PartState
from edge_agent.panel.ports import PersonsDesk
from edge_agent.panel.section import PanelSection
from edge_agent.panel.site import panel_site
from edge_agent.section import of_field

logger = logging.getLogger(__name__)

_MAX_PIN_BYTES = 256
_LEAST_PIN = 4
_END_TIMEOUT_S = 3.0


class PanelServer:
    """The panel of one station; it has its port from the start.

    Args:
        section: Where it listens.

    Raises:
        InputError: It cannot listen there, or the PIN cannot be read.
    """

    def __init__(self, section: PanelSection) -> None:
        with of_field("panel.pin_file"):
            self._pin = None if section.pin_file is None else _pin(section.pin_file)
        family = socket.AF_INET6 if ":" in section.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((section.host, section.port))
        except OSError as error:
            self._socket.close()
            raise InputError(
                f"cannot listen on {section.host}:{section.port}: {error.strerror}",
                "choose another port, or end what has it",
                field="panel.port",
            ) from None
        self.address = f"http://{section.host}:{section.port}"
        self._server: uvicorn.Server | None = None
        self._problem: str | None = None
        self._since = time.time()
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)

    @property
    def health(self) -> PartHealth:
        """Whether it serves."""
        state: PartState = "ok" if self._problem is None else "down"
        return PartHealth(state=state, told=self._problem or self.address, since=self._since)

    def tell(self) -> Mapping[str, object]:
        """The same for the status file."""
        return self.health.model_dump()

    def showing(self, desk: PersonsDesk) -> Self:
        """Says what a person at the station sees and does; before `start`."""
        self._server = uvicorn.Server(
            uvicorn.Config(
                panel_site(desk, self._pin),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                limit_concurrency=64,
                timeout_graceful_shutdown=1,
            )
        )
        return self

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()
        logger.info("panel: %s", self.address)

    def stop(self) -> None:
        """Ends all that is open, and lets go of the port."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_END_TIMEOUT_S)
        self._socket.close()

    def _run(self) -> None:
        assert self._server is not None
        try:
            self._server.run(sockets=[self._socket])
        except Exception as error:
            # The belt needs no panel: it is said, and nobody tries again.
            logger.exception("the panel has ended")
            self._problem, self._since = f"it has ended: {error}", time.time()


def _pin(path: Path) -> str:
    pin = read_bytes(path, limit=_MAX_PIN_BYTES).decode("utf-8", "replace").strip()
    if len(pin) < _LEAST_PIN:
        raise InputError(
            "holds no PIN", f"write one of at least {_LEAST_PIN} characters", file=path
        )
    return pin
