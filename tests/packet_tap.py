"""Sits between a server and its broker, and counts what is delivered and what is acknowledged."""

import socket
import threading
from types import TracebackType
from typing import Self

_PUBLISH, _PUBACK = 0x30, 0x40


class PacketTap:
    """Passes MQTT on, and counts packets. One connection after the other.

    Args:
        port: The broker's, on loopback.

    Attributes:
        delivered: Messages of quality 1 that the broker has delivered to the server.
        acknowledged: Acknowledgements that the server has sent.
    """

    def __init__(self, port: int) -> None:
        self.delivered = self.acknowledged = 0
        self._broker_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """What the server is to be given."""
        return f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in (self._listener, *self._sockets):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                server, _ = self._listener.accept()
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                return
            self._sockets += [server, broker]
            for source, target in ((server, broker), (broker, server)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with source.makefile("rb") as stream:
            try:
                while header := stream.read(1):
                    length, encoded = 0, b""
                    while not encoded or encoded[-1] & 0x80:
                        encoded += stream.read(1)
                        length |= (encoded[-1] & 0x7F) << 7 * (len(encoded) - 1)
                    body = stream.read(length)
                    kind, quality = header[0] & 0xF0, header[0] >> 1 & 3
                    is_from_broker = source.getpeername()[1] == self._broker_port
                    if is_from_broker and kind == _PUBLISH and quality == 1:
                        self.delivered += 1
                    if not is_from_broker and kind == _PUBACK:
                        self.acknowledged += 1
                    target.sendall(header + encoded + body)
            except (OSError, IndexError):
                pass
        for one in (source, target):
            one.close()
