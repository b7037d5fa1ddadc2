"""`[warehouse]` of the station file."""

from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import Field

from beltmark.contract.errors import InputError
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


def parse_url(url: str) -> SplitResult:
    """Returns the parts of the address; a password in it is never repeated.

    Raises:
        InputError: It is none.
    """
    mend = "write http://host/path or https://host/path; what it lets in by stands in token_file"
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or parts.fragment:
        raise InputError("is no address of a warehouse system", mend, field="warehouse.url")
    if parts.username is not None:
        raise InputError("holds a user", mend, field="warehouse.url")
    return parts
