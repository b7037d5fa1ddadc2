"""Tries a release on this device: `python -m edge_agent.update.acceptance RELEASE …`.

A program of its own, so that a model that crashes or hangs takes nothing else down. Prints its
verdict as one line of JSON. Starting it and keeping its time is left to `trial`.
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beltmark.command import limit_pictures
from beltmark.contract.bundle import Requirements
from beltmark.contract.errors import InputError
from beltmark.contract.release import Release, load_release

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_agent.vision.detector import Detector

NICENESS = 5
"""A third of the weight of the station's threads: they go first, and yet it comes to an end."""
_TIMED_RUNS = 24
_UNTIMED_RUNS = 3
# Whatever else the device does meanwhile makes it slow for a while, a slow model is slow each time.
_ROUNDS = 3


@dataclass(frozen=True)
class Verdict:
    """What came of the trial.

    Attributes:
        is_accepted: Whether the release may run on this device.
        reason: Why not; or what was found out.
    """

    is_accepted: bool
    reason: str


def unmet(requires: Requirements, machine: str) -> str | None:
    """Says which requirement a device of this processor family does not meet; None if it does."""
    if requires.machines and machine not in requires.machines:
        return f"made for {' or '.join(requires.machines)}, and this device is {machine}"
    return None


def judge(release: Release, requires: Requirements, *, threads: int, dpmm: int) -> Verdict:
    """Runs a release's model and draws its labels.

    Args:
        release: The release, loaded.
        requires: What it needs.
        threads: Threads that share one inference.
        dpmm: The printer's dots per millimetre.
    """
    from edge_agent.golden import check_golden_images  # noqa: PLC0415
    from edge_agent.rendering import ReleaseLabels  # noqa: PLC0415
    from edge_agent.vision.detector import Detector  # noqa: PLC0415

    if (problem := unmet(requires, platform.machine())) is not None:
        return Verdict(False, problem)
    try:
        detector = Detector(release.package, threads)
        golden = check_golden_images(release.package, detector)
    except InputError as error:
        return Verdict(False, str(error))
    refused = list(ReleaseLabels(release, dpmm).refused())
    if refused and len(refused) == len(release.catalogue.products):
        return Verdict(False, f"no product's label can be drawn: {refused[0][1]}")
    limit_ms = requires.max_latency_ms
    p95_ms = _p95_ms(detector, _pictures(release), limit_ms)
    if limit_ms is not None and p95_ms > limit_ms:
        return Verdict(
            False,
            f"too slow here: {p95_ms:.1f} ms for a golden image (95th percentile), "
            f"and it must be {limit_ms:g} ms",
        )
    told = f"{golden} golden images agree, {p95_ms:.1f} ms for one"
    if refused:
        told += f"; {len(refused)} products' labels cannot be drawn: {refused[0][1]}"
    return Verdict(True, told)


def _pictures(release: Release) -> "Sequence[NDArray[np.uint8]]":
    """The golden images, uint8 [height, width, 3], BGR; a blank one where there are none."""
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    package = release.package
    read = (cv2.imread(str(package.folder / e.image)) for e in package.golden().images)
    pictures = [np.asarray(image, np.uint8) for image in read if image is not None]
    spec = package.manifest.input
    return pictures or [np.zeros((spec.height_px, spec.width_px, 3), np.uint8)]


def _p95_ms(
    detector: "Detector", pictures: "Sequence[NDArray[np.uint8]]", limit_ms: float | None
) -> float:
    """The 95th percentile of the time for one picture, in the best of a few rounds."""
    import numpy as np  # noqa: PLC0415

    for _ in range(_UNTIMED_RUNS):
        detector.detect(pictures[0])
    best_ms = float("inf")
    for _ in range(_ROUNDS):
        times_ms = []
        for run in range(max(_TIMED_RUNS, len(pictures))):
            begun = time.perf_counter()
            detector.detect(pictures[run % len(pictures)])
            times_ms.append(1_000 * (time.perf_counter() - begun))
        best_ms = min(best_ms, float(np.percentile(times_ms, 95)))
        if limit_ms is None or best_ms <= limit_ms:
            break
    return best_ms


def main(argv: Sequence[str] | None = None) -> int:
    """Tries a release and prints the verdict; exit code 0 whatever it is."""
    parser = argparse.ArgumentParser(prog="acceptance", description=__doc__)
    parser.add_argument("release", type=Path, help="folder of the release")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dpmm", type=int, default=8)
    parser.add_argument("--max-latency-ms", type=float)
    parser.add_argument("--machine", action="append", default=[], help="on which it may run")
    parser.add_argument("--seconds", type=float, default=120.0, help="end by then, come what may")
    arguments = parser.parse_args(argv)
    # Even where the agent is gone and native code hangs, the system ends this.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, arguments.seconds)
    os.nice(NICENESS)
    limit_pictures()
    try:
        requires = Requirements(
            machines=tuple(arguments.machine), max_latency_ms=arguments.max_latency_ms
        )
        verdict = judge(
            load_release(arguments.release),
            requires,
            threads=arguments.threads,
            dpmm=arguments.dpmm,
        )
    except InputError as error:
        verdict = Verdict(False, str(error))
    print(json.dumps(asdict(verdict)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
