"""Answers with a file, or a part of it; a file that is not there is a problem like any other."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import HTTPException
from fastapi.responses import FileResponse

_JSON: Final = "application/json"


def stored_file(
    path: Path, media_type: str, missing: str, headers: Mapping[str, str] | None = None
) -> FileResponse:
    """A file as an answer; a Range in the request is heeded.

    Args:
        path: The file; its name was checked.
        media_type: What it is, whatever is in it.
        missing: What is told when it is not there.
        headers: More headers.

    Raises:
        HTTPException: 404.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise HTTPException(404, missing) from None
    if not stat.S_ISREG(status.st_mode):
        raise HTTPException(404, missing)
    return FileResponse(path, media_type=media_type, headers=headers, stat_result=status)


def file_responses(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """What a route's description says about a file as an answer."""
    bytes_, document = {"type": "string", "format": "binary"}, {"type": "object"}
    whole = {one: {"schema": document if one == _JSON else bytes_} for one in media_types}
    part = {one: {"schema": bytes_} for one in media_types}
    refused = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    return {
        200: {"content": whole},
        206: {"description": "The part that was asked for", "content": part},
        400: {"description": "The Range cannot be read", **refused},
        416: {"description": "There is no such part", **refused},
    }
