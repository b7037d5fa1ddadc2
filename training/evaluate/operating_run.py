"""From package, catalogue and what passes to an operating point: records, judges, chooses.

What passes is divided by scene before anything is looked at: some to choose by, others to confirm.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from beltmark.contract.catalogue import Catalogue
from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import Manifest, ModelPackage
from beltmark.contract.policy import Policy
from beltmark.simulation.shapes.families import CLASS_NAMES
from edge_agent.station.items import Rules
from training.evaluate.items import JudgedItem
from training.evaluate.items_belts import SimulatedBelt
from training.evaluate.items_recording import Recording
from training.evaluate.items_replay import replay
from training.evaluate.items_sources import Source, gather
from training.evaluate.operating_document import OperatingDocument, document
from training.evaluate.operating_point import Criterion, find_operating_point


def find(
    package: ModelPackage,
    catalogue: Catalogue,
    sources: Sequence[Source],
    *,
    seed: int,
    votes: Sequence[int],
    target: float,
    criterion: Criterion,
    kept: Path,
    on_source: Callable[[str], None] = lambda name: None,
) -> OperatingDocument:
    """Chooses an operating point for a target precision per label.

    Args:
        package: The package.
        catalogue: The products that are printed.
        sources: What passes.
        seed: Which sources are to choose by, and which to confirm.
        votes: Numbers of votes to try.
        target: Share of labels that must be right.
        criterion: What must reach the target.
        kept: Folder for recordings; a later run goes on from them.
        on_source: Called after each source, with its name.

    Raises:
        InputError: Package, catalogue or an image cannot be used.
    """
    check_catalogue(catalogue, package.manifest)
    choosing, confirming = divide(sources, seed)
    by = gather(package, choosing, kept, on_source)
    others = gather(package, confirming, kept, on_source)

    def judge(recordings: Sequence[Recording], threshold: float, number: int) -> list[JudgedItem]:
        policy = Policy(target_precision=target, threshold=threshold, min_votes=number)
        return judge_all(recordings, Rules(package.manifest, policy, catalogue))

    choice = find_operating_point(
        lambda threshold, number: judge(by, threshold, number),
        lambda threshold, number: judge(others, threshold, number),
        votes,
        target,
        criterion,
    )
    return document(
        choice,
        package,
        catalogue,
        target,
        chosen_on=tuple(source.name for source in choosing),
        confirmed_on=tuple(source.name for source in confirming),
    )


def judge_all(recordings: Sequence[Recording], rules: Rules) -> list[JudgedItem]:
    """Judges every item of several recordings by a release's rules."""
    return [item for recording in recordings for item in replay(recording, rules)]


def divide(sources: Sequence[Source], seed: int) -> tuple[list[Source], list[Source]]:
    """Divides sources into those to choose by and those to confirm, half of the groups each.

    A group's place depends on its name and the seed alone.
    """
    groups = sorted({s.group for s in sources}, key=lambda g: sha256_of(f"{seed}/{g}".encode()))
    choosing = set(groups[: (len(groups) + 1) // 2])
    return (
        [source for source in sources if source.group in choosing],
        [source for source in sources if source.group not in choosing],
    )


def belts(catalogue: Catalogue, number: int, seed: int, seconds: float) -> list[SimulatedBelt]:
    """Returns belts with these products.

    Raises:
        InputError: The simulation has no form for a class.
    """
    for product in catalogue.products if number else ():
        if product.class_name not in CLASS_NAMES:
            raise InputError(
                f"the simulation has no {product.class_name!r} for {product.sku}",
                f"let filmed sequences pass, or use classes of: {', '.join(CLASS_NAMES)}",
                field="class_name",
            )
    return [SimulatedBelt(catalogue, seed + index, seconds) for index in range(number)]


def check_catalogue(catalogue: Catalogue, manifest: Manifest) -> None:
    """Makes sure that the model can name every product's class.

    Raises:
        InputError: A class is not one of its products' classes.
    """
    for product in catalogue.products:
        if product.class_name not in manifest.classes or (
            product.class_name == manifest.none_of_these
        ):
            known = (name for name in manifest.classes if name != manifest.none_of_these)
            raise InputError(
                f"{product.class_name!r} of {product.sku} is no product's class in package "
                f"{manifest.name}",
                f"use one of: {', '.join(known)}",
                field="class_name",
            )
