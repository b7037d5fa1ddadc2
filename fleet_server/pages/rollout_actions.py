"""What people do on the page of the rollouts. Plain forms, so that they work without the script."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response

from beltmark.contract.documents import parse
from fleet_server.api.access import person
from fleet_server.api.bodies import whole_body
from fleet_server.pages.context import PageContext
from fleet_server.pages.forms import field, see
from fleet_server.rollouts.plan import Plan, parse_waves

Act = Literal["pause", "resume", "retry", "abort", "recall"]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def rollout_action_routes(context: PageContext) -> APIRouter:
    """The routes of the page's forms."""
    router = APIRouter(include_in_schema=False, prefix="/rollouts")
    store = context.rollouts

    @router.post("/start")
    def start(
        who: Annotated[str, Depends(person)], body: Annotated[bytes, Depends(whole_body)]
    ) -> Response:
        waves = parse_waves(field(body, "waves"))
        document = {
            "release": field(body, "release"),
            "waves": [wave.model_dump(exclude_none=True) for wave in waves],
            "gates": {
                "soak_s": _seconds(field(body, "soak_min")),
                "min_items": field(body, "min_items"),
            },
        }
        store.start(parse(document, Plan, "the form"), who)
        return see("/rollouts")

    @router.post("/{number}/{act}")
    def act(number: Number, act: Act, who: Annotated[str, Depends(person)]) -> Response:
        if act == "pause":
            store.pause(number, who)
        elif act == "resume":
            store.resume(number, who)
        elif act == "retry":
            store.retry(number, who)
        else:
            store.abort(number, who, everywhere=act == "recall")
        return see("/rollouts")

    return router


def _seconds(minutes: str) -> float | str:
    """Minutes as seconds; what is no number is left to be told."""
    try:
        return 60 * float(minutes)
    except ValueError:
        return minutes
