"""What went wrong, for whoever asked: a problem document (RFC 9457), or a page for who looks.

Here is decided which error has which status; what the errors mean is theirs.
"""

import errno
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from beltmark.contract.errors import InputError
from beltmark.contract.wire import MalformedMessage
from fleet_server.api.plain_page import plain_page
from fleet_server.handlers.rollout import UnknownDevice
from fleet_server.storage.engine import StorageUnavailable, Unstorable

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_ERROR: Final = '<p>{detail}</p>\n<p><a class="button" href="/">To the stations</a></p>'
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# In the words of SQLite, PostgreSQL and the operating system.
_FULL_WORDS: Final = ("disk is full", "no space left", "quota exceeded")


class Problem(BaseModel):
    """A problem document.

    Attributes:
        title: What kind of problem it is.
        status: The HTTP status.
        detail: What is wrong, and what mends it.
    """

    title: str
    status: int
    detail: str


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem document as an answer."""
    problem = Problem(title=_title(status), status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, headers, MEDIA_TYPE)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route's description says about the problems that it may answer with."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        status: {"description": _title(status), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def add_problem_handlers(app: FastAPI) -> None:
    """Turns every error that a route lets through into an answer."""
    app.add_exception_handler(HTTPException, _told_by_http)
    app.add_exception_handler(RequestValidationError, _told_by_validation)
    app.add_exception_handler(InputError, _told_by_input)
    app.add_exception_handler(MalformedMessage, _told_by_input)
    app.add_exception_handler(StorageUnavailable, _told_by_storage)
    app.add_exception_handler(Unstorable, _told_by_input)
    app.add_exception_handler(OSError, _told_by_disk)
    app.add_exception_handler(Exception, _told_by_nobody)


def _told_by_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(request, error.status_code, str(error.detail), error.headers)


def _told_by_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return _answer(request, 422, f"{field}: {first['msg']}")


def _told_by_input(request: Request, error: Exception) -> Response:
    return _answer(request, 404 if isinstance(error, UnknownDevice) else 422, str(error))


def _told_by_storage(request: Request, error: Exception) -> Response:
    if any(words in str(error).lower() for words in _FULL_WORDS):
        return _answer(request, 507, f"the database's disk is full: {error}")
    return _answer(request, 503, f"the database does not work at the moment: {error}")


def _told_by_disk(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in _FULL:
        return _answer(request, 507, f"the server's disk is full: {error.strerror}")
    logger.error("%s %s: %s", request.method, request.url.path, error)
    return _answer(request, 500, f"the server's disk: {error.strerror or 'an error'}")


def _told_by_nobody(request: Request, error: Exception) -> Response:
    """Whatever else it is; who runs the server finds its traceback in the log."""
    return _answer(request, 500, "an error in the server; its log tells more")


def _answer(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    path, wants = request.url.path, request.headers.get("accept", "")
    if path.startswith(("/api/", "/tuf/")) or "text/html" not in wants:
        return problem_response(status, detail, headers)
    if status == 401 and request.method == "GET":
        return RedirectResponse("/sign-in", 303)
    return plain_page(_title(status), _ERROR, status, detail=detail)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
