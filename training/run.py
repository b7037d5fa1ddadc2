"""One run from a configuration to a proven package; each step is another module's work."""

import logging
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import (
    Manifest,
    ModelPackage,
    load_package,
)
from training import engine
from training.checkpoints import CHECKPOINT, RunState, load_checkpoint
from training.compressing import SCRATCH, make_int8
from training.config import TrainConfig
from training.data.batches import TrainingSamples
from training.drafting import draft_of
from training.early_stopping import EarlyStopping, aside
from training.export import export_core, with_pixels
from training.objective import Network
from training.parts import split_dataset
from training.plan import Plan
from training.presets import read_config
from training.proving import PACKAGE, PROVING, REFERENCE, prove
from training.ranks import ALONE, Ranks
from training.sources import (
    fingerprint,
    open_dataset,
    samples_aside,
    training_samples,
)
from training.stages import Stages
from training.teachers import load_teachers
from training.tracking.tracker import Tracker, flat, tracked

log = logging.getLogger(__name__)


def run(
    config_path: Path, folder: Path, *, resume: bool, ranks: Ranks = ALONE
) -> ModelPackage | None:
    """Trains, compresses, evaluates and packs what the configuration describes.

    Args:
        config_path: The TOML file.
        folder: Where checkpoint, package, reference and report go.
        resume: Go on from the folder's checkpoint.
        ranks: The processes that learn together; all but learning is the first one's.

    Returns:
        The package; None in the other processes.

    Raises:
        InputError: Configuration, data or folder cannot be used.
        Interrupted: The user stopped it; the checkpoint is written.
    """
    config = read_config(config_path)
    if config.training.batch_size % ranks.world:
        raise InputError(
            f"{config.training.batch_size} images are not shared evenly by {ranks.world} processes",
            "set a multiple of their number",
            file=config_path,
            field="training.batch_size",
        )
    if not ranks.leads:
        _follow(config, config_path, folder, resume=resume, ranks=ranks)
        return None
    done = check_folder(folder, config_path, resume=resume)
    if done is not None:
        ranks.any(False)  # there is nothing to learn
        return done
    dataset = open_dataset(config, folder)
    plan = Plan(config, config_path, dataset, split_dataset(config, dataset, folder), folder)
    log.info(
        "%d images to learn from, %d to choose by, %d to be judged by",
        *map(len, (plan.split.train, plan.split.validation, plan.split.test)),
    )
    draft = draft_of(plan)
    with tracked_run(plan, draft) as tracker:
        return _carry_out(plan, draft, tracker, resume=resume, ranks=ranks)


def _follow(
    config: TrainConfig, config_path: Path, folder: Path, *, resume: bool, ranks: Ranks
) -> None:
    """Learns with the first process, from what that has prepared."""
    if not ranks.any(False):
        return
    dataset = open_dataset(config, folder)
    plan = Plan(config, config_path, dataset, split_dataset(config, dataset, folder), folder)
    teachers = load_teachers(config.distill, len(dataset.class_names))
    state, samples, identity = _prepare(plan, resume=resume)
    engine.train(state, samples, config, identity, folder, ranks=ranks, teachers=teachers)


def _prepare(plan: Plan, *, resume: bool) -> tuple[RunState, TrainingSamples, str]:
    """Returns the state to go on from, what is learned from, and what tells both from others'."""
    config, folder, classes = plan.config, plan.folder, len(plan.dataset.class_names)
    state = _start(plan, classes)
    samples = training_samples(config, plan.config_path, plan.split.train, classes, folder)
    state.stopping = _stopping(plan)
    identity = fingerprint(config, plan.dataset, plan.split)
    if resume:
        load_checkpoint(state, folder / CHECKPOINT, identity)
        log.info("resumed at step %d", state.step)
    return state, samples, identity


def _carry_out(
    plan: Plan, draft: Manifest, tracker: Tracker, *, resume: bool, ranks: Ranks
) -> ModelPackage:
    """Trains, exports, quantises and proves."""
    config, folder = plan.config, plan.folder
    teachers = load_teachers(config.distill, len(plan.dataset.class_names))
    state, samples, identity = _prepare(plan, resume=resume)
    stages = Stages(folder, identity, resume=resume)
    ranks.any(True)  # the others may begin
    network = engine.train(
        state,
        samples,
        config,
        identity,
        folder,
        on_step=tracker.metrics,
        ranks=ranks,
        teachers=teachers,
    )
    log.info("trained")
    return finish(plan, draft, network, samples, tracker=tracker, stages=stages)


def finish(
    plan: Plan,
    draft: Manifest,
    network: Network,
    samples: TrainingSamples,
    *,
    tracker: Tracker,
    stages: Stages,
) -> ModelPackage:
    """Exports a trained network, makes it int8 and proves it.

    Args:
        plan: The run.
        draft: The manifest as it was known before training.
        network: Ready for use.
        samples: What it learned from.
        tracker: Is told what was measured.
        stages: Keeps what was made on the way, until all is.
    """
    spec = draft.input
    log.info("exporting")
    core = stages.model("core", lambda: export_core(network, spec))
    log.info("exported; quantising")
    int8 = stages.model("int8", lambda: make_int8(plan, draft, core, samples))
    log.info("quantised; proving")
    package = prove(plan, draft, int8, with_pixels(core, spec), tracker)
    stages.clear()
    return package


def _start(plan: Plan, classes: int) -> RunState:
    """Makes the network; a backbone that is not to be had is told with the file that asks for it.

    Raises:
        InputError: There is no such backbone, or not its weights.
    """
    try:
        return engine.start(plan.config, classes)
    except InputError as error:
        raise InputError(
            error.problem, error.mend, file=plan.config_path, field="training.backbone"
        ) from None


def _stopping(plan: Plan) -> EarlyStopping | None:
    """Returns what looks at validation while the run goes on, if it is to.

    Raises:
        InputError: No images were put aside for that, or one is unreadable.
    """
    settings, images = plan.config.training, plan.split.validation
    if not settings.check_every:
        return None
    if not images:
        raise InputError(
            "there are no images of validation to look at",
            "put some aside (data.validation_share), or set it to 0",
            file=plan.config_path,
            field="training.check_every",
        )
    samples = samples_aside(plan.config, plan.config_path, images, plan.folder)
    return EarlyStopping(plan.config, aside(samples, len(images), settings.batch_size))


def tracked_run(plan: Plan, draft: Manifest) -> AbstractContextManager[Tracker]:
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


def check_folder(folder: Path, config_path: Path, *, resume: bool) -> ModelPackage | None:
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
        lefts = (path for begin in (PROVING, SCRATCH) for path in folder.glob(f"{begin}*"))
        for left in (folder / REFERENCE, *lefts):
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
