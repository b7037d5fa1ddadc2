"""Serves an app beside what else a command does, until that ends."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from beltmark.contract.errors import InputError

_ENDING_S: Final = 5


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Takes a port; who asks before anybody serves there waits.

    Raises:
        InputError: It is taken, or the address is none of this machine's.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind)
    except OSError as error:
        raise InputError(
            f"no address {host!r:.100}: {error.strerror}", "give a host of this machine"
        ) from None
    with taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(address)
            taken.listen(64)
        except OSError as error:
            raise InputError(
                f"cannot listen at {host}:{port}: {error.strerror}",
                "does it run already? else give another port",
            ) from None
        yield taken


@contextmanager
def serving(app: Any, at: socket.socket) -> Iterator[None]:
    """Serves an app on a thread of its own; ends it at the end."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=64,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_ENDING_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([at],), name="backend")
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()
