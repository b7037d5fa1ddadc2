"""Tells how devices are and what they did, and asks them to run a release."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from beltmark.contract.messages import Desired
from beltmark.contract.records import ItemMessage, PartHealth
from beltmark.contract.terms import DeviceName, ReleaseName, UpdateState
from fleet_server.api.access import person
from fleet_server.api.context import ApiContext
from fleet_server.api.problems import problems
from fleet_server.domain.presence import PresenceState, presence
from fleet_server.handlers.pictures import check_known
from fleet_server.handlers.rollout import back, push
from fleet_server.storage.device_reads import StoredDevice, read_devices, read_items
from fleet_server.storage.fleet import StoredDesired

MAX_LISTED: Final = 1_000


class ListedDevice(BaseModel):
    """A device; what it has not said is null. Times are seconds since the epoch.

    Attributes:
        device: Its name.
        state: How it is, as far as is known.
        since: Since when.
        told: The same in words.
        heard_at: Its last sign of life, by the server's clock.
        may_run: Whether its belt may run.
        problems: Who objects, and why.
        parts: How its camera, printer and so on are.
        waiting: Records that it has not delivered yet.
        clock_offset_s: Its clock less the server's.
        malformed: How many of its messages could not be used.
        release: The release that it runs.
        package_sha256: Digest of that release's package.
        desired_release: The release that it is asked to run.
        desired_version: Number of that request.
        update_state: How far it is with it.
        update_reason: Why it refused, or what it waits for.
        agent_version: Version of its agent.
        machine: Processor family.
        instruction_set: What its processor can do.
        camera: What it sees through.
        printer: What it prints on.
    """

    device: str
    state: PresenceState
    since: float
    told: str
    heard_at: float | None
    may_run: bool | None
    problems: dict[str, str]
    parts: dict[str, PartHealth]
    waiting: int | None
    clock_offset_s: float | None
    malformed: int
    release: str | None
    package_sha256: str | None
    desired_release: str | None
    desired_version: int | None
    update_state: UpdateState | None
    update_reason: str | None
    agent_version: str | None
    machine: str | None
    instruction_set: str | None
    camera: str | None
    printer: str | None


class ListedItem(BaseModel):
    """An item.

    Attributes:
        item: The item, as it stands.
        step: Number of the latest thing that happened to it, in its station's journal.
    """

    item: ItemMessage
    step: int


class Wish(BaseModel):
    """What a device shall run.

    Attributes:
        release: Name of the release.
    """

    model_config = ConfigDict(extra="forbid")

    release: ReleaseName


def device_routes(context: ApiContext) -> APIRouter:
    """The routes of devices."""
    router = APIRouter(prefix="/api/v1/devices", tags=["devices"])

    @router.get(
        "",
        summary="The devices, and how they are",
        dependencies=[Depends(person)],
        responses=problems(401, 503),
    )
    def list_devices() -> list[ListedDevice]:
        wishes = {one.device: one for one in context.fleet.all_desired()}
        now = context.clock()
        return [
            listed_device(stored, wishes.get(stored.device), context.started_at, now)
            for stored in read_devices(context.engine)
        ]

    @router.get(
        "/{device}/items",
        summary="The latest items of a device, the latest first",
        dependencies=[Depends(person)],
        responses=problems(401, 404, 422, 503),
    )
    def list_items(
        device: DeviceName,
        limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 100,
        before: Annotated[float | None, Query(description="Decided before", ge=0, le=1e11)] = None,
    ) -> list[ListedItem]:
        check_known(context.fleet, device)
        found = read_items(context.engine, device, limit, before)
        return [ListedItem(item=one.item, step=one.step) for one in found]

    @router.post(
        "/{device}/desired",
        summary="Ask a device to run a release",
        responses=problems(400, 401, 403, 404, 413, 422, 503, 507),
    )
    def desire(device: DeviceName, wish: Wish, who: Annotated[str, Depends(person)]) -> Desired:
        return push(context.fleet, [device], wish.release, who)[0]

    @router.post(
        "/{device}/back",
        summary="Ask a device to run the release before",
        responses=problems(401, 403, 404, 422, 503, 507),
    )
    def go_back(device: DeviceName, who: Annotated[str, Depends(person)]) -> Desired:
        return back(context.fleet, [device], who)[0]

    return router


def listed_device(
    stored: StoredDevice, desired: StoredDesired | None, started_at: float, now: float
) -> ListedDevice:
    """A device as it is listed; times in seconds since the epoch."""
    is_now = presence(stored.signs, started_at, now)
    birth, heartbeat, reported = stored.birth, stored.heartbeat, stored.reported
    running = reported or birth
    return ListedDevice(
        device=stored.device,
        state=is_now.state,
        since=is_now.since,
        told=is_now.told,
        heard_at=stored.signs.heard_at,
        may_run=heartbeat.may_run if heartbeat else None,
        problems=dict(heartbeat.problems) if heartbeat else {},
        parts=dict(heartbeat.parts) if heartbeat else {},
        waiting=heartbeat.waiting if heartbeat else None,
        clock_offset_s=stored.clock_offset_s,
        malformed=stored.malformed,
        release=running.release if running else None,
        package_sha256=running.package_sha256 if running else None,
        desired_release=desired.release if desired else None,
        desired_version=desired.version if desired else None,
        update_state=reported.state if reported else None,
        update_reason=reported.reason if reported else None,
        agent_version=birth.agent_version if birth else None,
        machine=birth.machine if birth else None,
        instruction_set=birth.instruction_set if birth else None,
        camera=birth.camera if birth else None,
        printer=birth.printer if birth else None,
    )
