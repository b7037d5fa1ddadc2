"""Starts the demo's processes and ends them; what they are for is left to the modules beside it."""

import contextlib
import errno
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

STOP_TIMEOUT_S = 15.0
_PORTS = range(20_000, 30_000)


def start(
    module: str, *arguments: str, stdout: int | None = None, stderr: int | None = None
) -> subprocess.Popen[str]:
    """Starts a module of Beltmark's as a process.

    In a session of its own: Ctrl-C reaches the demo alone, which then ends the others in order.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=stdout,
        stderr=stderr,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def run(module: str, *arguments: str, timeout_s: float = 60.0) -> str:
    """Runs a command to its end; returns what it printed.

    Raises:
        subprocess.CalledProcessError: It failed; it has said why on standard error.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=timeout_s,
        start_new_session=True,
    )
    return done.stdout


def end(*processes: "subprocess.Popen[str] | None") -> None:
    """Asks all of them to end, at once, and waits; one that does not is killed."""
    running = [process for process in processes if process is not None and process.poll() is None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Returns a TCP port of this machine that nobody listens on.

    Not one of those that systems give to whoever connects somewhere: on a busy machine such a port
    is soon taken.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(errno.EADDRINUSE, "no port is free")


class LineListener:
    """Reads a process's output on a thread of its own, so that it can never block on it.

    Args:
        process: Started with its output in a pipe.
        heed: Called with each line, on that thread.

    Attributes:
        is_spoken: Set when the first line has come, or the output has ended.
    """

    def __init__(
        self, process: "subprocess.Popen[str]", heed: Callable[[str], None] = lambda _: None
    ) -> None:
        assert process.stdout is not None
        self._stream, self._heed = process.stdout, heed
        self.is_spoken = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Waits until all that an ended process has said is heeded."""
        self._thread.join(STOP_TIMEOUT_S)

    def _listen(self) -> None:
        for line in self._stream:
            self._heed(line.rstrip("\n"))
            self.is_spoken.set()
        self.is_spoken.set()
