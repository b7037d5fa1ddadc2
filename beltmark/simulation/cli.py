"""`beltmark-sim`: simulated belts as datasets, videos, frames, or as a live station.

Reads arguments and prints; all work is done in the modules it calls.
"""

import argparse
import json
import logging
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import cv2

from beltmark.command import between, run_command, whole
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
from beltmark.simulation.world import LabelFault, WorldPlan

BUNDLED_CATALOGUE = Path(__file__).parents[1] / "bundled" / "catalogue.csv"


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 2 bad input, 130 Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-sim", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    dataset = commands.add_parser("dataset", help="write a COCO dataset of rendered belts")
    dataset.add_argument("--images", type=whole(1, 1_000_000), required=True)
    dataset.add_argument("--seed", type=whole(0, 2**63), required=True)
    dataset.add_argument("--out", type=Path, required=True, help="folder to write")
    dataset.add_argument("--classes", nargs="+", choices=CLASS_NAMES, default=CLASS_NAMES)
    dataset.add_argument("--workers", type=whole(1, 64), default=1, help="processes (default: 1)")
    dataset.set_defaults(command=_dataset)

    video = commands.add_parser("video", help="write a video and its truth")
    _add_run_options(video)
    video.add_argument("--out", type=Path, required=True, help="file to write, .mp4 or .avi")
    video.set_defaults(command=_video)

    frames = commands.add_parser("frames", help="write a folder of frames and their truth")
    _add_run_options(frames)
    frames.add_argument("--out", type=Path, required=True, help="folder to write")
    frames.set_defaults(command=_frames)

    station = commands.add_parser("station", help="run a live belt, camera and printer")
    _add_run_options(station, seconds=0.0)
    for name in ("camera", "control", "printer"):
        station.add_argument(f"--{name}-port", type=whole(0, 65535), default=0)
    _add_scan_options(station)
    station.add_argument("--truth", type=Path, required=True, help="file to write at the end")
    station.add_argument(
        "--eye-at",
        type=between(0, 1),
        metavar="PART",
        help="put a photo-eye there; the relay has it as its input `eye`",
    )
    station.add_argument(
        "--encoder",
        action="store_true",
        help="count the belt's way: the relay has it as its counter `belt`, ten counts a mm",
    )
    for fault, told in (
        ("eye-misses", "that do not break its beam"),
        ("eye-bounces", "of which it tells twice"),
        ("invisible", "that the camera does not show"),
    ):
        station.add_argument(
            f"--{fault}", type=whole(1, 1_000_000), nargs="+", default=(), metavar="N",
            help=f"numbers of the items {told}",
        )  # fmt: skip
    station.add_argument("--no-permit", action="store_true", help="the belt runs unasked")
    station.add_argument(
        "--no-divert-answer", action="store_true", help="the relay does not say what it took off"
    )
    station.add_argument(
        "--applicator", action="store_true", help="labels are applied when the agent says so"
    )
    label = whole(1, 1_000_000)
    for fault, told in (
        ("misses", "labels that stay at the applicator, by number"),
        ("late", "labels that are applied a second late"),
        ("loses", "labels that fall to the floor"),
    ):
        station.add_argument(
            f"--applicator-{fault}", type=label, nargs="+", default=[], metavar="N", help=told
        )
    station.add_argument(
        "--applicator-cleared-s",
        type=between(0.1, 3_600),
        metavar="S",
        help="a person takes a label away that stayed there for so long",
    )
    station.set_defaults(command=_station)

    _add_printer(commands)

    warehouse = commands.add_parser("warehouse", help="run a warehouse system that takes results")
    warehouse.add_argument("--port", type=whole(0, 65535), default=8090, help="(default: 8090)")
    warehouse.add_argument("--seconds", type=between(0.1, 86_400), help="end after this time")
    warehouse.add_argument("--record", type=Path, help="file that keeps each result, once")
    warehouse.add_argument("--orders", type=Path, help="JSON file that it gives out under /orders")
    warehouse.add_argument("--slow-s", type=between(0, 3600), default=0.0, help="for each answer")
    warehouse.add_argument("--fails", action="store_true", help="answer 500, take nothing")
    warehouse.add_argument("--cuts", action="store_true", help="take it, hang up without an answer")
    warehouse.add_argument("--refuse-sku", action="append", default=[], metavar="SKU")
    warehouse.set_defaults(command=_warehouse)
    return parser


def _add_scan_options(station: argparse.ArgumentParser) -> None:
    station.add_argument(
        "--scan-port", type=whole(0, 65535), help="a second camera that reads labels (0: any port)"
    )
    station.add_argument(
        "--label-fault",
        type=_label_fault,
        action="append",
        default=[],
        metavar="KIND@N",
        help="what goes wrong with the N-th label: lost, late, repeated, smeared",
    )


def _add_printer(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    printer = commands.add_parser("printer", help="run a printer alone")
    printer.add_argument("--port", type=whole(0, 65535), default=9100)
    printer.add_argument("--seconds", type=between(0.1, 86_400), help="end after this time")
    printer.add_argument("--record", type=Path, help="file that keeps what came out")
    printer.add_argument("--slow-s", type=between(0, 3600), default=0.0, help="for each label")
    printer.add_argument("--silent", action="store_true", help="answer no query")
    printer.add_argument("--media-out-after", type=whole(0, 1_000_000), metavar="LABELS")
    printer.add_argument("--dies-after-bytes", type=whole(1, 2**31), metavar="BYTES")
    printer.set_defaults(command=_printer)


def _add_run_options(parser: argparse.ArgumentParser, seconds: float = 20.0) -> None:
    parser.add_argument("--seed", type=whole(0, 2**63), required=True)
    parser.add_argument(
        "--seconds", type=between(0, 86_400), default=seconds, help=f"(default: {seconds:g})"
    )
    parser.add_argument("--fps", type=between(1, 60), default=15.0, help="(default: 15)")
    parser.add_argument(
        "--catalogue", type=Path, default=BUNDLED_CATALOGUE, help="CSV of the products that come"
    )
    parser.add_argument(
        "--speed-profile",
        default="0:1",
        metavar="SECONDS:FACTOR,…",
        help="speed over the time that it runs; below 0 runs back (default: 0:1)",
    )
    parser.add_argument("--foreign-share", type=between(0, 1), default=0.12, help="(default: 0.12)")


def _label_fault(text: str) -> tuple[int, LabelFault]:
    """Reads KIND@N.

    Raises:
        argparse.ArgumentTypeError: It is something else.
    """
    kind, _, number = text.partition("@")
    if kind not in get_args(LabelFault) or not number.isascii() or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND@N: lost, late, repeated, smeared")
    return int(number), cast(LabelFault, kind)


def _world_plan(arguments: argparse.Namespace) -> WorldPlan:
    products: tuple[Product, ...] = read_catalogue(arguments.catalogue).products
    return WorldPlan(
        seed=arguments.seed,
        products=products,
        foreign_share=arguments.foreign_share,
        profile=parse_profile(arguments.speed_profile, "--speed-profile"),
    )


def _dataset(arguments: argparse.Namespace) -> int:
    classes = tuple(name for name in CLASS_NAMES if name in arguments.classes)
    plan = DatasetPlan(images=arguments.images, seed=arguments.seed, class_names=classes)
    print(write_dataset(plan, arguments.out, arguments.workers, _Bar(plan.images)))
    return 0


def _video(arguments: argparse.Namespace) -> int:
    count = max(round(arguments.seconds * arguments.fps), 1)
    plan = _world_plan(arguments)
    print(write_video(plan, count, arguments.fps, arguments.out, _Bar(count)))
    return 0


def _frames(arguments: argparse.Namespace) -> int:
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


def _station(arguments: argparse.Namespace) -> int:
    plan = StationPlan(
        world=_live_plan(arguments),
        scan_port=arguments.scan_port,
        seconds=arguments.seconds,
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


def _printer(arguments: argparse.Namespace) -> int:
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


def _warehouse(arguments: argparse.Namespace) -> int:
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


if __name__ == "__main__":
    sys.exit(main())
