"""Looks at each part of a station by itself and says what is wrong with it, for `check`.

Nothing is printed and no item is touched; a station that runs meanwhile is not disturbed.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from beltmark.contract.errors import InputError
from beltmark.contract.release import Release, load_release
from edge_agent.calibration.document import belt_plane
from edge_agent.capture.glance import glance
from edge_agent.fallback.check import look_at_ladder, look_at_panel
from edge_agent.golden import check_golden_images
from edge_agent.orders.opening import look_at_order
from edge_agent.outputs.reaching import signals_of
from edge_agent.printer_check import printer_parts
from edge_agent.printing.journal_lock import is_in_use
from edge_agent.printing.reading import read_items
from edge_agent.rendering import ReleaseLabels
from edge_agent.serials.check import check_ssccs, held_numbers
from edge_agent.settings import StationFile, named_after, read_settings
from edge_agent.station.picture_size import beyond_picture, other_than_calibrated
from edge_agent.station.tightening import check_strict, share_reaching, tightened
from edge_agent.trigger_check import look_at_trigger
from edge_agent.uplink.section import FleetSection
from edge_agent.vision.detector import Detector

_TIMED_FRAMES = 20
_STATUS_STALE_S = 10.0


@dataclass(frozen=True)
class Finding:
    """How one part is.

    Attributes:
        part: Its name.
        is_well: False where something is to be mended.
        told: What was found, and the mend.
    """

    part: str
    is_well: bool
    told: str


def examine(station: Path) -> Iterator[Finding]:
    """Yields a finding for each part; without settings or release, what needs them is left out."""
    try:
        settings = read_settings(station)
    except InputError as error:
        yield Finding("settings", False, str(error))
        return
    yield Finding("settings", True, f"station {settings.station.name}")
    release: Release | None = None
    try:
        release = load_release(settings.station.release)
    except InputError as error:
        yield Finding("release", False, str(error))
    if release is not None:
        yield Finding("release", True, _told_of(release))
    if settings.fleet is not None:
        slot, running = _slot(station, settings)
        yield slot
        release = running or release
    if release is not None:
        yield _finding(station, "model", lambda: _model(release, settings))
        yield _finding(station, "labels", lambda: _labels(release, settings))
        yield _finding(station, "policy", lambda: _policy(release, settings))
    runs = is_in_use(settings.journal_path)
    if runs:
        # Camera and printer are the running agent's alone: it says how they are.
        yield _finding(station, "camera", lambda: _as_told(settings, "camera", "up"))
        yield _finding(station, "printer", lambda: _as_told(settings, "printer", "ready"))
    else:
        yield _finding(station, "camera", lambda: _camera(settings))
    for part, look in printer_parts(settings, release, runs=runs):
        yield _finding(station, part, look)
    yield from _scan(station, settings)
    for look in signals_of(settings.outputs, settings.applicator, pins_are_in_use=runs):
        yield _finding(station, "outputs", look)
    yield _finding(station, "trigger", lambda: look_at_trigger(settings, is_running=runs))
    yield _finding(station, "journal", lambda: _journal(settings))
    yield from _beside(station, settings, is_running=runs)
    if settings.fleet is not None:
        yield from _fleet(station, settings, settings.fleet)


def _finding(station: Path, part: str, look: Callable[[], str]) -> Finding:
    try:
        with named_after(station):
            return Finding(part, True, look())
    except InputError as error:
        return Finding(part, False, str(error))


def _beside(station: Path, settings: StationFile, *, is_running: bool) -> Iterator[Finding]:
    """What runs beside the station and never holds it up."""
    if (orders := settings.orders) is not None:
        yield _finding(station, "orders", lambda: look_at_order(orders))
    if (fallback := settings.fallback) is not None:
        yield _finding(station, "fallback", lambda: look_at_ladder(settings, fallback))
    looks: dict[str, Callable[[], str]] = {}
    if (panel := settings.panel) is not None:
        looks["panel"] = lambda: look_at_panel(panel)
    if settings.serials.leased:
        looks["serials"] = lambda: held_numbers(settings)
    if (warehouse := settings.warehouse) is not None:
        # Only here: a station without one loads nothing of it.
        from edge_agent.warehouse.opening import look_at_warehouse  # noqa: PLC0415

        looks["warehouse"] = lambda: look_at_warehouse(settings, warehouse)
    for part, look in looks.items():
        told = partial(_as_told, settings, part, "ok")
        yield _finding(station, part, told if is_running else look)


def _fleet(station: Path, settings: StationFile, fleet: FleetSection) -> Iterator[Finding]:
    # Only here: a station on its own loads nothing of what a fleet needs.
    from edge_agent import fleet_check  # noqa: PLC0415

    for part, look in fleet_check.fleet_parts(fleet, settings.station.data):
        yield _finding(station, part, look)
    if is_in_use(settings.journal_path):
        yield _finding(station, "broker", lambda: _as_told(settings, "uplink", "ok"))
    else:
        name, data = settings.station.name, settings.station.data
        yield _finding(station, "broker", lambda: fleet_check.look_at_broker(fleet, name, data))


def _slot(station: Path, settings: StationFile) -> tuple[Finding, Release | None]:
    """How the slot that runs is, and its release where one does."""
    from edge_agent import fleet_check  # noqa: PLC0415

    try:
        with named_after(station):
            found = fleet_check.running_release(settings)
    except InputError as error:
        return Finding("slot", False, str(error)), None
    if found is None:
        return Finding("slot", True, "none: the release above runs"), None
    name, release = found
    return Finding("slot", True, f"{name} runs: {_told_of(release)}"), release


def _told_of(release: Release) -> str:
    told = f"{release.name}, {len(release.catalogue.products)} products"
    return f"{told}, package {release.package.digest[:12]}"


def _model(release: Release, settings: StationFile) -> str:
    package = release.package
    detector = Detector(package, settings.inference.threads)
    golden = check_golden_images(package, detector)
    spec = package.manifest.input
    blank = np.zeros((spec.height_px, spec.width_px, 3), np.uint8)
    detector.detect(blank)
    begun = time.perf_counter()
    for _ in range(_TIMED_FRAMES):
        detector.detect(blank)
    frame_ms = 1_000 * (time.perf_counter() - begun) / _TIMED_FRAMES
    return f"{len(detector.classes)} classes, {golden} golden images agree, {frame_ms:.1f} ms/frame"


def _policy(release: Release, settings: StationFile) -> str:
    check_strict(release.policy, settings.policy, release.package.manifest.curve)
    policy = tightened(release.policy, settings.policy, release.package.manifest.curve)
    votes = f"{policy.min_votes} frames, {policy.min_agreement:.0%} of them agreeing"
    told = f"printed from {policy.threshold:g} on, {policy.min_margin:g} ahead, {votes}"
    share = share_reaching(policy.threshold, release.package.manifest.curve)
    return told if share is None else f"{told}; {share:.0%} of what was tested reached that"


def _release_labels(release: Release, settings: StationFile) -> ReleaseLabels:
    printer, has_orders = settings.printer, settings.orders is not None
    return ReleaseLabels(release, printer.dpmm, printer.made_for, has_orders=has_orders)


def _labels(release: Release, settings: StationFile) -> str:
    check_ssccs(release, settings)
    for product, error in _release_labels(release, settings).refused():
        error.problem = f"product {product.sku}: {error.problem}"
        raise error
    return f"all products' labels can be drawn at {settings.printer.dpmm} dots per mm"


def _as_told(settings: StationFile, part: str, good_state: str) -> str:
    """What the running agent says of a part in its status file."""
    path = settings.station.data / "status.json"
    try:
        status = json.loads(path.read_text())
        state, age_s = status[part]["state"], time.time() - status["written_at"]
        why = status[part].get("reason") or status[part].get("told") or ""
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            "an agent runs here, but does not say how it is", "look at its output", file=path
        ) from None
    if age_s > _STATUS_STALE_S:
        raise InputError(
            f"an agent runs here, but has said nothing for {age_s:.0f} s",
            "look at its output, restart it",
            file=path,
        )
    if state != good_state:
        raise InputError(f"{state}: {why}", "as the running agent says", file=path, field=part)
    return f"{state}, as the running agent says"


def _camera(settings: StationFile) -> str:
    seen = glance(settings.camera.source, settings.camera.fps)
    height_px, width_px = seen.image_bgr.shape[:2]
    beyond = beyond_picture(settings.zone.rect_xyxy_px, width_px, height_px)
    if beyond is not None:
        raise InputError(beyond, "correct the zone", field="zone.rect_xyxy_px")
    other = other_than_calibrated(belt_plane(settings.zone), width_px, height_px)
    if other is not None:
        raise InputError(other, "beltmark-edge calibrate", field="zone.calibration")
    return seen.told


def _scan(station: Path, settings: StationFile) -> Iterator[Finding]:
    if (section := settings.verification) is None:
        return
    if is_in_use(settings.journal_path):
        yield _finding(station, "scan", lambda: _as_told(settings, "verification", "ok"))
        return
    # Only here: no other station needs what decodes symbols.
    from edge_agent.verification.check import look_at_scan  # noqa: PLC0415

    yield _finding(station, "scan", lambda: look_at_scan(section, settings.camera))


def _journal(settings: StationFile) -> str:
    path = settings.journal_path
    read_items(path, limit=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(b"written")
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}",
            "give a folder that can be written, or free disk space",
            file=path.parent,
            field="station.data",
        ) from None
    return f"{path} can be written"
