"""Reads plain forms, and leads on to a page when they are done."""

from typing import Final
from urllib.parse import parse_qs

from fastapi import Response
from fastapi.responses import RedirectResponse

from beltmark.contract.errors import InputError

_MOST_FIELDS: Final = 10


def see(path: str) -> Response:
    """Leads on to a page."""
    return RedirectResponse(path, 303)


def field(form: bytes, name: str) -> str:
    """A field of a form.

    Raises:
        InputError: It is missing.
    """
    try:
        fields = parse_qs(form.decode("ascii", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        fields = {}
    if name not in fields:
        raise InputError(f"the form names no {name}", "choose one", field=name)
    return fields[name][0]
