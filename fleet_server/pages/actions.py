"""What people do on the pages: ask stations to run a release, or the one before.

Plain forms, so that they work without the script; what is asked for is carried out by `handlers`.
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Response

from beltmark.contract.terms import DeviceName, ReleaseName
from fleet_server.api.access import person
from fleet_server.api.bodies import whole_body
from fleet_server.handlers.rollout import back, push
from fleet_server.pages.context import PageContext
from fleet_server.pages.forms import field, see


def action_routes(context: PageContext) -> APIRouter:
    """The routes of the pages' forms."""
    router = APIRouter(include_in_schema=False)

    @router.post("/devices/{device}/push")
    def push_to_one(
        device: DeviceName,
        who: Annotated[str, Depends(person)],
        body: Annotated[bytes, Depends(whole_body)],
    ) -> Response:
        push(context.fleet, [device], field(body, "release"), who)
        return see(f"/devices/{quote(device)}")

    @router.post("/devices/{device}/back")
    def go_back(device: DeviceName, who: Annotated[str, Depends(person)]) -> Response:
        back(context.fleet, [device], who)
        return see(f"/devices/{quote(device)}")

    @router.post("/releases/{release}/push")
    def push_to_all(release: ReleaseName, who: Annotated[str, Depends(person)]) -> Response:
        push(context.fleet, context.fleet.devices(), release, who)
        return see("/releases")

    return router
