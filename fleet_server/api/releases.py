"""Lists the fleet's releases. They are added at the command line, where their folders lie."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from beltmark.contract.bundle import Requirements
from beltmark.contract.package import Sha256
from fleet_server.api.access import person
from fleet_server.api.context import ApiContext
from fleet_server.api.problems import problems
from fleet_server.releases.states import ReleaseState
from fleet_server.storage.fleet import StoredRelease
from fleet_server.storage.release_book import ReleaseBook


class ListedRelease(BaseModel):
    """A release.

    Attributes:
        release: Its name.
        added_at: When it was added, in seconds since the epoch.
        added_by: By whom.
        package_sha256: Digest of its package.
        bundle_sha256: Digest of the list of its files, as it was signed.
        files: How many files it has.
        total_bytes: Their length together.
        requires: What a device must be to run it.
        state: Whether stations may be asked to run it.
    """

    release: str
    added_at: float
    added_by: str
    package_sha256: Sha256
    bundle_sha256: Sha256
    files: int
    total_bytes: int
    requires: Requirements
    state: ReleaseState


def release_routes(context: ApiContext) -> APIRouter:
    """The routes of releases."""
    router = APIRouter(prefix="/api/v1/releases", tags=["releases"])

    @router.get(
        "",
        summary="The releases, the latest first",
        dependencies=[Depends(person)],
        responses=problems(401, 503),
    )
    def list_releases() -> list[ListedRelease]:
        known = context.fleet.releases()  # first: each of them has a standing then
        standings = ReleaseBook(context.engine).all()
        return [listed_release(one, standings[one.release].state) for one in known]

    return router


def listed_release(stored: StoredRelease, state: ReleaseState) -> ListedRelease:
    """A release as it is listed."""
    return ListedRelease(
        release=stored.release,
        added_at=stored.added_at,
        added_by=stored.added_by,
        package_sha256=stored.package_sha256,
        bundle_sha256=stored.bundle_sha256,
        files=len(stored.bundle.files),
        total_bytes=stored.bundle.total_bytes,
        requires=stored.bundle.requires,
        state=state,
    )
