"""`make bench`: how fast the station is, where the time goes, and what int8 gains and costs.

Prints a report and, with --write, keeps it. Times are of this machine at this moment: compare
ratios within one report, not milliseconds between two.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from beltmark.contract.documents import write_bytes
from beltmark.contract.package import load_package
from beltmark.contract.release import Release, load_release
from beltmark.demo.station import BUNDLED, station_text
from beltmark.simulation.dataset import DatasetPlan, write_dataset
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan
from bench.empty_belt import empty_belt_figures
from bench.float_twin import float_twin
from bench.stages import STAGES, time_stages

FPS = 15.0
BELT_SEED, SCENES_SEED = 90_001, 90_002


@dataclass(frozen=True)
class Goal:
    """A number of the report and what it should be."""

    name: str
    value: float
    unit: str
    goal: float
    at_least: bool

    @property
    def row(self) -> str:
        """A row of a Markdown table."""
        met = self.value >= self.goal if self.at_least else self.value <= self.goal
        sign = "≥" if self.at_least else "≤"
        verdict = "met" if met else "**missed**"
        measured, goal = f"{self.value:.2f}{self.unit}", f"{sign} {self.goal:g}{self.unit}"
        return f"| {self.name} | {measured} | {goal} | {verdict} |"


def main() -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m bench.station", description=__doc__)
    parser.add_argument("--release", type=Path, default=BUNDLED / "release")
    parser.add_argument("--frames", type=int, default=600, help="of the simulated belt")
    parser.add_argument("--reference", type=Path, help="the fp32 package that training left")
    parser.add_argument("--scenes", type=int, default=300, help="unseen, to compare AP50 on")
    parser.add_argument("--write", type=Path, help="keep the report in this file")
    arguments = parser.parse_args()

    release = load_release(arguments.release)
    jpegs = belt(release, arguments.frames)
    text = "\n".join(
        (
            *heading(release, len(jpegs)),
            *report(release, jpegs, arguments.reference, arguments.scenes),
            "",
        )
    )
    print(text)
    if arguments.write:
        write_bytes(arguments.write, text.encode())
    return 0


def heading(release: Release, frames: int) -> list[str]:
    """Says what was measured on what."""
    return [
        "# Station benchmark",
        "",
        f"Release `{release.name}`, package `{release.package.digest[:12]}`, onnxruntime "
        f"{onnxruntime.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores "
        f"({_processor()}). One thread for the model; {frames} frames of a simulated belt, "
        "480 by 320 pixels, as JPEG. Made with `make bench`.",
        "",
    ]


def report(release: Release, jpegs: list[bytes], reference: Path | None, scenes: int) -> list[str]:
    """Returns the report's lines."""
    seconds, decided = time_stages(release, jpegs, FPS)
    # The first frames load pages and caches; a station runs for days.
    ms = {stage: 1000 * np.array(times[20:]) for stage, times in seconds.items()}
    whole = float(ms["whole"].sum())
    lines = ["| stage | p50 ms | p99 ms | share |", "|---|---|---|---|"]
    for stage in (*STAGES, "whole"):
        p50, p99 = np.percentile(ms[stage], (50, 99))
        lines.append(f"| {stage} | {p50:.2f} | {p99:.2f} | {ms[stage].sum() / whole:.1%} |")
    lines += ["", f"{1000 * len(ms['whole']) / whole:.0f} frames/s; {decided} items decided.", ""]

    outside = 100 * (1 - float(ms["model"].sum()) / whole)
    speed = int8_speed(release)
    memory_mb, start_s = process_figures(release, jpegs)
    spared, cost = empty_belt_figures(release, BELT_SEED, len(jpegs), FPS)
    goals = [
        Goal("share of time outside the model", outside, " %", 15, at_least=False),
        Goal("int8 against fp32, speed of the model", speed, " times", 2, at_least=True),
        Goal("resident memory of the agent", memory_mb, " MB", 300, at_least=False),
        Goal("start to first decision", start_s, " s", 3, at_least=False),
        Goal("frames of an empty belt that spare the model", spared, " %", 80, at_least=True),
        Goal("time of such a frame, of the model's", cost, " %", 10, at_least=False),
    ]
    if reference is not None:
        lost = lost_points(release, reference, scenes)
        goals.append(Goal("AP50 that int8 loses", lost, " points", 0.5, at_least=False))
    lines += ["| figure | measured | goal | |", "|---|---|---|---|", *(goal.row for goal in goals)]
    if reference is None:
        lines += ["", "AP50 of int8 against fp32 needs the fp32 package: `--reference DIR`."]
    return lines


def belt(release: Release, frames: int) -> list[bytes]:
    """Films a simulated belt that carries the release's products; returns JPEG frames."""
    world = World(WorldPlan(seed=BELT_SEED, products=release.catalogue.products))
    return [world.encode(world.step(i / FPS, permitted=True)) for i in range(frames)]


def int8_speed(release: Release, runs: int = 150) -> float:
    """Returns the median over paired runs of fp32's time by int8's, model alone, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    path = release.package.model_path
    sessions = [
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for model in (float_twin(path), str(path))
    ]
    spec = release.package.manifest.input
    shape = (1, spec.height_px, spec.width_px, 3)
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    times = np.empty((runs, 2))
    for run in range(runs):
        for column, session in enumerate(sessions):
            begun = time.perf_counter()
            session.run(None, {spec.name: pixels})
            times[run, column] = time.perf_counter() - begun
    return float(np.median(times[20:, 0] / times[20:, 1]))


def process_figures(release: Release, jpegs: list[bytes]) -> tuple[float, float]:
    """Runs the agent as a process over the frames; returns peak MB and seconds to a decision."""
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames"
        frames.mkdir()
        for index, jpeg in enumerate(jpegs):
            (frames / f"frame_{index:06d}.jpg").write_bytes(jpeg)
        station = Path(folder) / "station.toml"
        data = Path(folder) / "data"
        station.write_text(
            station_text(
                release=release.folder.resolve(),
                data=data,
                camera=frames,
                printer=f"file:{folder}/labels.zpl",
                control="none",
            )
        )
        begun = time.perf_counter()
        command = [sys.executable, "-m", "edge_agent.cli", "run", str(station)]
        decided_s = None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agent:
            assert agent.stdout is not None
            for line in agent.stdout:
                if decided_s is None and (" PRINT " in line or " REVIEW " in line):
                    decided_s = time.perf_counter() - begun
            _, status, usage = os.wait4(agent.pid, 0)
            agent.returncode = os.waitstatus_to_exitcode(status)
    assert decided_s is not None, "the agent decided nothing"
    return usage.ru_maxrss * 1024 / 1e6, decided_s


def lost_points(release: Release, reference: Path, scenes: int) -> float:
    """Returns AP50 points that int8 has less than fp32, on scenes that neither was trained on."""
    from beltmark.datasets.coco import read_coco  # noqa: PLC0415 - pulls in what only this needs
    from training.evaluate.evaluation import evaluate  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        write_dataset(DatasetPlan(images=scenes, seed=SCENES_SEED), Path(folder))
        images = read_coco(Path(folder) / "annotations.json").images
        packages = (load_package(reference), release.package)
        fp32, int8 = (evaluate(package, images).precision.ap50 for package in packages)
    return 100 * (fp32 - int8)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    sys.exit(main())
