"""Tells systemd how the agent is: ready, alive, what it does, stopping (sd_notify).

Thin: a datagram to the socket that `NOTIFY_SOCKET` names, and nothing where it names none. Whether
the agent is alive is judged by `Progress`; that it is killed when it is not is left to systemd.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

_FEEDS_PER_LIMIT = 4
_MOST_TOLD = 200
_STATUS_PERIOD_S = 5.0


class Progress:
    """Whether each part has moved since it was last asked. Pure."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def has_moved(self, turns: Mapping[str, int]) -> bool:
        """True if every part has turned since the last time that all had.

        Args:
            turns: How often each part has gone round.
        """
        if any(self._before.get(part) == count for part, count in turns.items()):
            return False
        self._before = dict(turns)
        return True


class NotifySocket:
    """Where the service manager listens.

    Args:
        address: Path of a unix datagram socket; `@` begins an abstract one. None tells nobody.
    """

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address[0] == "@" else address
        self._fails = False

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def send(self, *lines: str) -> None:
        """Sends `NAME=value` lines; never waits, and a failure is told once."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._fails:
                logger.warning("the service manager cannot be told: %s", error)
            self._fails = True
        else:
            self._fails = False


def watchdog_limit_s(environment: Mapping[str, str], process: int) -> float | None:
    """Returns the time within which systemd wants to hear from this process; None for never."""
    if environment.get("WATCHDOG_PID", str(process)) != str(process):
        return None
    told = environment.get("WATCHDOG_USEC", "")
    limit_s = int(told) / 1e6 if told.isascii() and told.isdecimal() else 0.0
    return limit_s or None


class Watchdog:
    """Feeds the watchdog as long as the agent moves, on a thread of its own.

    Args:
        listener: Where to tell.
        limit_s: Time after which systemd ends a service that is silent; None feeds nothing.
        turns: How often each part has gone round; may hang where a part does: nothing is fed then.
        tell: A short line on how the agent is.
    """

    def __init__(
        self,
        listener: NotifySocket,
        limit_s: float | None,
        turns: Callable[[], Mapping[str, int]],
        tell: Callable[[], str],
    ) -> None:
        self._socket, self._turns, self._tell = listener, turns, tell
        self._feeds = limit_s is not None
        self._period_s = _STATUS_PERIOD_S if limit_s is None else limit_s / _FEEDS_PER_LIMIT
        self._progress, self._told = Progress(), ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Says that the agent is ready, and begins to feed."""
        if self._socket.is_heard:
            self._socket.send("READY=1")
            self._thread.start()

    def stopping(self) -> None:
        """Says that the agent ends; it is fed no more, for ending must not hang either."""
        self._stopping.set()
        self._socket.send("STOPPING=1")

    def _run(self) -> None:
        while not self._stopping.wait(self._period_s):
            lines = (
                ["WATCHDOG=1"] if self._feeds and self._progress.has_moved(self._turns()) else []
            )
            told = " ".join(self._tell().split())[:_MOST_TOLD]
            if told != self._told:
                lines.append(f"STATUS={told}")
                self._told = told
            if lines:
                self._socket.send(*lines)


def open_watchdog(
    turns: Callable[[], Mapping[str, int]],
    tell: Callable[[], str],
    environment: Mapping[str, str] = os.environ,
) -> Watchdog:
    """Returns the watchdog that the service manager asks for; see `Watchdog`."""
    listener = NotifySocket(environment.get("NOTIFY_SOCKET"))
    return Watchdog(listener, watchdog_limit_s(environment, os.getpid()), turns, tell)
