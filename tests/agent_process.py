"""The agent in a process of its own, as whole-agent tests start, ask, end and kill it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import PATIENCE_S, until

from beltmark.contract.records import ItemMessage
from edge_agent.printing.reading import read_items


class AgentProcess:
    """One station's agent; it can be killed and started again.

    Args:
        station: Its station file; its data folder is `data` beside it.
    """

    def __init__(self, station: Path) -> None:
        self.station, self.data = station, station.parent / "data"
        self.log = station.parent / "agent.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; returns when its belt may run."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent.cli", "run", str(self.station), "--quiet"],
                stderr=log,
            )
        process = self._process
        until(lambda: process.poll() is not None or self._may_run(), "a run permit")
        assert process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Ends it as a service is ended."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(timeout=PATIENCE_S) == 0, self.log.read_text()
        self._process = None

    def status(self) -> dict[str, Any]:
        """Its latest status; an empty one before the first."""
        try:
            return dict(json.loads((self.data / "status.json").read_text()))
        except FileNotFoundError:
            return {}

    def until_update(self, state: str, release: str, *, running: str) -> None:
        """Waits until its status says so of its update, and of the release that runs."""

        def is_told() -> bool:
            status = self.status()
            update = status["update"]
            told = update["state"], update["release"], status["release"]
            return told == (state, release, running)

        until(is_told, f"{release} {state} while {running} runs")

    def items(self) -> list[ItemMessage]:
        return read_items(self.data / "journal.sqlite")

    def _may_run(self) -> bool:
        status = self.status()
        process = self._process
        return process is not None and status.get("process") == process.pid and status["may_run"]


@contextmanager
def agent_of(station: Path) -> Iterator[AgentProcess]:
    """An agent that is not started yet, and ends with the test."""
    agent = AgentProcess(station)
    try:
        yield agent
    finally:
        agent.kill()
