"""Words what a device says of itself. Pure; when it is said is left to `link`."""

from collections.abc import Mapping

from beltmark.contract.messages import (
    Birth,
    Heartbeat,
    PartHealth,
    RecordBatch,
    Reported,
    UpdateStep,
)
from edge_agent.uplink.outbox import Waiting
from edge_agent.uplink.state import Device, Progress, StationState

LONGEST_TELLING = 2_000
_LONGEST_WORD = 200


def birth(
    device: Device, state: StationState, progress: Progress, *, session: int, stream: str, at: float
) -> Birth:
    """A device has connected."""
    return Birth(
        device=device.name,
        session=session,
        at=at,
        stream=stream,
        agent_version=device.agent_version,
        instruction_set=device.instruction_set,
        machine=device.machine,
        camera=device.camera[:_LONGEST_WORD],
        printer=device.printer[:_LONGEST_WORD],
        release=state.release,
        package_sha256=state.package_sha256,
        desired_version=progress.desired_version,
    )


def heartbeat(
    device: Device,
    state: StationState,
    parts: Mapping[str, PartHealth],
    *,
    session: int,
    at: float,
    newest: int,
    waiting: int,
) -> Heartbeat:
    """A device lives; `newest` and `waiting` are its outbox's."""
    return Heartbeat(
        device=device.name,
        session=session,
        at=at,
        may_run=state.may_run,
        problems={who: why[:LONGEST_TELLING] for who, why in state.problems.items()},
        parts=parts,
        newest_sequence=newest,
        waiting=waiting,
    )


def reported(
    device: Device, state: StationState, progress: Progress, *, session: int, at: float
) -> Reported:
    """What a device runs, and how far it is with what is desired."""
    return Reported(
        device=device.name,
        session=session,
        at=at,
        release=state.release,
        package_sha256=state.package_sha256,
        desired_version=progress.desired_version,
        desired_release=progress.desired_release,
        state=progress.state,
        reason=progress.reason[:LONGEST_TELLING],
    )


def update_step(progress: Progress) -> UpdateStep:
    """The same, as a record for ever."""
    return UpdateStep(
        desired_version=progress.desired_version,
        release=progress.desired_release,
        state=progress.state,
        reason=progress.reason[:LONGEST_TELLING],
    )


def batch(device: Device, waiting: Waiting, *, session: int, stream: str, at: float) -> RecordBatch:
    """The next records."""
    return RecordBatch(
        device=device.name,
        stream=stream,
        session=session,
        sent_at=at,
        records=waiting.records,
        gone=waiting.gone,
    )
