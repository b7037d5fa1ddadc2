"""A TCP connection that carries short lines of ASCII text. What they say is left to others."""

import socket

CONNECT_TIMEOUT_S = 1.0
PATIENCE_S = 1.0
"""A peer that does not acknowledge for so long is gone, whatever its connection says."""

_MAX_LINE_BYTES = 256


def connect(host: str, port: int) -> socket.socket:
    """Connects; a peer that vanishes is noticed within seconds, also by who only listens.

    Raises:
        OSError: Nobody answers there.
    """
    connection = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
    for option, value in (
        (socket.TCP_NODELAY, 1),
        (socket.TCP_USER_TIMEOUT, int(1_000 * PATIENCE_S)),
        (socket.TCP_KEEPIDLE, 1),
        (socket.TCP_KEEPINTVL, 1),
        (socket.TCP_KEEPCNT, 2),
    ):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


class LineReader:
    """Puts lines together from what a connection gives."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, connection: socket.socket) -> list[str]:
        """Returns the lines that are whole now, without their ends.

        Raises:
            OSError: The peer hung up, or says a line without end.
        """
        if not (chunk := connection.recv(4_096)):
            raise ConnectionResetError(None, "the relay hung up")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _MAX_LINE_BYTES:
            raise ConnectionAbortedError(None, "the relay says a line without end")
        return [line[:_MAX_LINE_BYTES].decode("ascii", errors="replace").strip() for line in lines]
