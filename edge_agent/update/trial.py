"""Starts the acceptance of a release as a process of its own, and ends it when its time is up."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from beltmark.contract.bundle import Requirements
from edge_agent.update.errors import Dropped, ReleaseRefused

_COMMAND = (sys.executable, "-m", "edge_agent.update.acceptance")
_LOOK_PERIOD_S = 0.2
_LONGEST_REASON = 500


class Trial:
    """Tries releases on this device.

    Args:
        threads: Threads that share one inference.
        dpmm: The printer's dots per millimetre.
        limit_s: How long it may take.
        command: What is started, before its arguments.
    """

    def __init__(
        self,
        threads: int,
        dpmm: int,
        limit_s: float = 120.0,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        self._threads, self._dpmm = threads, dpmm
        self._limit_s, self._command = limit_s, tuple(command)

    def accept(self, folder: Path, requires: Requirements, is_wanted: Callable[[], bool]) -> str:
        """Tries a release; returns what was found out.

        Raises:
            ReleaseRefused: It is not to run on this device.
            Dropped: It is not wanted any more.
        """
        with subprocess.Popen(
            [*self._command, *self._arguments(folder, requires)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Its own group, to be killed whole. Not a session: Linux then shares the processor out
            # between sessions, whatever their niceness (sched(7), autogroup).
            process_group=0,
        ) as process:
            try:
                out, err = self._wait(process, is_wanted)
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
        return _verdict(process.returncode, out, err)

    def _arguments(self, folder: Path, requires: Requirements) -> list[str]:
        arguments = [str(folder), "--threads", str(self._threads), "--dpmm", str(self._dpmm)]
        arguments += ["--seconds", str(self._limit_s + 5)]
        if requires.max_latency_ms is not None:
            arguments += ["--max-latency-ms", str(requires.max_latency_ms)]
        for machine in requires.machines:
            arguments += ["--machine", machine]
        return arguments

    def _wait(
        self, process: "subprocess.Popen[bytes]", is_wanted: Callable[[], bool]
    ) -> tuple[bytes, bytes]:
        end = time.monotonic() + self._limit_s
        while time.monotonic() < end:
            try:
                return process.communicate(timeout=_LOOK_PERIOD_S)
            except subprocess.TimeoutExpired:
                if not is_wanted():
                    raise Dropped from None
        raise ReleaseRefused(f"trying it took longer than {self._limit_s:g} s")


def _verdict(code: int, out: bytes, err: bytes) -> str:
    """Reads what the process left behind."""
    try:
        told = json.loads(out.splitlines()[-1])
        is_accepted, reason = bool(told["is_accepted"]), str(told["reason"])
    except (IndexError, ValueError, KeyError, TypeError):
        is_accepted, reason = False, _ended(code, err)
    if code != 0 and is_accepted:
        is_accepted, reason = False, _ended(code, err)
    if not is_accepted:
        raise ReleaseRefused(reason)
    return reason


def _ended(code: int, err: bytes) -> str:
    lines = err.decode(errors="replace").strip().splitlines()
    last = f": {lines[-1][:_LONGEST_REASON]}" if lines else ""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"trying it crashed with {signal.Signals(-code).name}{last}"
    return f"trying it ended with exit code {code} and no verdict{last}"
