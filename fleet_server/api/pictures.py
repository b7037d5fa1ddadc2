"""Takes items' pictures from devices, and shows them to people."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from beltmark.contract.sample import PictureKind
from beltmark.contract.terms import DeviceName, Identity
from fleet_server.api.access import device as device_access
from fleet_server.api.access import person
from fleet_server.api.bodies import whole_body
from fleet_server.api.context import ApiContext
from fleet_server.api.problems import problems
from fleet_server.api.samples import PICTURE_HEADERS
from fleet_server.api.stored_file import file_responses, stored_file
from fleet_server.handlers.pictures import PictureName, take_picture

_MEDIA_TYPES: Final[dict[PictureKind, str]] = {"crop": "image/jpeg", "label": "image/png"}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_PICTURE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": dict.fromkeys(_MEDIA_TYPES.values(), _BINARY),
    }
}


def picture_routes(context: ApiContext) -> APIRouter:
    """The routes of items' pictures."""
    router = APIRouter(prefix="/api/v1/devices/{device}/items/{item_id}", tags=["items"])

    @router.put(
        "/{kind}",
        summary="A device sends a picture of an item: its crop (JPEG) or its label (PNG)",
        description="The pictures of the oldest items make room.",
        status_code=204,
        dependencies=[Depends(device_access)],
        responses=problems(401, 404, 408, 413, 422, 503, 507),
        openapi_extra=_PICTURE,
    )
    def put_picture(
        device: DeviceName,
        item_id: Identity,
        kind: PictureKind,
        body: Annotated[bytes, Depends(whole_body)],
    ) -> None:
        take_picture(context.fleet, context.pictures, PictureName(device, item_id, kind), body)

    @router.get(
        "/{kind}",
        summary="A picture of an item",
        dependencies=[Depends(person)],
        response_class=FileResponse,
        responses={
            **file_responses(*_MEDIA_TYPES.values()),
            **problems(401, 404, 422),
        },
    )
    def picture(device: DeviceName, item_id: Identity, kind: PictureKind) -> FileResponse:
        path = context.pictures.path(PictureName(device, item_id, kind))
        missing = f"there is no {kind} of item {item_id} of {device}"
        return stored_file(path, _MEDIA_TYPES[kind], missing, PICTURE_HEADERS)

    return router
