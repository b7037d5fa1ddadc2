"""What each command of `beltmark-sim` does with its arguments: makes plans of them, and prints."""

import argparse
import json
import signal
import sys
import threading
from dataclasses import replace

import cv2

from beltmark.contract.catalogue import Product, read_catalogue
from beltmark.contract.documents import write_json
from beltmark.simulation.applicator import ApplicatorPlan
from beltmark.simulation.beam import BeamPlan
from beltmark.simulation.dataset import DatasetPlan, write_dataset
from beltmark.simulation.printer import PrinterFaults
from beltmark.simulation.printer_serving import serve
from beltmark.simulation.profile import parse_profile
from beltmark.simulation.shapes.families import CLASS_NAMES
from beltmark.simulation.station import SimulatedStation, StationPlan
from beltmark.simulation.video import write_frames, write_video
from beltmark.simulation.warehouse import SimulatedWarehouse, WarehouseFaults, WarehouseRecord
from beltmark.simulation.world_plan import WorldPlan


def _world_plan(arguments: argparse.Namespace) -> WorldPlan:
    products: tuple[Product, ...] = read_catalogue(arguments.catalogue).products
    return WorldPlan(
        seed=arguments.seed,
        products=products,
        foreign_share=arguments.foreign_share,
        profile=parse_profile(arguments.speed_profile, "--speed-profile"),
    )


def dataset(arguments: argparse.Namespace) -> int:
    """Writes a COCO dataset."""
    classes = tuple(name for name in CLASS_NAMES if name in arguments.classes)
    plan = DatasetPlan(images=arguments.images, seed=arguments.seed, class_names=classes)
    print(write_dataset(plan, arguments.out, arguments.workers, _Bar(plan.images)))
    return 0


def video(arguments: argparse.Namespace) -> int:
    """Writes a video and its truth."""
    count = max(round(arguments.seconds * arguments.fps), 1)
    plan = _world_plan(arguments)
    print(write_video(plan, count, arguments.fps, arguments.out, _Bar(count)))
    return 0


def frames(arguments: argparse.Namespace) -> int:
    """Writes a folder of frames and their truth."""
    count = max(round(arguments.seconds * arguments.fps), 1)
    plan = _world_plan(arguments)
    print(write_frames(plan, count, arguments.fps, arguments.out, _Bar(count)))
    return 0


def _live_plan(arguments: argparse.Namespace) -> WorldPlan:
    beam = None
    if arguments.eye_at is not None:
        beam = BeamPlan(arguments.eye_at, set(arguments.eye_misses), set(arguments.eye_bounces))
    return replace(
        _world_plan(arguments),
        beam=beam,
        invisible=set(arguments.invisible),
        applicator=_applicator_plan(arguments),
        label_faults=dict(arguments.label_fault),
    )


def station(arguments: argparse.Namespace) -> int:
    """Runs a live station until its time is over or it is stopped; writes its truth."""
    plan = StationPlan(
        world=_live_plan(arguments),
        scan_port=arguments.scan_port,
        seconds=arguments.seconds,
        linger_s=arguments.linger,
        fps=arguments.fps,
        needs_permit=not arguments.no_permit,
        confirms_diverts=not arguments.no_divert_answer,
        has_encoder=arguments.encoder,
        camera_port=arguments.camera_port,
        control_port=arguments.control_port,
        printer_port=arguments.printer_port,
    )
    asked_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_end.set())
    cv2.setNumThreads(1)  # the other cores belong to the agent
    station = SimulatedStation(plan)
    with station:
        print(json.dumps(station.addresses), flush=True)
        was_empty = False
        while not asked_to_end.is_set() and not station.wait(timeout_s=0.1):
            if station.has_run_empty and not was_empty:
                was_empty = True
                print(json.dumps({"empty": True}), flush=True)
    write_json(arguments.truth, station.truth())
    return 0


def _applicator_plan(arguments: argparse.Namespace) -> ApplicatorPlan | None:
    if not arguments.applicator:
        return None
    return ApplicatorPlan(
        misses=frozenset(arguments.applicator_misses),
        late_s=dict.fromkeys(arguments.applicator_late, 1.0),
        loses=frozenset(arguments.applicator_loses),
        cleared_after_s=arguments.applicator_cleared_s,
    )


def printer(arguments: argparse.Namespace) -> int:
    """Runs a printer alone."""
    faults = PrinterFaults(
        slow_s=arguments.slow_s,
        silent=arguments.silent,
        media_out_after=arguments.media_out_after,
        dies_after_bytes=arguments.dies_after_bytes,
    )
    return serve(
        port=arguments.port,
        faults=faults,
        record_path=arguments.record,
        duration_s=arguments.seconds,
    )


def warehouse(arguments: argparse.Namespace) -> int:
    """Runs a warehouse system that takes results."""
    faults = WarehouseFaults(
        slow_s=arguments.slow_s,
        fails=arguments.fails,
        cuts=arguments.cuts,
        refused_skus=frozenset(arguments.refuse_sku),
    )
    record = WarehouseRecord(arguments.record, arguments.orders)
    asked_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_end.set())
    with SimulatedWarehouse(record, faults, arguments.port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        print(json.dumps({"warehouse": server.url}), flush=True)
        asked_to_end.wait(arguments.seconds)
        server.shutdown()
    print(f"{len(record.results)} results", flush=True)
    return 0


class _Bar:
    """A progress bar on a terminal's standard error; silent elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total

    def __call__(self, done: int) -> None:
        if not sys.stderr.isatty():
            return
        filled = 30 * done // self._total
        end = "\n" if done >= self._total else ""
        bar = "█" * filled + "·" * (30 - filled)
        print(f"\r{bar} {done}/{self._total}", end=end, file=sys.stderr, flush=True)
