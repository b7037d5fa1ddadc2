"""Proves a trained model: calibrates, judges the very file that ships, compares, and packs it."""

import logging
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx

from beltmark.contract.documents import read_document, sync
from beltmark.contract.package import MANIFEST, Manifest, ModelPackage, load_package
from beltmark.datasets.dataset import LabelledImage
from beltmark.datasets.images import read_image, read_image_bytes
from edge_agent.vision.detector import Detector
from training.compress.record import FILE, CompressionRecord
from training.evaluate.calibration import end_of_range, fit_temperature
from training.evaluate.evaluation import LEADING, answer_scores, evaluate, metrics_of
from training.package import write_package
from training.plan import Plan
from training.report import write_report
from training.tracking.tracker import Tracker

log = logging.getLogger(__name__)

PACKAGE = "package"
REPORT = "report"
REFERENCE = "reference-fp32"
"""A second package with the same model before compression, for comparing; it never ships."""

PROVING = ".proving-"
"""Begins the names of folders that a run removes when it ends."""

TIMED_RUNS = 60


def prove(
    plan: Plan,
    draft: Manifest,
    int8: onnx.ModelProto,
    reference: onnx.ModelProto,
    tracker: Tracker,
) -> ModelPackage:
    """Calibrates on one part, judges on the other, and writes package, reference and report.

    Args:
        plan: The run.
        draft: The manifest as it was known before training.
        int8: The model that ships.
        reference: The same before compression, taking the same pixels.
        tracker: Is told what was measured.
    """
    golden = _golden_images(plan)
    with tempfile.TemporaryDirectory(dir=plan.folder, prefix=PROVING) as scratch:
        raw = write_package(Path(scratch) / "raw", int8, draft, golden)
        before = evaluate(raw, plan.chosen_by)
        calibration = fit_temperature(
            answer_scores(before, draft), before.answers.right, draft.calibration.method
        )
        if (told := end_of_range(calibration.temperature)) is not None:
            log.warning("%s", told)
        known = draft.model_copy(update={"calibration": calibration})
        calibrated = write_package(Path(scratch) / "calibrated", int8, known, golden)
        chosen = evaluate(calibrated, plan.chosen_by)
        final = evaluate(calibrated, plan.judged_by)
        metrics = metrics_of(final)
        manifest = known.model_copy(update={"curve": chosen.curve, "metrics": metrics})
        staged = write_package(Path(scratch) / PACKAGE, int8, manifest, golden)
        reference_package = write_package(plan.folder / REFERENCE, reference, manifest, golden)
        further = _compare(staged, reference_package, plan.judged_by)
        measured = write_report(
            plan.folder / REPORT,
            staged,
            final,
            target_precision=plan.config.target_precision,
            chosen_on_test=not plan.split.validation,
            further=further,
            compression=read_document(plan.folder / FILE, CompressionRecord),
            losses=tracker.curves("loss_"),
            dataset=plan.dataset,
            parts=plan.parts,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        # Last: where the package is, all is there.
        staged.folder.rename(plan.folder / PACKAGE)
    sync(plan.folder)
    package = load_package(plan.folder / PACKAGE)
    tracker.metrics(plan.config.training.steps, {f"test_{k}": v for k, v in measured.items()})
    tracker.tags({"beltmark.package_sha256": package.digest})
    tracker.file(plan.config_path)
    tracker.file(plan.folder / REPORT)
    tracker.file(package.folder / MANIFEST, PACKAGE)  # the package itself stays where it is
    told = ", ".join(
        f"{name} {metrics[name]:.4f} (fp32 {further[f'{name}_fp32']:.4f})"
        for name in LEADING[package.manifest.task]
    )
    log.info("%s on the int8 file; %s", told, package.folder)
    return package


def _compare(
    package: ModelPackage, reference: ModelPackage, images: Sequence[LabelledImage]
) -> dict[str, float]:
    """Compares int8 with fp32: size, time of one inference on one thread, how good it is."""
    before = metrics_of(evaluate(reference, images))
    return {
        **{f"{name}_fp32": before[name] for name in LEADING[package.manifest.task]},
        "bytes": float(package.model_path.stat().st_size),
        "bytes_fp32": float(reference.model_path.stat().st_size),
        "model_ms": round(_inference_ms(package, images), 2),
        "model_ms_fp32": round(_inference_ms(reference, images), 2),
    }


def _inference_ms(package: ModelPackage, images: Sequence[LabelledImage]) -> float:
    """Returns the median time of the model alone, on one thread."""
    detector = Detector(package, threads=1)
    times = []
    picture = read_image(images[0])
    model_input, _ = detector.prepare(picture)
    for _ in range(TIMED_RUNS):
        started = time.perf_counter()
        detector.infer(model_input)
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1000


def _golden_images(plan: Plan) -> list[bytes]:
    """Returns image files with the most objects first, from different scenes where possible.

    Of images that are of one class as a whole, from different classes.
    """
    ranked = sorted(plan.judged_by, key=lambda image: -len(image.objects))
    of_group = {_golden_group(image): image for image in reversed(ranked)}
    first_of_group = list(of_group.values())[::-1]
    rest = [image for image in ranked if image not in first_of_group]
    chosen = (first_of_group + rest)[: plan.config.golden_images]
    return [read_image_bytes(image) for image in chosen]


def _golden_group(image: LabelledImage) -> str | int:
    return image.scene if image.class_index is None else image.class_index
