"""Signing in with the admin token, which a cookie stands for afterwards; and signing out."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from fleet_server.api.access import COOKIE, Access, person
from fleet_server.api.bodies import whole_body
from fleet_server.api.plain_page import plain_page
from fleet_server.tokens import COOKIE_LASTS_S

_FORM = """\
<p>{told}</p>
<form class="sign-in" method="post" action="/sign-in">
<label for="token">Admin token</label>
<input type="password" id="token" name="token" autocomplete="current-password" required autofocus>
<button class="button button-sure" type="submit">Sign in</button>
</form>
"""
_MOST_FIELDS = 10
_HINT = "The token was shown once, by beltmark-fleet init; beltmark-fleet token makes a new one."


def sign_in_routes() -> APIRouter:
    """The routes of signing in and out."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    def show(request: Request, token: str | None = None) -> Response:
        # The token leaves the address at once: it is in no history, and in no log of ours.
        return _ask() if token is None else _try(request, token)

    @router.post("/sign-in")
    def sign_in(request: Request, body: Annotated[bytes, Depends(whole_body)]) -> Response:
        return _try(request, _token(body))

    @router.post("/sign-out", dependencies=[Depends(person)])
    def sign_out() -> Response:
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return router


def _token(form: bytes) -> str:
    try:
        fields = parse_qs(form.decode("ascii", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ""  # no form of ours
    return fields.get("token", [""])[0]


def _try(request: Request, token: str) -> Response:
    access: Access = request.app.state.access
    if not access.is_admin_token(token.strip()):
        return _ask("This is not the admin token.", 401)
    response = RedirectResponse("/", 303)
    response.set_cookie(
        COOKIE,
        access.new_cookie(),
        max_age=int(COOKIE_LASTS_S),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


def _ask(told: str = _HINT, status: int = 200) -> Response:
    return plain_page("Sign in", _FORM, status, told=told)
