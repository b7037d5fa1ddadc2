"""Builds a station's agent from what it is fitted with, and what keeps and decides.

Beside `fittings` the only place that constructs adapters.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_agent.agent import Agent
from edge_agent.beside import health_of, open_side_parts
from edge_agent.capture.barcode import BarcodeReader
from edge_agent.describing import describe
from edge_agent.evidence import EvidenceFolder
from edge_agent.eye_report import EyeReport
from edge_agent.fallback.ladder import Rung
from edge_agent.fittings import open_fittings
from edge_agent.footing import RisingReleases
from edge_agent.hand_requests import HandRequests
from edge_agent.orders.opening import open_orders
from edge_agent.outputs.beat import PERMIT_TIMEOUT_S
from edge_agent.outputs.fates import Fates
from edge_agent.outputs.seen_to import PersonsWord
from edge_agent.panel.desk import StationDesk
from edge_agent.parts import Identity, Parts
from edge_agent.printing.belt_window import open_window
from edge_agent.printing.by_hand import ByHand
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.eye_log import EyeLog
from edge_agent.printing.issued import IssuedLabels
from edge_agent.printing.journal import Journal
from edge_agent.printing.reserve import Reserve
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.settings import StationFile
from edge_agent.stages import Pulse, StageTimes
from edge_agent.station.station import StationSettings
from edge_agent.station_loop import StationLoop
from edge_agent.step_report import StepReport
from edge_agent.uplink.state import StationState
from edge_agent.vision.motion import MotionGate

if TYPE_CHECKING:
    from edge_agent.printing.desk import LabelQueue
    from edge_agent.verification.verifier import Verifier


def open_agent(settings: StationFile, show: Callable[[StepReport], None] = lambda _: None) -> Agent:
    """Builds a station that is not started yet.

    Args:
        settings: The station file.
        show: Called with each frame's report, on the loop's thread.

    Raises:
        InputError: Something that the settings name cannot be used.
    """
    times = StageTimes()

    def state() -> StationState:
        found = describe(
            release=loop.release,
            problems=fitness.problems,
            camera=camera,
            spooler=spooler,
            journal=journal,
            outputs=outputs,
            fallback=ladder.told,
            verifier=verifier,
        )
        return replace(found, parts={**found.parts, **health_of(beside)})

    fittings = open_fittings(settings, times, state)
    ladder, release, fleet = fittings.ladder, fittings.ground.release, fittings.ground.fleet
    camera, outputs, fitness, eye = (
        fittings.camera, fittings.outputs, fittings.fitness, fittings.eye
    )  # fmt: skip
    has_permit = outputs.has_permit
    can_hold = has_permit and settings.zone.travel != "none"
    label_times = SpoolerSettings(
        label_deadline_s=settings.printer.label_deadline_s,
        hold_after_s=settings.printer.hold_after_s if can_hold else None,
        waits_for_printer=settings.printer.holds_belt,
        is_live=camera.is_live,
        confirm_timeout_s=settings.printer.confirm_timeout_s,
        confirmation=settings.printer.confirmation,
        spare_after_s=settings.printer.spare_after_s,
    )
    window = open_window(settings.printer, fittings.geometry, label_times, lambda: loop.speed_px_s)
    # All that can be wrong with the input has been looked at: from here on, the disk is written.
    journal = Journal(
        settings.journal_path,
        settings.station.name,
        is_leased=settings.serials.leased,
        reserve=Reserve(settings.journal_path.with_name("journal.reserve")),
    )
    desk = OutcomeDesk(journal, outputs, time.time)
    fates = Fates(journal, time.time)
    outputs.commit_through(fates, desk, *journal.recollection.left_at_applicator)
    recollection = journal.recollection
    by_hand = ByHand(
        journal,
        lambda: loop.release,
        is_idle=lambda: spooler.is_idle,
        printer_problem=lambda: None if spooler.health.state == "ready" else spooler.health.told,
        moves=settings.zone.travel != "none",
        has_permit=has_permit,
        held_since=lambda: outputs.held_since,
        left=recollection.in_hand,
        line_for=lambda sku: None if orders is None else orders.line_for(sku),
        left_is_open=recollection.in_hand in {one.item_id for one in recollection.open_labels},
    )
    spooler = Spooler(
        fittings.printer,
        journal,
        fittings.labels,
        desk,
        label_times,
        spare=fittings.spare,
        window=window,
        hands=by_hand,
        applicator=outputs.applicator,
        held_since=lambda: outputs.held_since,
    )
    shown: LabelQueue = spooler if fleet is None else fleet.shown(spooler)
    by_hand.print_through(shown)
    labels_on_their_way = shown
    verifier: Verifier | None = None
    if settings.verification is not None:
        # Only here: no other station needs what decodes symbols.
        from edge_agent.verification import opening as scanning  # noqa: PLC0415

        verifier = scanning.open_verifier(
            settings.verification,
            fittings.scan_camera,
            journal=journal,
            journal_path=settings.journal_path,
            notes=fates,
            desk=desk,
            is_live=camera.is_live,
            runs=lambda: not outputs.stands,
        )
        labels_on_their_way = scanning.ExpectedLabels(verifier, labels_on_their_way)
    desk.print_through(labels_on_their_way)
    folder = settings.station.data / "items"
    evidence = (
        EvidenceFolder(folder) if fleet is None else EvidenceFolder(folder, show=fleet.show_crop)
    )
    orders = (
        None
        if settings.orders is None
        else open_orders(settings.orders, settings.station.data, settings.journal_path, time.time)
    )
    loop = StationLoop(
        geometry=fittings.geometry,
        release=release,
        settings=StationSettings(
            permit_timeout_s=PERMIT_TIMEOUT_S if has_permit else None,
            may_reverse=settings.belt.may_reverse,
            eye=fittings.eye_place,
        ),
        detector=fittings.ground.detector,
        journal=journal,
        desk=desk,
        labels=spooler,
        recollection=recollection,
        gate=MotionGate(fittings.geometry.zone_xyxy_px) if settings.inference.motion_gate else None,
        codes=_codes(settings, ladder.rung, journal.recollection.serial_series),
        eye=eye,
        encoder=fittings.encoder,
        eye_log=None if eye is None else EyeLog(journal),
        orders=None if orders is None else orders.book,
        policy=settings.policy,
        evidence=evidence,
        samples=None if fleet is None else fleet.uploads.samples,
        releases=None if fleet is None else RisingReleases(fleet.updater, ladder),
    )
    beside = open_side_parts(settings, journal, lambda: loop.release)
    if eye is not None and loop.eye is not None:
        beside["photo_eye"] = EyeReport(eye, loop.eye)
    if fittings.encoder is not None:
        beside["encoder"] = fittings.encoder
    if orders is not None:
        beside["order"] = orders
    seen_to = PersonsWord()
    if fittings.panel is not None:
        beside["panel"] = fittings.panel.showing(
            StationDesk(
                settings.station.name,
                settings.station.data,
                settings.journal_path,
                release=lambda: loop.release,
                problems=fitness.problems,
                rung=lambda: ladder.told,
                hands=by_hand,
                seen_to=seen_to,
            )
        )
    parts = Parts(
        camera=camera,
        loop=loop,
        desk=desk,
        spooler=spooler,
        journal=journal,
        evidence=evidence,
        outputs=outputs,
        fitness=fitness,
        pulse=Pulse(settings.inference.stuck_after_s),
        times=times,
        ladder=ladder,
        fleet=fleet,
        beside=beside,
        verifier=verifier,
        by_hand=by_hand,
        seen_to=seen_to,
        requests=HandRequests(settings.station.data, by_hand, seen_to),
    )
    identity = Identity(
        station=settings.station.name,
        folder=settings.station.data,
        printer_holds_belt=settings.printer.holds_belt,
        camera_holds_on=settings.camera.holds_on,
    )
    return Agent(parts, identity, show)


def _codes(settings: StationFile, rung: Rung, series: str) -> BarcodeReader | None:
    if not settings.barcodes.read and rung != "barcode":
        return None
    return BarcodeReader(IssuedLabels(settings.journal_path, series).has)
