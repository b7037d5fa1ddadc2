"""`beltmark-sim`: simulated belts as datasets, videos, frames, or as a live station.

Reads arguments; what each command does is in `commands`.
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import cast, get_args

from beltmark.command import between, run_command, whole
from beltmark.simulation import commands
from beltmark.simulation.fleet_command import add_fleet_parser
from beltmark.simulation.shapes.families import CLASS_NAMES
from beltmark.simulation.station import LINGER_S
from beltmark.simulation.world_plan import LabelFault

BUNDLED_CATALOGUE = Path(__file__).parents[1] / "bundled" / "catalogue.csv"


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 2 bad input, 130 Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-sim", description=__doc__)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    dataset = subparsers.add_parser("dataset", help="write a COCO dataset of rendered belts")
    dataset.add_argument("--images", type=whole(1, 1_000_000), required=True)
    dataset.add_argument("--seed", type=whole(0, 2**63), required=True)
    dataset.add_argument("--out", type=Path, required=True, help="folder to write")
    dataset.add_argument("--classes", nargs="+", choices=CLASS_NAMES, default=CLASS_NAMES)
    dataset.add_argument("--workers", type=whole(1, 64), default=1, help="processes (default: 1)")
    dataset.set_defaults(command=commands.dataset)

    video = subparsers.add_parser("video", help="write a video and its truth")
    _add_run_options(video)
    video.add_argument("--out", type=Path, required=True, help="file to write, .mp4 or .avi")
    video.set_defaults(command=commands.video)

    frames = subparsers.add_parser("frames", help="write a folder of frames and their truth")
    _add_run_options(frames)
    frames.add_argument("--out", type=Path, required=True, help="folder to write")
    frames.set_defaults(command=commands.frames)

    station = subparsers.add_parser("station", help="run a live belt, camera and printer")
    _add_run_options(station, seconds=0.0)
    station.add_argument(
        "--linger",
        type=between(0, 3600),
        default=LINGER_S,
        metavar="S",
        help=f"stay for so long when the belt has run empty (default: {LINGER_S:g})",
    )
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
    station.set_defaults(command=commands.station)

    _add_printer(subparsers)

    warehouse = subparsers.add_parser("warehouse", help="run a warehouse system that takes results")
    warehouse.add_argument("--port", type=whole(0, 65535), default=8090, help="(default: 8090)")
    warehouse.add_argument("--seconds", type=between(0.1, 86_400), help="end after this time")
    warehouse.add_argument("--record", type=Path, help="file that keeps each result, once")
    warehouse.add_argument("--orders", type=Path, help="JSON file that it gives out under /orders")
    warehouse.add_argument("--slow-s", type=between(0, 3600), default=0.0, help="for each answer")
    warehouse.add_argument("--fails", action="store_true", help="answer 500, take nothing")
    warehouse.add_argument("--cuts", action="store_true", help="take it, hang up without an answer")
    warehouse.add_argument("--refuse-sku", action="append", default=[], metavar="SKU")
    warehouse.set_defaults(command=commands.warehouse)
    add_fleet_parser(subparsers)
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


def _add_printer(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    printer = subparsers.add_parser("printer", help="run a printer alone")
    printer.add_argument("--port", type=whole(0, 65535), default=9100)
    printer.add_argument("--seconds", type=between(0.1, 86_400), help="end after this time")
    printer.add_argument("--record", type=Path, help="file that keeps what came out")
    printer.add_argument("--slow-s", type=between(0, 3600), default=0.0, help="for each label")
    printer.add_argument("--silent", action="store_true", help="answer no query")
    printer.add_argument("--media-out-after", type=whole(0, 1_000_000), metavar="LABELS")
    printer.add_argument("--dies-after-bytes", type=whole(1, 2**31), metavar="BYTES")
    printer.set_defaults(command=commands.printer)


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


if __name__ == "__main__":
    sys.exit(main())
