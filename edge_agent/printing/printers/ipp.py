"""Words a request to a print queue in IPP, and reads the answer (RFC 8010). Which one is sent when,
and what it means for a label, is `cups`'s.

Five plain requests over HTTP: the library that there is brings an event loop and an HTTP client.
"""

import http.client
import itertools
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

MAX_ANSWER_BYTES = 1_048_576

_VERSION = b"\x02\x00"
_OPERATION_GROUP, _END = b"\x01", b"\x03"
_LAST_DELIMITER = 0x0F
_INTEGER, _BOOLEAN, _ENUM = 0x21, 0x22, 0x23
_HEADER_BYTES = 8
_TAGS = {
    "attributes-charset": 0x47,
    "attributes-natural-language": 0x48,
    "printer-uri": 0x45,
    "job-id": _INTEGER,
    "limit": _INTEGER,
    "which-jobs": 0x44,
    "my-jobs": _BOOLEAN,
    "requesting-user-name": 0x42,
    "job-name": 0x42,
    "document-format": 0x49,
    "requested-attributes": 0x44,
}


class Operation(IntEnum):
    """What a queue is asked for."""

    PRINT_JOB = 0x0002
    CANCEL_JOB = 0x0008
    GET_JOB_ATTRIBUTES = 0x0009
    GET_JOBS = 0x000A
    GET_PRINTER_ATTRIBUTES = 0x000B


Value = str | int | bool
Attributes = Mapping[str, tuple[Value, ...]]


class IppError(Exception):
    """The answer is none, or none that can be read."""


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        status: Below 0x100 it was done.
        attributes: All that it tells, of whatever group.
    """

    status: int
    attributes: Attributes

    @property
    def is_done(self) -> bool:
        """Whether what was asked for was done."""
        return self.status < 0x100

    def text(self, name: str) -> str:
        """The values of an attribute, or nothing."""
        return ", ".join(str(value) for value in self.attributes.get(name, ()))

    def number(self, name: str) -> int | None:
        """An attribute that is a number; None where it is not told."""
        value = next(iter(self.attributes.get(name, ())), None)
        return value if isinstance(value, int) else None


class IppQueue:
    """One queue of a server.

    Args:
        host: The server.
        port: Its port.
        path: Path of the queue there.
        timeout_s: How long one answer may take.
    """

    def __init__(self, host: str, port: int, path: str, timeout_s: float) -> None:
        self._host, self._port, self._path, self._timeout_s = host, port, path, timeout_s
        self._numbers = itertools.count(1)

    @property
    def uri(self) -> str:
        """Where it is."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ipp://{host}:{self._port}{self._path}"

    def ask(self, operation: Operation, attributes: Attributes, data: bytes = b"") -> Reply:
        """Sends a request and reads the answer.

        Raises:
            OSError: There is no connection, or it broke.
            IppError: What came is no answer.
        """
        request = encode(operation, next(self._numbers), {**_begin(self.uri), **attributes})
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request(
                "POST", self._path, request + data, {"Content-Type": "application/ipp"}
            )
            answer = connection.getresponse()
            received = answer.read(MAX_ANSWER_BYTES)
        except http.client.HTTPException as error:
            raise IppError(f"no answer in HTTP: {error}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise IppError(f"HTTP {answer.status} {answer.reason}")
        return decode(received)


def _begin(uri: str) -> dict[str, tuple[Value, ...]]:
    """What every request begins with, in this order."""
    return {
        "attributes-charset": ("utf-8",),
        "attributes-natural-language": ("en",),
        "printer-uri": (uri,),
    }


def encode(operation: Operation, number: int, attributes: Attributes) -> bytes:
    """Words a request; a document follows it as it is."""
    words = [_VERSION, struct.pack(">HI", operation, number), _OPERATION_GROUP]
    for name, values in attributes.items():
        for index, value in enumerate(values):
            key = name.encode("ascii") if index == 0 else b""
            told = _worded(value)
            words.append(struct.pack(">BH", _TAGS[name], len(key)) + key)
            words.append(struct.pack(">H", len(told)) + told)
    return b"".join((*words, _END))


def _worded(value: Value) -> bytes:
    if isinstance(value, bool):
        return struct.pack(">?", value)
    return struct.pack(">i", value) if isinstance(value, int) else value.encode()


def decode(received: bytes) -> Reply:
    """Reads an answer; raises IppError for what is none."""
    if len(received) < _HEADER_BYTES:
        raise IppError("the answer is cut off")
    found: dict[str, tuple[Value, ...]] = {}
    latest = ""
    for name, value in _attributes(received[_HEADER_BYTES:]):
        latest = name or latest
        found[latest] = (*found.get(latest, ()), value)
    (status,) = struct.unpack_from(">H", received, 2)
    return Reply(status, found)


def _attributes(body: bytes) -> Iterator[tuple[str, Value]]:
    at = 0
    try:
        while (tag := body[at]) != _END[0]:
            at += 1
            if tag <= _LAST_DELIMITER:
                continue
            name, at = _counted(body, at)
            told, at = _counted(body, at)
            yield name.decode("ascii", "replace"), _value(tag, told)
    except (IndexError, struct.error):
        raise IppError("the answer is cut off") from None


def _counted(body: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">H", body, at)
    end = at + 2 + length
    if end > len(body):
        raise IndexError(end)
    return body[at + 2 : end], end


def _value(tag: int, told: bytes) -> Value:
    if tag in (_INTEGER, _ENUM):
        return int(struct.unpack(">i", told)[0])
    if tag == _BOOLEAN:
        return told != b"\x00"
    return told.decode("utf-8", "replace")
