"""A whole evaluation, from package and dataset to its sections and its document."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage
from beltmark.datasets.dataset import Dataset, LabelledImage
from training.evaluate import openset, reliability
from training.evaluate.bootstrap import DRAWS
from training.evaluate.cache import LookCache
from training.evaluate.classes import ClassMatch, match_classes
from training.evaluate.collection import Collected, collect
from training.evaluate.context import Context
from training.evaluate.document import (
    EvaluationDocument,
    data_identity,
    package_identity,
    section_documents,
)
from training.evaluate.evaluation import Evaluation, evaluate
from training.evaluate.machine import this_machine
from training.progress import counting
from training.revision import code_revision


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        package: What to evaluate.
        dataset: On what.
        images: The part of it that is chosen.
        part: Which part that is, in words.
        keys: The sections that are wanted.
        target_precision: For the threshold that the package's curve suggests.
        threshold: The operating point, where it is not to be the suggested one.
        fitting: Images put aside for choosing by, for the temperature.
        unknown: Products that the model was never shown; looked at only for the section on them.
        reference: The same model before compression.
        checkpoint: The network that it was exported from.
        cache: Folder for what was seen, so that an interrupted evaluation goes on.
        draws: Of each bootstrap.
        seed: Likewise.
    """

    package: ModelPackage
    dataset: Dataset
    images: tuple[LabelledImage, ...]
    part: str
    keys: tuple[str, ...]
    target_precision: float
    threshold: float | None = None
    fitting: tuple[LabelledImage, ...] = ()
    unknown: Dataset | None = None
    reference: ModelPackage | None = None
    checkpoint: Path | None = None
    cache: Path | None = None
    draws: int = DRAWS
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Measured:
    """What came of it."""

    context: Context
    collected: Collected
    request: Request = field(repr=False)


def measure(request: Request) -> Measured:
    """Lets the package look at everything, and makes the sections that are wanted.

    Raises:
        InputError: Model, reference, dataset or an image cannot be used.
    """
    if not request.images:
        raise InputError("no image to evaluate on", "name others", file=request.dataset.path)
    if request.reference is not None:
        _check_same(request.package, request.reference)
    manifest = request.package.manifest
    classes = match_classes(request.dataset, manifest.classes, manifest.none_of_these)
    with ExitStack() as stack:
        cache = stack.enter_context(LookCache(request.cache)) if request.cache else None
        evaluation = _look(request.package, request.images, classes, cache, "looking")
        fitting = unknown = None
        if request.fitting and reliability.KEY in request.keys:
            fitting = _look(request.package, request.fitting, classes, cache, "to choose by")
        if request.unknown is not None and openset.KEY in request.keys:
            others = match_classes(
                request.unknown, manifest.classes, manifest.none_of_these, may_differ=True
            )
            images = request.unknown.images
            unknown = _look(request.package, images, others, cache, "unknown products")
        context = Context(
            request.package,
            request.dataset,
            classes,
            evaluation,
            request.target_precision,
            chosen_threshold=request.threshold,
            fitting=fitting,
            unknown=unknown,
            reference=request.reference,
            checkpoint=request.checkpoint,
            cache=cache,
            kept=request.cache,
            draws=request.draws,
            seed=request.seed,
        )
        with counting("measuring", len(request.keys)) as advance:
            collected = collect(context, request.keys, advance)
    return Measured(context, collected, request)


def document_of(measured: Measured, created_at: str) -> EvaluationDocument:
    """Returns what is written for gates and for comparing."""
    context, request = measured.context, measured.request
    names = request.package.manifest.classes
    unknown = None
    if request.unknown is not None and context.unknown is not None:
        unknown = data_identity(request.unknown, "all", context.unknown, names)
    return EvaluationDocument(
        created_at=created_at,
        code_revision=code_revision(),
        package=package_identity(request.package),
        reference=None if request.reference is None else package_identity(request.reference),
        data=data_identity(request.dataset, request.part, context.evaluation, names),
        unknown=unknown,
        target_precision=request.target_precision,
        threshold=context.threshold,
        machine=this_machine(),
        draws=request.draws,
        seed=request.seed,
        sections=section_documents(measured.collected),
        left_out=dict(measured.collected.left_out),
    )


def _look(
    package: ModelPackage,
    images: tuple[LabelledImage, ...],
    classes: ClassMatch,
    cache: LookCache | None,
    what: str,
) -> Evaluation:
    with counting(what, len(images)) as advance:
        return evaluate(package, images, classes, cache, lambda: advance(""))


def _check_same(package: ModelPackage, reference: ModelPackage) -> None:
    """Makes sure that a reference can be compared with.

    Raises:
        InputError: It knows other classes, or looks at images otherwise.
    """
    ours, theirs = package.manifest, reference.manifest
    if theirs.classes != ours.classes or theirs.input != ours.input:
        raise InputError(
            "knows other classes than the package, or takes other images",
            "give the reference that was written by the same run",
            file=reference.folder,
        )
