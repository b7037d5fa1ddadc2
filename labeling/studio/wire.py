"""HTTP to one Label Studio: signed requests, bounded answers, failures as one line with a mend.

The token goes to that server and to no other: redirects are not followed. What is asked, and what
answers mean, is left to `client`.
"""

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from beltmark.contract.errors import InputError
from labeling.studio.port import StudioAway
from labeling.studio.tokens import is_personal

MAX_ANSWER_BYTES: Final = 256 * 1024 * 1024
_SILENCE_S: Final = 120.0
"""So long may the server say nothing: it answers to an import when all of it is stored."""
_PAUSES_S: Final = (0.2, 1.0)
_WHOLE_S: Final = 600.0
_NEW_TOKEN: Final = (
    "make a new one in Label Studio (Account & Settings, Personal Access Token) and "
    "`beltmark-label connect` again"
)


class _Access(BaseModel):
    model_config = ConfigDict(extra="ignore")

    access: str


class Wire:
    """Sends requests to one server.

    Args:
        address: Its URL, checked.
        token: A personal access token or a legacy one.
        transport: Stands in for the network in tests.
    """

    def __init__(
        self, address: str, token: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._authorization: str | None = None if is_personal(token) else f"Token {token}"
        is_here = urlsplit(address).hostname in ("127.0.0.1", "::1", "localhost")
        self._http = httpx.Client(
            timeout=httpx.Timeout(_SILENCE_S, connect=10.0),
            follow_redirects=False,
            trust_env=not is_here,  # a proxy of the network doesn't lead to this machine
            transport=transport,
        )

    def close(self) -> None:
        """Ends the connection."""
        self._http.close()

    def checked(self, method: str, path: str, request: Mapping[str, Any]) -> bytes:
        """Sends a signed request; returns what came with its success. Reads are tried again.

        Args:
            method: Such as `GET`.
            path: On the server.
            request: More arguments of httpx: `json`, `params` or `files`.

        Raises:
            InputError: Not reached, refused, or too much.
        """
        status, content = self.signed(method, path, request)
        for pause_s in _PAUSES_S:
            if method != "GET" or status != HTTPStatus.INTERNAL_SERVER_ERROR:
                break
            # A list of tasks fails there if somebody takes one of them away meanwhile.
            time.sleep(pause_s)
            status, content = self.signed(method, path, request)
        self.check(status, content, path)
        return content

    def signed(
        self, method: str, path: str, request: Mapping[str, Any], limit: int = MAX_ANSWER_BYTES
    ) -> tuple[int, bytes]:
        """Sends a request with what the token bought; buys anew where that has run out."""
        if self._authorization is None:
            self._buy_access()
        status, content = self.send(method, path, request, self._signed(), limit)
        if status == HTTPStatus.UNAUTHORIZED and is_personal(self._token):
            self._buy_access()
            status, content = self.send(method, path, request, self._signed(), limit)
        return status, content

    def _signed(self) -> dict[str, str]:
        return {"Authorization": self._authorization or ""}

    def _buy_access(self) -> None:
        path = "/api/token/refresh/"
        status, content = self.send("POST", path, {"json": {"refresh": self._token}}, {})
        if status == HTTPStatus.NOT_FOUND:
            raise InputError(
                "has no personal access tokens", "give a legacy token", file=self.address
            )
        self.check(status, content, path)
        self._authorization = f"Bearer {_access(content, self.address)}"

    def send(
        self,
        method: str,
        path: str,
        request: Mapping[str, Any],
        headers: Mapping[str, str],
        limit: int = MAX_ANSWER_BYTES,
    ) -> tuple[int, bytes]:
        """Sends a request; returns status and content, of bounded size and in bounded time."""
        url = self.address + path
        ends_at = time.monotonic() + _WHOLE_S
        try:
            with self._http.stream(method, url, headers=dict(headers), **request) as response:
                content = bytearray()
                for part in response.iter_bytes():
                    content += part
                    if len(content) > limit:
                        raise InputError(
                            f"sent more than {limit} bytes", "is it the right server?", file=url
                        )
                    if time.monotonic() > ends_at:
                        raise InputError(f"took longer than {_WHOLE_S:g} s", "try again", file=url)
                return response.status_code, bytes(content)
        except httpx.ConnectError as error:
            raise StudioAway(
                f"cannot be reached: {one_line(error)}",
                "check the address; does it run? (`beltmark-label studio up`)",
                file=self.address,
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise StudioAway(
                f"broke off: {one_line(error) or type(error).__name__}",
                "run the command again: it goes on where it stopped",
                file=url,
            ) from None

    def check(self, status: int, content: bytes, path: str) -> None:
        """Raises the `InputError` of a status that is no success."""
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        told = _reason(content)
        match status:
            case HTTPStatus.UNAUTHORIZED:
                raise InputError(f"does not take the token: {told}", _NEW_TOKEN, file=self.address)
            case HTTPStatus.FORBIDDEN:
                problem, mend = f"is not allowed: {told}", "sign in as somebody who may"
            case HTTPStatus.NOT_FOUND:
                problem, mend = "is not there", "was it deleted? is this Label Studio 1.23?"
            case _ if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
                problem, mend = f"answered {status}", "give the address that the server itself has"
            case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                problem, mend = f"was refused ({status}): {told}", "correct it and try again"
            case _:
                raise StudioAway(
                    f"failed there ({status}): {told}", "see the server's log",
                    file=self.address + path,
                )  # fmt: skip
        raise InputError(problem, mend, file=self.address + path)


def one_line(told: object) -> str:
    """What another program says goes to a terminal: printable, and not without end."""
    text = "".join(c if c.isprintable() else " " for c in str(told)[:2_000])
    return " ".join(text.split())[:400]


def _reason(content: bytes) -> str:
    """Returns what an answer says is wrong."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return "no reason told"
    if isinstance(told, dict):
        told = told.get("validation_errors") or told.get("detail") or told
    return one_line(told)


def _access(content: bytes, address: str) -> str:
    try:
        return _Access.model_validate_json(content).access
    except ValidationError:
        raise InputError(
            "gave no access for the token", "is it Label Studio?", file=address
        ) from None
