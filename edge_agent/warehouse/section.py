"""`[warehouse]` of the station file."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from edge_agent.section import Seconds, Section


class WarehouseSection(Section):
    """`[warehouse]`; without it, results are posted to nobody.

    Attributes:
        url: Where results are posted: http://host/path or https://host/path.
        token_file: File with what the warehouse system lets the station in by; None for nothing.
        answer_timeout_s: How long it may say nothing.
    """

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    token_file: Path | None = None
    answer_timeout_s: Seconds = 20.0

    @field_validator("url")
    @classmethod
    def _is_one(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("is no address: write http://host/path or https://host/path")
        if parts.username is not None:
            raise ValueError("holds a user: put a token into a file (token_file)")
        if parts.fragment:
            raise ValueError("ends with a fragment")
        return value
