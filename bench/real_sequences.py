"""Runs the agent over real filmed sequences: goods at rest, a camera that moves.

Nobody expects a label twice for one product in one sequence, nor one for a product that is not in
it. Each sequence is given to `beltmark-edge run` as a folder of frames, and judged by the boxes
that people drew. The package must know the dataset's classes; train it without these scenes, or say
that it knew them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from beltmark.contract.catalogue import gtin_check_digit
from beltmark.datasets.coco import read_coco
from beltmark.datasets.dataset import LabelledImage
from beltmark.demo.station import BUNDLED

BLANK_S = 2.0
STATION = """\
[station]
name = "sequence"
release = "{release}"
data = "data"

[camera]
source = "frames"
fps = {fps}

[zone]
rect_xyxy_px = [0, 0, {width}, {height}]
travel = "none"

[printer]
address = "file:labels.zpl"
"""


@dataclass(frozen=True)
class SequenceResult:
    """What the agent did with one sequence.

    Attributes:
        sequence: Its name in the dataset.
        scene: Its scene.
        frames: How many.
        products: Classes that are in it, by people's word.
        labels: Labels per class.
        reviews: Items that went to a person.
    """

    sequence: str
    scene: str
    frames: int
    products: frozenset[str]
    labels: Counter[str]
    reviews: int

    @property
    def row(self) -> str:
        """A row of a Markdown table."""
        twice = sum(count - 1 for count in self.labels.values())
        wrong = sum(n for name, n in self.labels.items() if name not in self.products)
        return (
            f"| {self.sequence} | {self.scene} | {self.frames} | {len(self.products)} "
            f"| {self.labels.total()} | {self.reviews} | {twice} | {wrong} |"
        )


def main() -> int:
    """Runs every sequence that is long enough and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.real_sequences", description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("--least-frames", type=int, default=8)
    parser.add_argument("--fps", type=float, default=5.0, help="pace of the frames")
    parser.add_argument("--target-precision", type=float, default=0.99)
    arguments = parser.parse_args()

    sequences: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    dataset = read_coco(arguments.annotations)
    for image in dataset.images:
        sequences[image.sequence].append(image)
    print("| sequence | scene | frames | products | labels | reviews | twice | wrong |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        release = make_release(arguments.package, arguments.target_precision, Path(folder))
        for sequence, images in sequences.items():
            if len(images) >= arguments.least_frames:
                home = Path(folder) / f"sequence-{sequence}"
                items = run(images, release, home, arguments.fps)
                print(judged(images, dataset.class_names, items).row, flush=True)
    return 0


def make_release(package: Path, target_precision: float, folder: Path) -> Path:
    """Makes a release with one product per class; returns its folder."""
    manifest = json.loads((package / "manifest.json").read_text())
    rows = ["sku,gtin,name,class_name"]
    for index, name in enumerate(manifest["classes"]):
        if name != manifest["none_of_these"]:
            digits = f"95212346{index:04d}"
            rows.append(f"{name},{digits}{gtin_check_digit(digits)},{name},{name}")
    (folder / "catalogue.csv").write_text("\n".join(rows))
    release = folder / "release"
    _run("training.cli", "release", package, "--catalogue", folder / "catalogue.csv",
         "--layouts", BUNDLED / "layouts", "--target-precision", target_precision,
         "--out", release)  # fmt: skip
    return release


def run(
    images: Sequence[LabelledImage], release: Path, home: Path, fps: float
) -> list[dict[str, Any]]:
    """Runs the agent over one sequence; returns its journal's items."""
    (home / "frames").mkdir(parents=True)
    ordered = sorted(images, key=lambda image: image.path.name)
    size_px = (ordered[0].height_px, ordered[0].width_px, 3)
    _, blank = cv2.imencode(".jpg", np.full(size_px, 128, np.uint8))
    # What lies there when an agent starts goes to a person: let it start before the goods are seen.
    for index in range(round(BLANK_S * fps)):
        (home / "frames" / f"{index:04d}.jpg").write_bytes(blank.tobytes())
    for index, image in enumerate(ordered, start=round(BLANK_S * fps)):
        (home / "frames" / f"{index:04d}.jpg").symlink_to(image.path.resolve())
    station = home / "station.toml"
    size = {"width": ordered[0].width_px, "height": ordered[0].height_px}
    station.write_text(STATION.format(release=release, fps=fps, **size))
    _run("edge_agent.cli", "run", station, "--quiet")
    return [json.loads(line) for line in _run("edge_agent.cli", "journal", station, "--json")]


def judged(
    images: Sequence[LabelledImage], class_names: Sequence[str], items: list[dict[str, Any]]
) -> SequenceResult:
    """Holds what the agent did with one sequence against what people drew in it."""
    present = {class_names[thing.class_index] for image in images for thing in image.objects}
    return SequenceResult(
        sequence=images[0].sequence,
        scene=images[0].scene,
        frames=len(images),
        products=frozenset(present),
        labels=Counter(item["sku"] for item in items if item["print_state"] == "printed"),
        reviews=sum(item["outcome"] == "REVIEW" for item in items),
    )


def _run(module: str, *arguments: object) -> list[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
