"""Words what a device says of itself. Pure; when it is said is left to `conversation`.

Whatever text a station holds is made into one that every server can store: see `word`, `told`.
"""

from collections.abc import Mapping

from beltmark.contract.messages import Birth, Heartbeat, RecordBatch, Reported
from beltmark.contract.records import PartHealth, UpdateStep
from edge_agent.update_report import UpdateReport
from edge_agent.uplink.outbox import Waiting
from edge_agent.uplink.state import Device, StationState

_LONGEST_TELLING = 2_000
_LONGEST_WORD = 200
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def word(text: str) -> str:
    """Returns a name as it may be sent: short, without NUL and halves of characters."""
    return _storable(text)[:_LONGEST_WORD]


def told(text: str) -> str:
    """Returns a sentence as it may be sent, likewise."""
    return _storable(text)[:_LONGEST_TELLING]


def _storable(text: str) -> str:
    # Names of files may hold bytes that are no characters; Python shows them as halves of such.
    return text.encode(errors="replace").decode().replace("\0", _UNKNOWN)


def birth(
    device: Device,
    state: StationState,
    progress: UpdateReport,
    *,
    session: int,
    stream: str,
    at: float,
) -> Birth:
    """A device has connected."""
    return Birth(
        device=device.name,
        session=session,
        at=at,
        stream=stream,
        agent_version=word(device.agent_version),
        instruction_set=word(device.instruction_set),
        machine=word(device.machine),
        camera=word(device.camera),
        printer=word(device.printer),
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
        problems={word(who): told(why) for who, why in state.problems.items()},
        parts={name: _part(health) for name, health in parts.items()},
        newest_sequence=newest,
        waiting=waiting,
    )


def reported(
    device: Device, state: StationState, progress: UpdateReport, *, session: int, at: float
) -> Reported:
    """What a device runs, and how far it is with what is desired."""
    return Reported(
        device=device.name,
        session=session,
        at=at,
        release=state.release,
        package_sha256=state.package_sha256,
        desired_version=progress.desired_version,
        desired_release=progress.release,
        state=progress.state,
        reason=told(progress.reason),
    )


def update_step(progress: UpdateReport) -> UpdateStep:
    """The same, as a record for ever."""
    return UpdateStep(
        desired_version=progress.desired_version,
        release=progress.release,
        state=progress.state,
        reason=told(progress.reason),
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


def _part(health: PartHealth) -> PartHealth:
    return health.model_copy(update={"told": told(health.told)})
