"""Says in the fleet's words how the parts of a station are. Pure, but for asking them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from beltmark.contract.records import PartHealth
from beltmark.contract.release import Release
from beltmark.contract.terms import PartState
from edge_agent.capture.camera import Camera, objection
from edge_agent.capture.health import CameraState, told_fault
from edge_agent.outputs.outputs import Outputs
from edge_agent.printing.journal import Journal
from edge_agent.printing.printer_watch import PrinterState
from edge_agent.printing.spooler import Spooler
from edge_agent.uplink.state import StationState

if TYPE_CHECKING:
    from edge_agent.verification.verifier import Verifier

CAMERA_STATES: dict[CameraState, PartState] = {
    "starting": "unknown",
    "up": "ok",
    "stale": "degraded",
    "down": "down",
    "ended": "down",
}
PRINTER_STATES: dict[PrinterState, PartState] = {
    "unasked": "unknown",
    "ready": "ok",
    "fault": "degraded",
    "silent": "down",
    "down": "down",
}


def describe(
    *,
    release: Release,
    problems: Callable[[], dict[str, str]],
    camera: Camera,
    spooler: Spooler,
    journal: Journal,
    outputs: Outputs,
    fallback: str | None,
    verifier: "Verifier | None" = None,
) -> StationState:
    """Returns how a station is at this moment. For use from any thread."""
    objections = problems()
    return StationState(
        release=release.name,
        package_sha256=release.package.digest,
        may_run=not objections,
        problems=objections,
        parts={
            "camera": _camera(camera),
            **_printers(spooler),
            "journal": _health(
                "ok" if journal.health.problem is None else "down",
                journal.health.problem or "takes writes",
                journal.health.since,
            ),
            **_lines(outputs),
            **({} if fallback is None else {"release": _health("degraded", fallback, None)}),
            **({} if verifier is None else {"verification": _scan(verifier)}),
        },
    )


def _camera(camera: Camera) -> PartHealth:
    health, fault = camera.health, camera.picture.fault
    if health.state == "up" and fault is not None:
        return _health("degraded", told_fault(fault), camera.picture.since)
    told = " ".join(part for part in (health.state, health.reason) if part)
    return _health(CAMERA_STATES[health.state], told, health.since)


def _printers(spooler: Spooler) -> dict[str, PartHealth]:
    """The printer that takes the labels; with a spare one, each of the two as well."""
    now, printers = spooler.health, spooler.printers
    parts = {"printer": _health(PRINTER_STATES[now.state], now.told, now.since)}
    if len(printers) > 1:
        for number, (address, health) in enumerate(printers, start=1):
            told = f"{address}: {health.told}"
            parts[f"printer {number}"] = _health(PRINTER_STATES[health.state], told, health.since)
    return parts


def _scan(verifier: "Verifier") -> PartHealth:
    counts = ", ".join(f"{count} {result}" for result, count in verifier.counts.items())
    told = verifier.hold_reason or counts or "nothing read yet"
    camera = verifier.camera
    if camera is not None and objection(camera) is not None:
        return _health(CAMERA_STATES[camera.health.state], told, camera.health.since)
    return _health("degraded" if verifier.hold_reason else "ok", told, verifier.since)


def _lines(outputs: Outputs) -> dict[str, PartHealth]:
    """The relays: they have no name but their address."""
    lines: Sequence[PartHealth] = [
        _health("ok" if line.health.problem is None else "down",
                f"{line.address}: {line.health.problem or 'connected'}", line.health.since)
        for line in outputs.lines
    ]  # fmt: skip
    return {f"output {number}": line for number, line in enumerate(lines, start=1)}


def _health(state: PartState, told: str, since: float | None) -> PartHealth:
    # What the system says of a device may hold halves of characters.
    clean = told.encode(errors="replace").decode()[:2_000]
    return PartHealth(state=state, told=clean, since=since)
