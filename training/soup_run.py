"""From several runs to one proven package: their mean, where it is better than the best of them."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage
from training.checkpoints import CHECKPOINT, averaged_network
from training.data.batches import batches
from training.drafting import draft_of
from training.early_stopping import EarlyStopping, aside
from training.model.detector import normalised
from training.objective import Network
from training.parts import split_dataset
from training.plan import Plan
from training.presets import read_config
from training.run import check_folder, finish, tracked_run
from training.soup import cook
from training.sources import fingerprint, open_dataset, samples_aside, training_samples
from training.stages import Stages

log = logging.getLogger(__name__)

MEASURED_BATCHES = 20
"""What normalisation is measured on."""


def run_soup(config_path: Path, runs: Sequence[Path], folder: Path) -> ModelPackage:
    """Averages what runs learned, chooses on validation, compresses, evaluates and packs.

    Args:
        config_path: Of the data and the package; what it says of training was done by the runs.
        runs: Folders of runs on the same classes with the same network, or their checkpoints.
        folder: Where package, reference and report go.

    Raises:
        InputError: Configuration, data, a checkpoint or the folder cannot be used.
    """
    config = read_config(config_path)
    check_folder(folder, config_path, resume=False)
    dataset = open_dataset(config, folder)
    plan = Plan(config, config_path, dataset, split_dataset(config, dataset, folder), folder)
    draft = draft_of(plan)
    classes, settings = len(dataset.class_names), config.training
    paths = [path / CHECKPOINT if path.is_dir() else path for path in runs]
    networks = [
        averaged_network(path, config.task, classes, mend="give runs on the same classes")
        for path in paths
    ]
    _check_alike(networks, paths)
    samples = training_samples(config, config_path, plan.split.train, classes, folder)
    judged = samples_aside(config, config_path, plan.chosen_by, folder)
    looks = EarlyStopping(config, aside(judged, len(plan.chosen_by), settings.batch_size))

    def images() -> Iterator[Tensor]:
        loader = batches(
            samples,
            first_step=settings.steps,
            steps=settings.steps + MEASURED_BATCHES,
            batch_size=settings.batch_size,
            workers=settings.workers,
        )
        return (normalised(batch.images) for batch in loader)

    torch.set_num_threads(settings.threads)
    with tracked_run(plan, draft) as tracker:
        soup = cook(networks, looks.check, images)
        for path, loss in zip(paths, soup.losses, strict=True):
            log.info("%s: loss %.4f", path, loss)
        log.info(
            "mean of %d of %d: loss %.4f; of all: %.4f",
            len(soup.taken),
            len(paths),
            soup.loss,
            soup.uniform_loss,
        )
        stages = Stages(folder, fingerprint(config, dataset, plan.split), resume=False)
        return finish(plan, draft, soup.network, samples, tracker=tracker, stages=stages)


def _check_alike(networks: Sequence[Network], paths: Sequence[Path]) -> None:
    shapes = [
        {name: value.shape for name, value in network.state_dict().items()} for network in networks
    ]
    for path, each in zip(paths, shapes, strict=True):
        if each != shapes[0]:
            raise InputError(
                f"has another network than {paths[0]}", "give runs of the same backbone", file=path
            )
