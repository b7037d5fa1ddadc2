"""What people do on the page of the releases. Plain forms, so that they work without the script."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response

from beltmark.contract.terms import ReleaseName
from fleet_server.api.access import person
from fleet_server.api.bodies import whole_body
from fleet_server.pages.context import PageContext
from fleet_server.pages.forms import field, see


def release_action_routes(context: PageContext) -> APIRouter:
    """The routes of the page's forms."""
    router = APIRouter(include_in_schema=False, prefix="/releases/{release}")
    desk = context.releases

    @router.post("/approve")
    def approve(
        release: ReleaseName,
        who: Annotated[str, Depends(person)],
        body: Annotated[bytes, Depends(whole_body)],
    ) -> Response:
        desk.approve(release, who, field(body, "why") if body else "")
        return see("/releases")

    @router.post("/recall")
    def recall(
        release: ReleaseName,
        who: Annotated[str, Depends(person)],
        body: Annotated[bytes, Depends(whole_body)],
    ) -> Response:
        desk.recall(release, who, field(body, "why"))
        return see("/releases")

    @router.post("/{act}")
    def act(
        release: ReleaseName,
        act: Literal["promote", "challenge", "retire"],
        who: Annotated[str, Depends(person)],
    ) -> Response:
        desk.act(release, act, who)
        return see("/releases")

    return router
