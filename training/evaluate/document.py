"""`evaluation.json`: what was measured, of what, on what and where; for gates and for comparing."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from beltmark.contract.documents import Document
from beltmark.contract.package import ModelPackage, Sha256
from beltmark.datasets.dataset import Dataset
from training.evaluate.collection import Collected
from training.evaluate.evaluation import Evaluation
from training.evaluate.section import Section, Table

Text = Annotated[str, Field(max_length=10_000)]
CellValue = str | int | float | None


class PackageIdentity(Document):
    """Which package was evaluated."""

    name: str
    sha256: Sha256
    classes: tuple[str, ...]


class DataIdentity(Document):
    """What it was evaluated on.

    Attributes:
        path: Where it lay, as it was given.
        sha256: Digest of what its annotations say.
        part: Which part of it, in words.
        images: How many.
        scenes: How many.
        objects: How many boxes.
        unknown_classes: Names that the model does not know.
        absent_classes: Names that only the model has.
    """

    path: str
    sha256: str
    part: str
    images: int
    scenes: int
    objects: int
    unknown_classes: tuple[str, ...] = ()
    absent_classes: tuple[str, ...] = ()


class Machine(Document):
    """Where it was measured.

    Attributes:
        instruction_set: As golden tolerances name it.
        processor: As the system names it.
        cores: That could be used.
        versions: Of what takes part.
    """

    instruction_set: str
    processor: str
    cores: int
    versions: Mapping[str, str]


class TableDocument(Document):
    """One table of a section."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[CellValue, ...], ...]


class SectionDocument(Document):
    """One section; its figures are only on the page."""

    key: str
    title: str
    told: tuple[Text, ...]
    numbers: Mapping[str, float | None]
    tables: tuple[TableDocument, ...]


class EvaluationDocument(Document):
    """`evaluation.json`.

    Attributes:
        created_at: ISO 8601.
        code_revision: Of Beltmark.
        package: What was evaluated.
        reference: What it was compared with, if anything.
        data: On what.
        unknown: Data of products that the model was never shown, if any.
        target_precision: For the threshold that the package's curve suggests.
        threshold: From which score an answer counted.
        machine: Where.
        draws: Of each bootstrap.
        seed: Likewise.
        sections: What was measured.
        left_out: By key, why there is no such section.
    """

    format_version: Literal[1] = 1
    created_at: str
    code_revision: str
    package: PackageIdentity
    reference: PackageIdentity | None = None
    data: DataIdentity
    unknown: DataIdentity | None = None
    target_precision: float
    threshold: float
    machine: Machine
    draws: int
    seed: int
    sections: tuple[SectionDocument, ...]
    left_out: Mapping[str, str] = Field(default_factory=dict)

    def numbers(self) -> dict[str, float | None]:
        """Returns every number by the name that gates know it by: `section.number`."""
        return {
            f"{section.key}.{name}": value
            for section in self.sections
            for name, value in section.numbers.items()
        }


def package_identity(package: ModelPackage) -> PackageIdentity:
    """Says which package it is."""
    return PackageIdentity(
        name=package.manifest.name, sha256=package.digest, classes=package.manifest.classes
    )


def data_identity(
    dataset: Dataset, part: str, evaluation: Evaluation, known: tuple[str, ...]
) -> DataIdentity:
    """Says which images they are.

    Args:
        dataset: Where they are from.
        part: Which part of it, in words.
        evaluation: On them.
        known: The model's classes.
    """
    images = evaluation.images
    return DataIdentity(
        path=str(dataset.path),
        sha256=dataset.sha256,
        part=part,
        images=len(images),
        scenes=len({image.scene for image in images}),
        objects=sum(len(image.objects) for image in images),
        unknown_classes=tuple(name for name in dataset.class_names if name not in known),
        absent_classes=tuple(name for name in known if name not in dataset.class_names),
    )


def section_documents(collected: Collected) -> tuple[SectionDocument, ...]:
    """Returns the sections without their figures."""
    return tuple(_section(section) for section in collected.sections)


def _section(section: Section) -> SectionDocument:
    return SectionDocument(
        key=section.key,
        title=section.title,
        told=section.told,
        numbers=dict(section.numbers),
        tables=tuple(_table(table) for table in section.tables),
    )


def _table(table: Table) -> TableDocument:
    return TableDocument(
        title=table.title, header=table.header, rows=tuple(tuple(row) for row in table.rows)
    )
