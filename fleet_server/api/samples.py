"""Takes samples from devices, and gives them to people who label."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from beltmark.contract.package import Sha256
from beltmark.contract.sample import Sample, SampleUpload
from beltmark.contract.terms import DeviceName, Identity
from beltmark.contract.wire import decode
from fleet_server.api.access import device as device_access
from fleet_server.api.access import person
from fleet_server.api.bodies import MAX_SAMPLE_BODY_BYTES, whole_body
from fleet_server.api.context import ApiContext
from fleet_server.api.problems import problems
from fleet_server.api.stored_file import file_responses, stored_file
from fleet_server.handlers.samples import take_sample
from fleet_server.storage.fleet import StoredSample

MAX_LISTED: Final = 10_000
PICTURE_HEADERS: Final = {"Cache-Control": "private, max-age=300"}
_UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{SampleUpload.__name__}"}
            }
        },
    }
}


class Taken(BaseModel):
    """What became of an upload.

    Attributes:
        is_new: Whether it was not known yet.
    """

    is_new: bool


class ListedSample(BaseModel):
    """A sample, as it is listed.

    Attributes:
        device: The device that sent it.
        received_at: When it came, in seconds since the epoch.
        sha256: Digest of its JPEG.
        sample: What is known of it.
    """

    device: str
    received_at: float
    sha256: Sha256
    sample: Sample


def sample_routes(context: ApiContext) -> APIRouter:
    """The routes of samples."""
    router = APIRouter(prefix="/api/v1", tags=["samples"])

    @router.post(
        "/devices/{device}/samples",
        summary="A device sends a sample",
        description="A sample that is sent again is the same sample. The oldest make room.",
        status_code=201,
        dependencies=[Depends(device_access)],
        responses={
            200: {"model": Taken, "description": "It was known"},
            **problems(401, 404, 408, 413, 422, 503, 507),
        },
        openapi_extra=_UPLOAD,
    )
    def add_sample(
        device: DeviceName, body: Annotated[bytes, Depends(whole_body)], response: Response
    ) -> Taken:
        upload = decode(body, SampleUpload, MAX_SAMPLE_BODY_BYTES)
        is_new = take_sample(context.fleet, context.samples, device, upload)
        response.status_code = 201 if is_new else 200
        return Taken(is_new=is_new)

    @router.get(
        "/samples",
        summary="The latest samples, the latest first",
        dependencies=[Depends(person)],
        responses=problems(401, 422, 503),
    )
    def list_samples(
        limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 100,
        device: Annotated[DeviceName | None, Query()] = None,
    ) -> list[ListedSample]:
        return [listed_sample(one) for one in context.fleet.samples(limit, device)]

    @router.get(
        "/samples/{device}/{sample_id}/image",
        summary="A sample's image",
        dependencies=[Depends(person)],
        response_class=FileResponse,
        responses={
            **file_responses("image/jpeg"),
            **problems(401, 404, 422, 503),
        },
    )
    def image(device: DeviceName, sample_id: Identity) -> FileResponse:
        missing = f"there is no sample {sample_id} of {device}"
        sample = context.fleet.sample(device, sample_id)
        if sample is None:
            raise HTTPException(404, missing)
        path = context.samples.path(device, sample.sha256)
        return stored_file(path, "image/jpeg", missing, PICTURE_HEADERS)

    return router


def listed_sample(stored: StoredSample) -> ListedSample:
    """A sample as it is listed."""
    return ListedSample(
        device=stored.device,
        received_at=stored.received_at,
        sha256=stored.sha256,
        sample=stored.sample,
    )
