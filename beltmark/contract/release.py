"""The release: a model package with the policy, layouts and catalogue that were approved with it.

    release.json      name, the package's digest, the policy
    package/          the model package
    layouts/*.toml    label layouts; a product names its layout by the file's stem
    catalogue.csv     the products

Signatures come from outside (TUF targets): this module checks content, not who made it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from beltmark.contract.catalogue import Catalogue, read_catalogue
from beltmark.contract.documents import Document, read_document
from beltmark.contract.errors import InputError
from beltmark.contract.layout import Layout, read_layout
from beltmark.contract.package import ModelPackage, Sha256, load_package
from beltmark.contract.policy import Policy

RELEASE = "release.json"


class ReleaseDocument(Document):
    """`release.json`."""

    format_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
    package_sha256: Sha256
    policy: Policy


@dataclass(frozen=True)
class Release:
    """A release whose parts fit each other: every product has a class and a layout."""

    folder: Path
    name: str
    package: ModelPackage
    policy: Policy
    layouts: dict[str, Layout]
    catalogue: Catalogue


def load_release(folder: Path) -> Release:
    """Loads a release and checks that its parts fit each other.

    Raises:
        InputError: A part is missing, damaged, or does not fit the others.
        UnknownVersionError: A document has a version that is not known here.
    """
    if not folder.is_dir():
        raise InputError("no such release", "give the folder that holds release.json", file=folder)
    document = read_document(folder / RELEASE, ReleaseDocument)
    package = load_package(folder / "package")
    if package.digest != document.package_sha256:
        raise InputError(
            f"names the package {document.package_sha256[:12]}, but package/ is "
            f"{package.digest[:12]}",
            "put the approved package there, or make the release anew",
            file=folder / RELEASE,
            field="package_sha256",
        )
    layouts = {path.stem: read_layout(path) for path in sorted((folder / "layouts").glob("*.toml"))}
    catalogue = read_catalogue(folder / "catalogue.csv")
    _check_fit(folder, package, layouts, catalogue)
    return Release(folder, document.name, package, document.policy, layouts, catalogue)


def _check_fit(
    folder: Path, package: ModelPackage, layouts: dict[str, Layout], catalogue: Catalogue
) -> None:
    manifest = package.manifest
    for product in catalogue.products:
        where = f"{folder / 'catalogue.csv'}: sku {product.sku}"
        if product.class_name not in manifest.classes:
            raise InputError(
                f"{product.class_name!r} is no class of package {manifest.name}",
                f"use one of: {', '.join(manifest.classes)}",
                file=where,
                field="class_name",
            )
        if product.class_name == manifest.none_of_these:
            raise InputError(
                f"{product.class_name!r} means that an item is none of the products",
                "give the product a class of its own",
                file=where,
                field="class_name",
            )
        if product.layout not in layouts:
            known = ", ".join(sorted(layouts)) or "there is none"
            raise InputError(
                f"no layout {product.layout!r} in layouts/",
                f"add {product.layout}.toml or use one of: {known}",
                file=where,
                field="layout",
            )
