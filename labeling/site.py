"""The site's fleet server as the labeling part sees it: its samples, asked for over HTTP.

The token goes to that server and to no other: redirects are not followed. Where samples are put is
left to `site_samples`.
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import TypeAdapter, ValidationError

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.contract.package import Sha256
from beltmark.contract.records import ItemMessage
from beltmark.contract.sample import MAX_UPLOAD_BYTES, Sample
from beltmark.contract.terms import DeviceName
from beltmark.contract.wire import Message

MAX_LIST_BYTES: Final = 64 * 1024 * 1024
_MAX_TOKEN_BYTES: Final = 4096
_SILENCE_S: Final = 30.0
"""So long may the server say nothing."""
_WHOLE_S: Final = 300.0
"""So long may an answer take, however it drips."""


class ListedSample(Message):
    """A sample as the server lists it.

    Attributes:
        device: The device that sent it.
        sha256: Digest of its JPEG.
        sample: What is known of it.
    """

    device: DeviceName
    sha256: Sha256
    sample: Sample


class ListedItem(Message):
    """An item as the server lists it."""

    item: ItemMessage

    @property
    def is_corrected(self) -> bool:
        """Whether a person said that it is something else than the station did."""
        return self.item.rule == _BY_HAND or self.item.label_state == "voided"


_BY_HAND: Final = "by_hand"
"""The rule that decided, where a person did."""
_LIST: Final = TypeAdapter(list[ListedSample])
_ITEMS: Final = TypeAdapter(list[ListedItem])
_LISTED_ITEMS: Final = 1_000
_Parsed = TypeVar("_Parsed")


class SampleGone(Exception):  # noqa: N818 - what happened to it
    """The server lists a sample, but doesn't have its image."""


def read_token(path: Path) -> str:
    """Reads the admin token from a file of one line.

    Raises:
        InputError: Unreadable, or not a token.
    """
    content = read_bytes(path, limit=_MAX_TOKEN_BYTES).strip()
    if not content or any(not 33 <= byte <= 126 for byte in content):
        raise InputError(
            "holds no token", "put the token that `beltmark-fleet init` told into it", file=path
        )
    return content.decode("ascii")


class Site:
    """A fleet server.

    Args:
        address: Its URL, such as `https://fleet.example`.
        token: The admin token.

    Raises:
        InputError: The address is none.
    """

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        try:
            has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:  # the port is no number, or too large for one
            has_host = False
        is_bare = not (parts.query or parts.fragment or "@" in parts.netloc)
        if parts.scheme not in ("http", "https") or not has_host or not is_bare:
            raise InputError(
                f"{address!r:.200} is no address of a fleet server",
                "give one such as https://fleet.example or http://127.0.0.1:8080",
            )
        self._address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "*/*"}
        self._opener = urllib.request.build_opener(_NoRedirects)

    def samples(self, limit: int) -> list[ListedSample]:
        """Returns the newest samples.

        Raises:
            InputError: The server can't be reached, refuses, or answers with something else.
        """
        return self._listed(f"{self._address}/api/v1/samples?limit={limit}", _LIST)

    def corrected(self, device: str) -> frozenset[str]:
        """Returns which of a device's latest items a person corrected.

        Raises:
            InputError: As `samples`.
        """
        path = f"/api/v1/devices/{quote(device, safe='')}/items?limit={_LISTED_ITEMS}"
        items = self._listed(self._address + path, _ITEMS)
        return frozenset(each.item.item_id for each in items if each.is_corrected)

    def image(self, device: str, sample_id: str) -> bytes:
        """Returns the JPEG of a sample.

        Raises:
            SampleGone: The server has none.
            InputError: The server can't be reached, or refuses.
        """
        path = f"{quote(device, safe='')}/{quote(sample_id, safe='')}/image"
        return self._get(f"{self._address}/api/v1/samples/{path}", MAX_UPLOAD_BYTES)

    def _listed(self, url: str, form: TypeAdapter[_Parsed]) -> _Parsed:
        try:
            return form.validate_python(json.loads(self._get(url, MAX_LIST_BYTES)))
        except SampleGone:
            raise InputError(
                "no fleet server, or one of another version", "check the address", file=url
            ) from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or None
            raise InputError(
                f"{first['msg']}", "is it a fleet server of this version?", file=url, field=field
            ) from None
        except (ValueError, RecursionError):
            raise InputError("not JSON", "is it a fleet server?", file=url) from None

    def _get(self, url: str, limit: int) -> bytes:
        request = urllib.request.Request(url, headers=self._headers)
        try:
            with self._opener.open(request, timeout=_SILENCE_S) as response:
                return _read(response, limit, url)
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error, url) from None
        except urllib.error.URLError as error:
            reason = _one_line(error.reason)
            raise InputError(
                f"cannot be reached: {reason}", "check the address; does it run?", file=url
            ) from None
        except (http.client.HTTPException, OSError) as error:
            told = _one_line(error) or type(error).__name__
            raise InputError(f"broke off: {told}", "try again", file=url) from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Turns a redirect into an error: urllib would take the token along to wherever it leads."""

    def redirect_request(self, *_: object) -> None:
        """Follows none."""


def _read(response: http.client.HTTPResponse, limit: int, url: str) -> bytes:
    """Reads an answer of bounded size in bounded time."""
    ends_at = time.monotonic() + _WHOLE_S
    whole = response.length  # None where the answer comes in chunks
    content = bytearray()
    while whole is None or len(content) < whole:
        part = response.read1(64 * 1024)
        if not part:
            break
        content += part
        if len(content) > limit:
            raise InputError(f"sent more than {limit} bytes", "ask for less at once", file=url)
        if time.monotonic() > ends_at:
            raise InputError(f"took longer than {_WHOLE_S:g} s", "try again", file=url)
    if whole is not None and len(content) < whole:
        raise http.client.IncompleteRead(bytes(content), whole - len(content))
    return bytes(content)


def _refused(error: urllib.error.HTTPError, url: str) -> Exception:
    if error.code in (404, 410):
        return SampleGone(url)
    if error.code in (401, 403):
        mend = "give the admin token of this site with --token-file"
    elif 300 <= error.code < 400:
        mend = "give the address that the server has"
    else:
        mend = "see the server's log"
    return InputError(f"answered {error.code} {_one_line(error.reason)}", mend, file=url)


def _one_line(told: object) -> str:
    """What another server says goes to a terminal: printable, and not without end."""
    text = "".join(c if c.isprintable() else " " for c in str(told)[:1_000])
    return " ".join(text.split())[:200]
