"""What the gate decides on, and whether it can: checked before anything is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.documents import read_bytes, read_document, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage
from beltmark.datasets.dataset import Dataset, LabelledImage
from training.charter.document import Charter
from training.evaluate.document import EvaluationDocument


@dataclass(frozen=True)
class EvaluationFile:
    """What `beltmark-train evaluate --json` wrote.

    Attributes:
        sha256: Of the file.
        document: What it says.
    """

    sha256: str
    document: EvaluationDocument


@dataclass(frozen=True)
class Case:
    """What the gate decides on.

    Attributes:
        candidate: The package.
        champion: The package in use, if there is one.
        charter: What is asked.
        charter_sha256: Of its file.
        dataset: The whole.
        source: Where it lies, as the user named it.
        images: Of it, those to judge by: none of them may have been learnt from.
        evaluation: Of the candidate on these images.
        champion_evaluation: Likewise of the champion.
    """

    candidate: ModelPackage
    champion: ModelPackage | None
    charter: Charter
    charter_sha256: str
    dataset: Dataset
    source: str
    images: tuple[LabelledImage, ...]
    evaluation: EvaluationFile | None = None
    champion_evaluation: EvaluationFile | None = None


def check_decider(charter: Charter, name: str, path: Path) -> None:
    """Makes sure that a person may decide.

    Raises:
        InputError: The charter names others.
    """
    if charter.deciders and name not in charter.deciders:
        raise InputError(
            f"{name!r} may not decide (may: {', '.join(charter.deciders)})",
            "let one of them decide, or change the charter",
            file=path,
            field="deciders",
        )


def check_words(text: str, what: str, most: int = 200) -> None:
    """Makes sure that what a person gave for the trail is one line that can be read.

    Raises:
        InputError: It is not.
    """
    if not text.strip() or len(text) > most or not text.isprintable():
        raise InputError(
            f"{what} is empty, has characters that cannot be printed, or is too long",
            f"give one line of at most {most} characters",
        )


def read_evaluation(
    path: Path, package: ModelPackage, dataset: Dataset, images: Sequence[LabelledImage]
) -> EvaluationFile:
    """Reads an evaluation.

    Raises:
        InputError: Not one, or of another package, other data, or another part of it.
    """
    document = read_document(path, EvaluationDocument)
    for field, found, wanted in (
        ("package.sha256", document.package.sha256[:12], package.digest[:12]),
        ("data.sha256", document.data.sha256[:12], dataset.sha256[:12]),
        ("data.images", document.data.images, len(images)),
    ):
        if found != wanted:
            raise InputError(
                f"is {found}, but the gate judges {wanted}",
                "evaluate this very package on these very images",
                file=path,
                field=field,
            )
    return EvaluationFile(sha256_of(read_bytes(path)), document)


def check_knows(package: ModelPackage, dataset: Dataset, images: Sequence[LabelledImage]) -> None:
    """Makes sure that a candidate is judged by every product that there is.

    What a model does not know is left out of average precision: dropping a class would help.

    Raises:
        InputError: It does not know a class that occurs.
    """
    manifest = package.manifest
    occurring = {dataset.class_names[item.class_index] for one in images for item in one.objects}
    unknown = sorted(occurring - set(manifest.classes))
    if unknown and manifest.none_of_these is None:
        raise InputError(
            f"the candidate does not know {', '.join(unknown[:10])}",
            "train it on all classes, or judge by data without them",
            file=dataset.path,
        )
