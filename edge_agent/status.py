"""Writes `status.json` in the data folder: how each part is and since when, every second.

Written beside it and renamed, so that a reader never finds half of it; not synced, for after a
power cut it is worth nothing. What stands in it is the app's.
"""

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

_PERIOD_S = 1.0


class StatusFile:
    """The file and the thread that writes it.

    Args:
        path: The file.
        tell: Gives what is to stand in it.
    """

    def __init__(self, path: Path, tell: Callable[[], Mapping[str, object]]) -> None:
        self._path, self._tell = path, tell
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._fails = False
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def wake(self) -> None:
        """Something changed: writes at once."""
        self._wake.set()

    def stop(self) -> None:
        """Writes a last time."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while True:
            stops = self._stopping.is_set()
            self._write()
            if stops:
                return
            self._wake.wait(_PERIOD_S)
            self._wake.clear()

    def _write(self) -> None:
        temporary = self._path.with_name(f".{self._path.name}.new")
        try:
            temporary.write_text(json.dumps(self._tell(), indent=1) + "\n")
            os.replace(temporary, self._path)
        except OSError as error:
            if not self._fails:
                logger.warning("%s: cannot be written: %s", self._path, error.strerror)
            self._fails = True
        else:
            self._fails = False
