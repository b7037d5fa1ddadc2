"""Turns messages into bytes and back; what does not fit is told as a reason, never as a traceback.

Neighbouring versions understand each other: a message says which contract version it was written
under, unknown fields are passed over, and fields that are newer than the message have defaults. A
field never changes its meaning. What is more than one version away is refused by name.
"""

import json
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

CONTRACT_VERSION: Final = 2
OLDEST_VERSION: Final = CONTRACT_VERSION - 1
NEWEST_VERSION: Final = CONTRACT_VERSION + 1

MAX_MESSAGE_BYTES: Final = 256 * 1024

ContractVersion = Annotated[int, Field(ge=1, le=1_000_000)]


class MalformedMessage(Exception):  # noqa: N818 - it is the other side's mistake
    """A payload that cannot be used; its text says why in a few words."""


class Message(BaseModel):
    """Base of what is sent: frozen, tolerant of fields that a neighbour version added.

    Attributes:
        version: Contract version under which it was written.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    version: ContractVersion = CONTRACT_VERSION


MessageT = TypeVar("MessageT", bound=Message)


def encode(message: Message) -> bytes:
    """Returns a message as compact JSON in UTF-8."""
    return message.model_dump_json(exclude_none=True).encode()


def decode(payload: bytes, model: type[MessageT], limit: int = MAX_MESSAGE_BYTES) -> MessageT:
    """Reads a message.

    Raises:
        MalformedMessage: Too large, no JSON, of a version too far away, or a field does not fit.
    """
    if len(payload) > limit:
        raise MalformedMessage(f"{len(payload)} bytes, more than {limit}")
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        raise MalformedMessage("not valid JSON") from None
    if not isinstance(data, dict):
        raise MalformedMessage("not a JSON object")
    version = data.get("version")
    if isinstance(version, int) and not OLDEST_VERSION <= version <= NEWEST_VERSION:
        raise MalformedMessage(
            f"contract version {version}; known here: {OLDEST_VERSION} to {NEWEST_VERSION}"
        )
    try:
        is_storable = _is_storable(data)
    except RecursionError:
        raise MalformedMessage("nested too deep") from None
    if not is_storable:
        raise MalformedMessage("a text holds the character NUL or half a character")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "message"
        raise MalformedMessage(f"{field}: {first['msg']}"[:200]) from None


def _is_storable(value: object) -> bool:
    """Whether every text in it can be stored: no database takes NUL, nor a lone surrogate."""
    if isinstance(value, str):
        return "\0" not in value and _is_utf8(value)
    if isinstance(value, dict):
        return all(_is_storable(key) and _is_storable(item) for key, item in value.items())
    return all(map(_is_storable, value)) if isinstance(value, list) else True


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
