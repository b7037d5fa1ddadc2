"""A release whose model cannot be used: what it says of products still stands."""

from pathlib import Path

from beltmark.contract.catalogue import read_catalogue
from beltmark.contract.documents import read_document
from beltmark.contract.errors import InputError
from beltmark.contract.layout import read_layout
from beltmark.contract.package import (
    GOLDEN,
    MODEL,
    InputSpec,
    Manifest,
    ModelPackage,
    OutputSpec,
)
from beltmark.contract.release import RELEASE, Release, ReleaseDocument

NO_PACKAGE = "none"
"""Digest of a package that there is not."""

_NOTHING = "not-a-product"


def release_without_model(folder: Path) -> Release:
    """Loads what a release says of products; its package is not looked at.

    Raises:
        InputError: That is missing or damaged as well.
    """
    document = read_document(folder / RELEASE, ReleaseDocument)
    layouts = {path.stem: read_layout(path) for path in sorted((folder / "layouts").glob("*.toml"))}
    catalogue = read_catalogue(folder / "catalogue.csv")
    for product in catalogue.products:
        if product.layout not in layouts:
            raise InputError(
                f"no layout {product.layout!r} in layouts/",
                f"add {product.layout}.toml",
                file=folder / "catalogue.csv",
                field="layout",
            )
    classes = dict.fromkeys(product.class_name for product in catalogue.products)
    package = ModelPackage(folder / "package", _manifest((*classes, _NOTHING)), NO_PACKAGE)
    return Release(folder, document.name, package, document.policy, layouts, catalogue)


def _manifest(classes: tuple[str, ...]) -> Manifest:
    """What a package without a model would say of itself."""
    digest = "0" * 64
    return Manifest(
        name=NO_PACKAGE,
        classes=classes,
        none_of_these=_NOTHING,
        input=InputSpec(name=NO_PACKAGE, height_px=32, width_px=32),
        outputs=OutputSpec(embedding_size=1),
        files={MODEL: digest, GOLDEN: digest},
    )
