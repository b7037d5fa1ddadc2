"""Judges the items of a dataset's filmed sequences, as two sections of an evaluation."""

from collections.abc import Callable, Sequence
from pathlib import Path

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import Manifest, ModelPackage
from beltmark.contract.policy import Policy
from beltmark.datasets.dataset import Dataset, LabelledImage
from edge_agent.station.items import Rules
from training.evaluate.items_mistakes import mistakes_section
from training.evaluate.items_section import items_section
from training.evaluate.items_sources import gather
from training.evaluate.operating_run import judge_all
from training.evaluate.section import Section
from training.evaluate.sequences import sequences_of


def sections_of_sequences(
    package: ModelPackage,
    dataset: Dataset,
    images: Sequence[LabelledImage],
    policy: Policy,
    *,
    kept: Path | None = None,
    on_step: Callable[[str], None] = lambda told: None,
) -> tuple[Section, ...]:
    """Lets a dataset's sequences pass a station: sections `items` and `item_mistakes`.

    Args:
        package: Whose detector looks.
        dataset: Where the sequences are from.
        images: Only these of its images.
        policy: The operating point.
        kept: Folder for what was seen; None keeps nothing.
        on_step: Called after each sequence and mistake, with its name.

    Returns:
        The sections; none where there is no sequence of items that are known, long enough to be
        decided.

    Raises:
        InputError: The model or an image cannot be used.
    """
    catalogue = product_of_each_class(package.manifest)
    sources = sequences_of(dataset, catalogue, images)
    if not sources:
        return ()
    recordings = gather(package, sources, kept, on_step)
    items = judge_all(recordings, Rules(package.manifest, policy, catalogue))
    return (
        items_section(items, policy),
        mistakes_section(package, policy, items, sources, recordings, on_mistake=on_step),
    )


def product_of_each_class(manifest: Manifest) -> Catalogue:
    """A catalogue with one product for each class, for where no other is given."""
    products = []
    for index, name in enumerate(manifest.classes):
        if name != manifest.none_of_these:
            digits = f"95212346{index:04d}"
            gtin = f"{digits}{gtin_check_digit(digits)}"
            products.append(Product(sku=name, gtin=gtin, name=name, class_name=name))
    return Catalogue(products=tuple(products))
