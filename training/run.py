"""One run from a configuration to a proven package; each step is another module's work."""

import logging
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from beltmark.contract.documents import parse, read_bytes, sha256_of, sync
from beltmark.contract.errors import InputError
from beltmark.contract.package import (
    GOLDEN,
    MANIFEST,
    MODEL,
    Lineage,
    Manifest,
    ModelPackage,
    Postprocess,
    load_package,
)
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.images import read_image, read_image_bytes
from beltmark.datasets.split import Split
from edge_agent.vision.detector import Detector
from training import engine
from training.compress.quantise import quantise
from training.config import TrainConfig
from training.data.batches import TrainingSamples
from training.evaluate.calibration import fit_temperature
from training.evaluate.evaluation import Evaluation, evaluate, metrics_of
from training.export import export_core, outputs_of, with_pixels
from training.package import write_package
from training.presets import read_config
from training.report import write_report
from training.revision import code_revision
from training.sources import fingerprint, input_spec, open_dataset, split_dataset, training_samples
from training.stages import Stages
from training.tracking.tracker import Tracker, flat, tracked

log = logging.getLogger(__name__)

PACKAGE = "package"
REPORT = "report"
REFERENCE = "reference-fp32"
"""A second package with the same model before compression, for comparing; it never ships."""

PROVING = ".proving-"
"""Begins the names of folders that a run removes when it ends."""

NOT_YET = "0" * 64
"""Stands for digests in a draft."""

SCORE_FLOOR = 0.02
"""What is less likely is not told. Trackers want more than this, but the curve needs the rest."""

TIMED_RUNS = 60


@dataclass(frozen=True)
class _Plan:
    """What a run is made of."""

    config: TrainConfig
    config_path: Path
    dataset: Dataset
    split: Split
    folder: Path

    @property
    def judged_by(self) -> tuple[LabelledImage, ...]:
        """The images for the last evaluation."""
        return self.split.test

    @property
    def chosen_by(self) -> tuple[LabelledImage, ...]:
        """The images for temperature and curve."""
        return self.split.validation or self.split.test


def run(config_path: Path, folder: Path, *, resume: bool) -> ModelPackage:
    """Trains, compresses, evaluates and packs what the configuration describes.

    Args:
        config_path: The TOML file.
        folder: Where checkpoint, package, reference and report go.
        resume: Go on from the folder's checkpoint.

    Raises:
        InputError: Configuration, data or folder cannot be used.
        Interrupted: The user stopped it; the checkpoint is written.
    """
    config = read_config(config_path)
    done = _check_folder(folder, config_path, resume=resume)
    if done is not None:
        return done
    dataset = open_dataset(config, folder)
    plan = _Plan(config, config_path, dataset, split_dataset(config, dataset), folder)
    log.info(
        "%d images to learn from, %d to choose by, %d to be judged by",
        *map(len, (plan.split.train, plan.split.validation, plan.split.test)),
    )
    draft = _draft(plan)
    with _tracked(plan, draft) as tracker:
        return _carry_out(plan, draft, tracker, resume=resume)


def _carry_out(plan: _Plan, draft: Manifest, tracker: Tracker, *, resume: bool) -> ModelPackage:
    """Trains, exports, quantises and proves."""
    config, dataset, folder = plan.config, plan.dataset, plan.folder
    classes = len(dataset.class_names)
    samples = training_samples(config, plan.config_path, plan.split.train, classes, folder)
    state = engine.start(config, classes)
    identity = fingerprint(config, dataset, plan.split)
    stages = Stages(folder, identity, resume=resume)
    if resume:
        engine.load_checkpoint(state, folder / engine.CHECKPOINT, identity)
        log.info("resumed at step %d", state.step)
    network = engine.train(state, samples, config, identity, folder, on_step=tracker.metrics)
    spec = input_spec(config)
    log.info("trained; exporting")
    core = stages.model("core", lambda: export_core(network, spec))
    log.info("exported; quantising")
    int8 = stages.model("int8", lambda: quantise(core, calibration_inputs(samples, config), spec))
    log.info("quantised; proving")
    package = _prove(plan, draft, int8, with_pixels(core, spec), tracker)
    stages.clear()
    return package


def _tracked(plan: _Plan, draft: Manifest) -> AbstractContextManager[Tracker]:
    """Begins to track: configuration, code revision, data, and what the run belongs to."""
    config, lineage = plan.config, draft.lineage
    assert lineage is not None, "a draft has one"
    parts = {"train": plan.split.train, "chosen_by": plan.chosen_by, "judged_by": plan.judged_by}
    return tracked(
        plan.folder,
        config.name,
        enabled=config.tracking.enabled,
        experiment=config.tracking.experiment or config.name,
        sweep=config.tracking.sweep,
        params=flat(config.model_dump(mode="json", exclude={"tracking"}))
        | {f"data.{name}_images": len(images) for name, images in parts.items()},
        tags={
            "mlflow.source.git.commit": lineage.code_revision,
            "beltmark.config_sha256": lineage.config_sha256,
            "beltmark.dataset": str(plan.dataset.path),
            "beltmark.dataset_sha256": lineage.dataset_sha256,
            "beltmark.folder": str(plan.folder.absolute()),
            **{f"beltmark.version.{name}": told for name, told in lineage.versions.items()},
        },
        killed_by=(KeyboardInterrupt, engine.Interrupted),
    )


def calibration_inputs(
    samples: TrainingSamples, config: TrainConfig
) -> Iterator[NDArray[np.uint8]]:
    """Yields model inputs, uint8 [1, H, W, 3], that training would have seen next.

    They are varied like those of training, as what the camera will show is: ranges taken from the
    bare images would be too narrow for other scenes.
    """
    first = config.training.steps * config.training.batch_size
    for number in range(first, first + config.compress.calibration_images):
        yield samples[number].image_bgr[np.newaxis]


def _check_folder(folder: Path, config_path: Path, *, resume: bool) -> ModelPackage | None:
    """Makes the folder, and refuses to replace what an earlier run proved.

    Returns:
        The package, where there is nothing left to resume. It is written last.

    Raises:
        InputError: The folder cannot be made, or holds a package.
    """
    if resume and (folder / PACKAGE).exists():
        package = load_package(folder / PACKAGE)
        lineage = package.manifest.lineage
        if lineage is not None and lineage.config_sha256 == sha256_of(read_bytes(config_path)):
            log.info("all is done already")
            return package
    elif resume:
        for left in (folder / REFERENCE, *folder.glob(f"{PROVING}*")):
            if left.exists():
                shutil.rmtree(left)
    for name in (PACKAGE, REFERENCE):
        if (folder / name).exists():
            mend = "give another --out, or remove it"
            raise InputError("exists already", mend, file=folder / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be made: {error.strerror}", "name a folder that can be written", file=folder
        ) from None
    return None


def _prove(
    plan: _Plan,
    draft: Manifest,
    int8: onnx.ModelProto,
    reference: onnx.ModelProto,
    tracker: Tracker,
) -> ModelPackage:
    """Calibrates on one part, judges on the other, and writes package, reference and report."""
    golden = _golden_images(plan)
    with tempfile.TemporaryDirectory(dir=plan.folder, prefix=PROVING) as scratch:
        raw = write_package(Path(scratch) / "raw", int8, draft, golden)
        before = evaluate(raw, plan.chosen_by)
        calibration = fit_temperature(before.answers.scores, before.answers.right)
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
            losses=tracker.curves("loss_"),
            dataset=plan.dataset,
            parts={"train": plan.split.train, "test": plan.judged_by}
            | ({"validation": plan.split.validation} if plan.split.validation else {}),
            made_at=_now(),
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
    log.info(
        "AP50 %.4f, AP50-95 %.4f on the int8 file (fp32 AP50 %.4f); %s",
        metrics["ap50"],
        metrics["ap50_95"],
        further["ap50_fp32"],
        package.folder,
    )
    return package


def _compare(
    package: ModelPackage, reference: ModelPackage, images: Sequence[LabelledImage]
) -> dict[str, float]:
    """Compares int8 with fp32: size, time of one inference on one thread, average precision."""
    before: Evaluation = evaluate(reference, images)
    return {
        "ap50_fp32": round(before.precision.ap50, 5),
        "ap50_95_fp32": round(before.precision.ap50_95, 5),
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


def _golden_images(plan: _Plan) -> list[bytes]:
    """Returns image files with the most objects first, from different scenes where possible."""
    ranked = sorted(plan.judged_by, key=lambda image: -len(image.objects))
    first_of_scene = list({image.scene: image for image in reversed(ranked)}.values())[::-1]
    rest = [image for image in ranked if image not in first_of_scene]
    chosen = (first_of_scene + rest)[: plan.config.golden_images]
    return [read_image_bytes(image) for image in chosen]


def _draft(plan: _Plan) -> Manifest:
    """Returns the manifest as far as it is known before training.

    Raises:
        InputError: The dataset's classes cannot be a model's, or `none_of_these` is not one.
    """
    config = plan.config
    return parse(
        {
            "name": config.name,
            "classes": plan.dataset.class_names,
            "none_of_these": config.none_of_these,
            "input": input_spec(config),
            "outputs": outputs_of("detect"),
            "postprocess": Postprocess(score_floor=SCORE_FLOOR),
            "files": {MODEL: NOT_YET, GOLDEN: NOT_YET},
            "lineage": Lineage(
                created_at=_now(),
                code_revision=code_revision(),
                config_sha256=sha256_of(read_bytes(plan.config_path)),
                dataset=plan.dataset.path.parent.name,
                dataset_sha256=plan.dataset.sha256,
                split_sha256=plan.split.sha256,
                seed=config.training.seed,
                versions={
                    name: version(name)
                    for name in ("torch", "onnx", "onnxruntime", "albumentations", "numpy")
                }
                | {"python": platform.python_version()},
            ),
        },
        Manifest,
        plan.config_path,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
