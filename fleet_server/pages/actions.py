"""What people do on the pages: ask stations to run a release, or the one before.

Plain forms, so that they work without the script; what is asked for is carried out by `handlers`.
"""

from typing import Annotated, Final
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Depends, Response
from fastapi.responses import RedirectResponse

from beltmark.contract.errors import InputError
from beltmark.contract.terms import DeviceName, ReleaseName
from fleet_server.api.access import person
from fleet_server.api.bodies import whole_body
from fleet_server.handlers.rollout import back, push
from fleet_server.pages.context import PageContext

_MOST_FIELDS: Final = 10


def action_routes(context: PageContext) -> APIRouter:
    """The routes of the pages' forms."""
    router = APIRouter(include_in_schema=False)

    @router.post("/devices/{device}/push")
    def push_to_one(
        device: DeviceName,
        who: Annotated[str, Depends(person)],
        body: Annotated[bytes, Depends(whole_body)],
    ) -> Response:
        push(context.fleet, [device], _field(body, "release"), who)
        return _to(f"/devices/{quote(device)}")

    @router.post("/devices/{device}/back")
    def go_back(device: DeviceName, who: Annotated[str, Depends(person)]) -> Response:
        back(context.fleet, [device], who)
        return _to(f"/devices/{quote(device)}")

    @router.post("/releases/{release}/push")
    def push_to_all(release: ReleaseName, who: Annotated[str, Depends(person)]) -> Response:
        push(context.fleet, context.fleet.devices(), release, who)
        return _to("/releases")

    return router


def _to(path: str) -> Response:
    return RedirectResponse(path, 303)


def _field(form: bytes, name: str) -> str:
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
