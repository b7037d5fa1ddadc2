"""A camera on the network: MJPEG over HTTP, each picture with the time of its exposure.

Paths: `/stream.mjpg` (endless multipart) and `/snapshot.jpg` (the latest picture). A slow
viewer skips pictures; it never holds the camera up.
"""

import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

logger = logging.getLogger(__name__)

BOUNDARY = "beltmark-frame"
MAX_VIEWERS = 8
VIEWER_TIMEOUT_S = 5.0


class LatestFrame:
    """The newest picture, for any number of threads that wait for the next."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number = 0
        self._jpeg = b""
        self._at_s = 0.0
        self._closed = False

    def publish(self, jpeg: bytes, at_s: float) -> None:
        """Put a new picture in the place of the last."""
        with self._changed:
            self._number += 1
            self._jpeg, self._at_s = jpeg, at_s
            self._changed.notify_all()

    def close(self) -> None:
        """Wake all who wait; there will be no further picture."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def after(self, number: int, timeout_s: float) -> tuple[int, bytes, float] | None:
        """Wait for a picture newer than `number`; gives (number, JPEG, time), None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._number > number, timeout_s)
            if self._closed or self._number <= number:
                return None
            return self._number, self._jpeg, self._at_s


class MjpegServer:
    """Serves one camera.

    Args:
        port: TCP port on `host`; 0 takes a free one.
        host: Address to listen on.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.latest = LatestFrame()
        self._server = _Server((host, port), _Handler)
        self._server.latest = self.latest
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="camera-http", daemon=True
        )

    @property
    def address(self) -> str:
        """Where the stream is."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/stream.mjpg"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End all streams and close the port."""
        self.latest.close()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Streams end by `LatestFrame.close`; a stalled viewer must not hold the end up.
    block_on_close = False
    latest: LatestFrame

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.viewers = threading.BoundedSemaphore(MAX_VIEWERS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("viewer %s went away", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = VIEWER_TIMEOUT_S

    def do_GET(self) -> None:
        if self.path not in ("/stream.mjpg", "/snapshot.jpg"):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        if not self.server.viewers.acquire(blocking=False):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers")
            return
        try:
            self._stream() if self.path == "/stream.mjpg" else self._snapshot()
        except (OSError, TimeoutError):
            logger.debug("viewer %s went away", self.client_address)
        finally:
            self.server.viewers.release()

    def _snapshot(self) -> None:
        found = self.server.latest.after(0, VIEWER_TIMEOUT_S)
        if found is None:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "no picture yet")
            return
        _, jpeg, at_s = found
        self.send_response(HTTPStatus.OK)
        self._picture_headers(jpeg, at_s)
        self.wfile.write(jpeg)

    def _stream(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        number = 0
        while found := self.server.latest.after(number, VIEWER_TIMEOUT_S):
            number, jpeg, at_s = found
            self.wfile.write(f"--{BOUNDARY}\r\n".encode("ascii"))
            self._picture_headers(jpeg, at_s)
            self.wfile.write(jpeg + b"\r\n")
        self.wfile.write(f"--{BOUNDARY}--\r\n".encode("ascii"))
        self.close_connection = True

    def _picture_headers(self, jpeg: bytes, at_s: float) -> None:
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(jpeg)))
        self.send_header("X-Timestamp", f"{at_s:.6f}")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug("viewer %s: %s", self.client_address, format % args)
