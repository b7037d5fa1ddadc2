"""Sends the samples of a folder to the server, one after the other, the oldest first.

Owns a thread: a server that is slow holds up nothing else.
"""

import logging
import threading
from typing import Final, Literal, Protocol

from beltmark.contract.records import PartHealth
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.fleet_http import Answer
from edge_agent.uplink.samples import SampleFolder
from edge_agent.uplink.wording import told

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 1.0
_MAX_PAUSE_S: Final = 60.0


class FleetDoor(Protocol):
    """Where things are sent."""

    def send(self, method: Literal["POST", "PUT"], path: str, body: bytes, media: str) -> Answer:
        """See `FleetHttp.send`."""
        ...


class SampleUploader:
    """Empties a folder of samples into the server.

    Args:
        folder: Where the samples lie.
        door: Where they are sent.
        device: Whose they are.
        backoff: How long to wait after a failure; None: as usual.
    """

    def __init__(
        self, folder: SampleFolder, door: FleetDoor, device: str, backoff: Backoff | None = None
    ) -> None:
        self._folder, self._door = folder, door
        self._path = f"/api/v1/devices/{device}/samples"
        self._backoff = backoff or Backoff(_FIRST_PAUSE_S, _MAX_PAUSE_S)
        self._problem: str | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="sample-upload", daemon=True)
        folder.on_kept = self._wake.set

    @property
    def health(self) -> PartHealth:
        """How samples get away; a station works without it."""
        problem = self._folder.problem or self._problem
        if problem is not None:
            return PartHealth(state="degraded", told=told(problem))
        lost = "; some were dropped for want of room" if self._folder.dropped else ""
        return PartHealth(state="ok", told=f"samples are sent{lost}")

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; what was not sent is sent by the next run."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def send_next(self) -> bool:
        """Sends the oldest sample; returns whether to go on at once."""
        sample = self._folder.oldest()
        if sample is None:
            return False
        try:
            content = sample.path.read_bytes()
        except OSError as error:
            logger.warning("sample %s cannot be read: %s", sample.path.name, error.strerror)
            self._folder.remove(sample)
            return True
        answer = self._door.send("POST", self._path, content, "application/json")
        if answer.fate == "refused":
            logger.warning("sample %s is given up: %s", sample.path.name, answer.told)
        if answer.fate == "later":
            if self._problem is None:
                logger.warning("samples wait: %s", answer.told)
            self._problem = answer.told
            return False
        self._folder.remove(sample)
        self._problem = None
        self._backoff.reset()
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self.send_next():
                    continue
            except Exception:
                # The last resort: a station does not end because its samples cannot be sent.
                logger.exception("samples: unexpected problem")
                self._problem = "unexpected problem, see the log"
            if self._problem is not None:
                self._stopping.wait(self._backoff.next_s())
            else:
                self._wake.wait()
            self._wake.clear()
