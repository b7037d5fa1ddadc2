"""Times each stage of the station on one thread, from the camera's JPEG to the decision."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.release import Release
from edge_agent.capture.frame import Frame
from edge_agent.evidence import EvidenceFolder
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.journal import Journal
from edge_agent.printing.printers.opening import open_printer
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.rendering import ReleaseLabels
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.station import StationSettings
from edge_agent.station_loop import StationLoop
from edge_agent.vision.detector import Detection, Detector

Seconds = dict[str, list[float]]
STAGES = ("decode", "prepare", "model", "interpret", "track and decide")


class StagedDetector:
    """The detector, its three stages timed apart."""

    def __init__(self, detector: Detector, seconds: Seconds) -> None:
        self._detector, self._seconds = detector, seconds

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        """Finds items in uint8 [height, width, 3], BGR."""
        begun = time.perf_counter()
        model_input, letterbox = self._detector.prepare(image_bgr)
        prepared = time.perf_counter()
        candidates = self._detector.infer(model_input)
        inferred = time.perf_counter()
        found = self._detector.interpret(candidates, letterbox)
        interpreted = time.perf_counter()
        self._seconds["prepare"].append(prepared - begun)
        self._seconds["model"].append(inferred - prepared)
        self._seconds["interpret"].append(interpreted - inferred)
        return found


def time_stages(release: Release, jpegs: Sequence[bytes], fps: float) -> tuple[Seconds, int]:
    """Runs the real station over encoded frames as fast as it goes.

    Journal, evidence and a printer that is a file are real too, with their threads.

    Args:
        release: What the station runs.
        jpegs: Frames of a belt that travels to the right, in order.
        fps: Their pace.

    Returns:
        Seconds per stage and frame, "whole" among them, and how many items were decided.
    """
    seconds: Seconds = defaultdict(list)
    height_px, width_px = _decoded(jpegs[0]).shape[:2]
    decided = 0
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.sqlite", "bench")
        desk = OutcomeDesk(journal, _NoDivert(), time.time)
        spooler = Spooler(
            open_printer(f"file:{folder}/labels.zpl"),
            journal,
            ReleaseLabels(release, 8),
            desk,
            SpoolerSettings(confirmation="counter"),
        )
        desk.print_through(spooler)
        evidence = EvidenceFolder(Path(folder) / "items")
        loop = StationLoop(
            geometry=StationGeometry((0, 0, width_px, height_px), "right", 0.6),
            release=release,
            settings=StationSettings(permit_timeout_s=None),
            detector=StagedDetector(Detector(release.package, threads=1), seconds),
            journal=journal,
            desk=desk,
            labels=spooler,
            recollection=journal.recollection,
            evidence=evidence,
        )
        spooler.start()
        begun_at = time.time()
        for index, jpeg in enumerate(jpegs):
            begun = time.perf_counter()
            image = _decoded(jpeg)
            decoded = time.perf_counter()
            report = loop.step(Frame(image, index, begun_at + index / fps))
            done = time.perf_counter()
            seconds["decode"].append(decoded - begun)
            seconds["step"].append(done - decoded)
            seconds["whole"].append(done - begun)
            decided += len(report.decided)
        loop.finish()
        journal.flush()
        spooler.stop()
        journal.close()
        evidence.close()
    within = zip(seconds["prepare"], seconds["model"], seconds["interpret"], strict=True)
    steps = zip(seconds.pop("step"), within, strict=True)
    seconds["track and decide"] = [step - sum(parts) for step, parts in steps]
    return seconds, decided


class _NoDivert:
    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        """Nothing is taken off a bench's belt."""


def _decoded(jpeg: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)
