"""Requests to Label Studio whose answers have a form; what the forms are is in `answers`."""

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from beltmark.contract.errors import InputError
from labeling.studio.wire import Wire

_Parsed = TypeVar("_Parsed")


class Asking:
    """What asks one Label Studio. For use from one thread.

    Args:
        address: Its URL, checked.
        token: A personal access token or a legacy one.
        transport: Stands in for the network in tests.
    """

    def __init__(
        self, address: str, token: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._wire = Wire(address, token, transport)

    @property
    def address(self) -> str:
        """Its URL, without a slash at the end."""
        return self._wire.address

    def close(self) -> None:
        """Ends the connection."""
        self._wire.close()

    def _get(
        self, path: str, form: TypeAdapter[_Parsed], params: Mapping[str, Any] | None = None
    ) -> _Parsed:
        return self._parsed(self._wire.checked("GET", path, {"params": params or {}}), form, path)

    def _post(self, path: str, body: object, form: TypeAdapter[_Parsed]) -> _Parsed:
        return self._parsed(self._ask("POST", path, body), form, path)

    def _ask(self, method: str, path: str, body: object) -> bytes:
        return self._wire.checked(method, path, {"json": body})

    def _parsed(self, content: bytes, form: TypeAdapter[_Parsed], path: str) -> _Parsed:
        try:
            return form.validate_json(content)
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise InputError(
                f"an answer that is not understood: {told}",
                "is it Label Studio 1.23?",
                file=self.address + path,
            ) from None
