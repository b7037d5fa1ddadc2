"""Gives devices ranges of numbers. That none is given twice is the store's care."""

from fastapi import APIRouter, Depends, HTTPException

from beltmark.contract.serials import LeaseRequest, NumberRange
from beltmark.contract.terms import DeviceName
from fleet_server.api.access import device as device_access
from fleet_server.api.context import ApiContext
from fleet_server.api.problems import problems
from fleet_server.handlers.pictures import check_known
from fleet_server.storage.serials import NoNumbers, TooManyLeases


def serial_routes(context: ApiContext) -> APIRouter:
    """The routes of leased numbers."""
    router = APIRouter(prefix="/api/v1/devices", tags=["serials"])

    @router.post(
        "/{device}/serials",
        summary="A device asks for a range of serials or SSCCs",
        description="A request that is sent again is answered with the same range.",
        dependencies=[Depends(device_access)],
        responses=problems(400, 401, 404, 408, 409, 413, 422, 429, 503, 507),
    )
    def lease(device: DeviceName, asked: LeaseRequest) -> NumberRange:
        check_known(context.fleet, device)
        offered = context.numbers.pools(asked.kind)
        if not offered:
            raise HTTPException(
                409, "the site has no company prefix: set company_prefix in fleet.toml, [serials]"
            )
        try:
            return context.numbers.store.lease(device, asked, offered)
        except NoNumbers as error:
            raise HTTPException(409, f"{error}: see beltmark-fleet serials") from None
        except TooManyLeases as error:
            raise HTTPException(429, str(error)) from None

    return router
