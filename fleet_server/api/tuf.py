"""Gives devices the signed repository: metadata, bundles, and files by digest, or parts of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse

from beltmark.contract.bundle import blob_target, bundle_target
from beltmark.contract.package import Sha256
from beltmark.contract.terms import ReleaseName
from fleet_server.api.access import device
from fleet_server.api.context import ApiContext
from fleet_server.api.problems import problems
from fleet_server.api.stored_file import file_responses, stored_file

MetadataName = Annotated[
    str, Path(pattern=r"^(timestamp|[1-9][0-9]{0,9}\.(root|targets|snapshot))\.json$")
]


def tuf_routes(context: ApiContext) -> APIRouter:
    """The routes below /tuf."""
    router = APIRouter(
        prefix="/tuf",
        tags=["releases for devices"],
        dependencies=[Depends(device)],
        responses=problems(401, 404, 422),
    )
    repository = context.repository

    @router.get(
        "/metadata/{file}",
        summary="One file of the signed metadata",
        response_class=FileResponse,
        responses=file_responses("application/json"),
    )
    def metadata(file: MetadataName) -> FileResponse:
        return stored_file(repository.metadata_folder / file, "application/json", f"no {file}")

    @router.get(
        "/targets/releases/{release}/bundle.json",
        summary="The list of a release's files",
        response_class=FileResponse,
        responses=file_responses("application/json"),
    )
    def bundle(release: ReleaseName) -> FileResponse:
        path = repository.targets_folder / bundle_target(release)
        return stored_file(path, "application/json", f"there is no release {release}")

    @router.get(
        "/targets/blobs/{sha256}",
        summary="A release's file by its digest",
        response_class=FileResponse,
        responses=file_responses("application/octet-stream"),
    )
    def blob(sha256: Sha256) -> FileResponse:
        path = repository.targets_folder / blob_target(sha256)
        # The digest says what is in it, for ever: who resumes can rely on that.
        headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, max-age=31536000, immutable"}
        return stored_file(path, "application/octet-stream", "there is no such file", headers)

    return router
