"""`operating.json`: an operating point chosen from whole items, with what speaks for it.

`beltmark-train operating-point` writes it, `release` makes the policy from it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from beltmark.contract.catalogue import Catalogue
from beltmark.contract.documents import Document, read_document, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage, Probability, Sha256
from beltmark.contract.policy import Policy
from training.evaluate.operating_point import (
    CONFIDENCE,
    Choice,
    Criterion,
    Finding,
    Point,
    finding,
)


class CountedPoint(Document):
    """A policy's point, and what it did to the items that were counted.

    Attributes:
        threshold: Fused probability from which an item is printed.
        min_votes: Frames that must have seen it.
        labels: Labels printed.
        wrong: Of these, those that are not right: another product's, a second one, or on something
            that is none of the products.
        precision: Share of the labels that are right; None without a label.
        precision_lower: What the labels prove of it, one-sided.
        products: Products that passed.
        coverage: Share of these that got their label.
        coverage_interval: Where that lies, two-sided.
        fates: Items by what became of them.
    """

    threshold: Probability
    min_votes: int = Field(ge=1)
    labels: int = Field(ge=0)
    wrong: int = Field(ge=0)
    precision: Probability | None
    precision_lower: Probability
    products: int = Field(ge=0)
    coverage: Probability | None
    coverage_interval: tuple[Probability, Probability]
    fates: Mapping[str, int]


class OperatingDocument(Document):
    """`operating.json`.

    Attributes:
        package_sha256: Of the package that was measured.
        goods_sha256: Of the products and their classes: others pass as others do.
        confidence: Of all bounds.
        policy: The policy; None where no threshold reaches the target.
        criterion: By what its threshold was chosen.
        finding: What the other items say of it.
        chosen_on: Names of what passed, to choose by.
        confirmed_on: Likewise, to confirm.
        by_bound: The lowest threshold whose lower bound reaches the target.
        by_estimate: The lowest threshold at which so many labels were right.
        confirmed: The policy on the other items.
        curve: What each threshold does to the items to choose by.
    """

    format_version: Literal[1] = 1
    package: str
    package_sha256: Sha256
    goods_sha256: Sha256
    target_precision: Probability
    confidence: Probability = CONFIDENCE
    policy: Policy | None
    criterion: Criterion
    finding: Finding | None
    chosen_on: tuple[str, ...]
    confirmed_on: tuple[str, ...]
    by_bound: CountedPoint | None
    by_estimate: CountedPoint | None
    confirmed: CountedPoint | None
    curve: tuple[CountedPoint, ...]


def document(
    choice: Choice,
    package: ModelPackage,
    catalogue: Catalogue,
    target: float,
    *,
    chosen_on: tuple[str, ...],
    confirmed_on: tuple[str, ...],
) -> OperatingDocument:
    """Writes a choice down."""
    chosen = choice.chosen
    return OperatingDocument(
        package=package.manifest.name,
        package_sha256=package.digest,
        goods_sha256=goods_digest(catalogue),
        target_precision=target,
        policy=None
        if chosen is None
        else Policy(
            target_precision=target, threshold=chosen.threshold, min_votes=chosen.min_votes
        ),
        criterion=choice.criterion,
        finding=None if choice.confirmed is None else finding(choice.confirmed.counts, target),
        chosen_on=chosen_on,
        confirmed_on=confirmed_on,
        by_bound=_if_any(choice.by["bound"]),
        by_estimate=_if_any(choice.by["estimate"]),
        confirmed=_if_any(choice.confirmed),
        curve=tuple(counted(point) for point in choice.curve),
    )


def goods_digest(catalogue: Catalogue) -> str:
    """Addresses what a catalogue lets pass: the products and their classes."""
    goods = sorted((product.sku, product.class_name) for product in catalogue.products)
    return sha256_of(json.dumps(goods).encode())


def read_operating(path: Path, package: ModelPackage, catalogue: Catalogue) -> OperatingDocument:
    """Reads an operating point that may be used for a release of this package and catalogue.

    Raises:
        InputError: It does not fit the file's form, is of another package or other products, has
            no threshold, or was refuted.
    """
    read = read_document(path, OperatingDocument)
    again = "run operating-point anew for them"
    if read.package_sha256 != package.digest:
        raise InputError(
            f"is of package {read.package_sha256[:12]}, not of {package.digest[:12]}",
            again,
            file=path,
            field="package_sha256",
        )
    if read.goods_sha256 != goods_digest(catalogue):
        raise InputError(
            "was chosen for a catalogue of other products", again, file=path, field="goods_sha256"
        )
    if read.policy is None:
        raise InputError(
            f"no threshold reaches a precision of {read.target_precision:g} by {read.criterion}",
            "count more items, train it better, leave out what it confuses, or lower the target",
            file=path,
            field="policy",
        )
    if read.finding == "refuted":
        assert read.confirmed is not None, "something refuted it"
        raise InputError(
            f"other items refuted it: {read.confirmed.wrong} of {read.confirmed.labels} labels "
            f"were wrong, too many for a precision of {read.target_precision:g}",
            "choose by more items",
            file=path,
            field="finding",
        )
    return read


def _if_any(point: Point | None) -> CountedPoint | None:
    return None if point is None else counted(point)


def counted(point: Point) -> CountedPoint:
    """Writes a point down."""
    counts = point.counts
    return CountedPoint(
        threshold=point.threshold,
        min_votes=point.min_votes,
        labels=counts.labels,
        wrong=counts.wrong,
        precision=counts.precision,
        precision_lower=point.precision_lower,
        products=counts.products,
        coverage=counts.coverage,
        coverage_interval=point.coverage_interval,
        fates={str(fate): number for fate, number in counts.fates.items()},
    )
