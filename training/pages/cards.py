"""The model card and the data card: what a reader must know before relying on either. Pure.

Mitchell et al., "Model Cards for Model Reporting", FAT* 2019; Gebru et al., "Datasheets for
Datasets", CACM 2021. What nobody has stated is shown as such, with where to state it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beltmark.contract.package import Manifest, ModelPackage
from beltmark.datasets.dataset import Dataset, LabelledImage
from training.charter.document import Charter

IN_CHARTER = "state it in the charter"
IN_LINEAGE = "state it with the snapshot or in the charter"
Fact = tuple[str, str | None]
MAX_ROWS = 200
"""Of the table of classes; more than this nobody reads."""


@dataclass(frozen=True)
class Part:
    """One part of a card.

    Attributes:
        title: As the papers name it.
        facts: What, and how it is; None where nobody has stated it.
        mend: Where it is stated.
    """

    title: str
    facts: tuple[Fact, ...]
    mend: str = ""


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs in each part of the data."""

    name: str
    boxes: tuple[int, ...]


def model_card(package: ModelPackage, charter: Charter | None) -> list[Part]:
    """Tells of a model what its manifest and charter say; the figures are in the sections."""
    manifest = package.manifest
    constraints = charter.constraints if charter else None
    return [
        Part("Model details", _details(package)),
        Part(
            "Intended use",
            (
                ("for", charter.purpose if charter else None),
                ("used by", charter.users if charter else None),
                ("not for", _listed(constraints.not_for) if constraints else None),
            ),
            IN_CHARTER,
        ),
        Part(
            "Factors",
            (
                ("classes", ", ".join(manifest.classes)),
                ("none of these", manifest.none_of_these or "no such class: it always guesses one"),
                ("judged apart", _slices(charter)),
            ),
            IN_CHARTER,
        ),
        Part("Metrics", _metrics(manifest, charter)),
        Part("Training data", _training_data(manifest)),
        Part(
            "Ethical considerations",
            (
                ("ethical", _listed(constraints.ethical) if constraints else None),
                ("legal", _listed(constraints.legal) if constraints else None),
            ),
            IN_CHARTER,
        ),
        Part(
            "Caveats",
            (
                (
                    "scores",
                    "calibrated on scenes like those it was chosen by; in another light they may "
                    "mean less",
                ),
                ("technical", _listed(constraints.technical) if constraints else None),
            ),
            IN_CHARTER,
        ),
    ]


def data_card(
    dataset: Dataset,
    parts: Mapping[str, Sequence[LabelledImage]],
    charter: Charter | None,
    stated: Mapping[str, str],
) -> list[Part]:
    """Tells of a dataset what its annotations, lineage and charter say.

    Args:
        dataset: The whole.
        parts: By name, such as train and test.
        charter: Where licence, consent and retention may be stated.
        stated: From the snapshot's lineage, by `licence`, `consent`, `retention`, `sources`,
            `annotators`, `made_with`, `parents`.
    """
    needs = charter.data if charter else None
    images = dataset.images
    boxes = sum(len(image.objects) for image in images)
    annotators = sorted({image.attributes.get("annotator", "") for image in images} - {""})
    return [
        Part("Motivation", (("made for", charter.purpose if charter else None),), IN_CHARTER),
        Part(
            "Composition",
            (
                ("images", f"{len(images):,}"),
                ("boxes", f"{boxes:,}, of {len(dataset.class_names)} classes"),
                ("images without a box", f"{sum(not image.objects for image in images):,}"),
                ("scenes", f"{len({image.scene for image in images}):,}"),
                *((name, _part(chosen)) for name, chosen in parts.items()),
                ("scenes in two parts", _shared_scenes(parts)),
            ),
        ),
        Part(
            "Collection",
            (
                ("sources", stated.get("sources")),
                ("consent", stated.get("consent") or (needs.consent if needs else None)),
                ("more to come", needs.supply if needs else None),
            ),
            IN_LINEAGE,
        ),
        Part(
            "Labelling and cleaning",
            (
                ("annotated by", stated.get("annotators") or ", ".join(annotators[:20]) or None),
                ("boxes cut at the border", f"{dataset.clipped:,}"),
                ("boxes marked uncertain", f"{_marked(images, 'uncertain'):,}"),
                ("boxes marked blurred", f"{_marked(images, 'blurred'):,}"),
                ("boxes cut by the picture", f"{_marked(images, 'truncated'):,}"),
                ("made with", stated.get("made_with")),
            ),
            IN_LINEAGE,
        ),
        Part(
            "Distribution and maintenance",
            (
                ("licence", stated.get("licence") or (needs.licence if needs else None)),
                ("retention", stated.get("retention") or (needs.retention if needs else None)),
                ("answers for it", charter.owner if charter else None),
                ("made of", stated.get("parents")),
                ("digest", dataset.sha256),
            ),
            IN_LINEAGE,
        ),
    ]


def class_counts(
    dataset: Dataset, parts: Mapping[str, Sequence[LabelledImage]]
) -> list[ClassCount]:
    """Counts boxes, or whole images where classes are theirs, by class and part, most first."""
    counted = [Counter(_classes(images)) for images in (parts or {"": dataset.images}).values()]
    rows = [
        ClassCount(name, tuple(each[index] for each in counted))
        for index, name in enumerate(dataset.class_names)
    ]
    return sorted(rows, key=lambda row: -sum(row.boxes))[:MAX_ROWS]


def _details(package: ModelPackage) -> tuple[Fact, ...]:
    manifest, lineage = package.manifest, package.manifest.lineage
    shape = f"{manifest.input.width_px} × {manifest.input.height_px} px, uint8"  # noqa: RUF001
    return (
        ("name", manifest.name),
        ("task", "boxes and classes of products in one picture"),
        ("input", f"{shape}, {manifest.input.colour_order}"),
        ("model file", f"{package.model_path.stat().st_size:,} bytes, int8"),
        ("made at", lineage.created_at if lineage else None),
        ("code", lineage.code_revision if lineage else None),
        ("seed", str(lineage.seed) if lineage else None),
        (
            "made with",
            ", ".join(f"{name} {told}" for name, told in lineage.versions.items())
            if lineage
            else None,
        ),
        ("digest", package.digest),
    )


def _metrics(manifest: Manifest, charter: Charter | None) -> tuple[Fact, ...]:
    calibration = manifest.calibration
    errors = (
        None
        if calibration.ece_before is None or calibration.ece_after is None
        else f"{calibration.ece_before:.3f} before, {calibration.ece_after:.3f} after"
    )
    return (
        ("target precision per label", f"{charter.labels.target_precision:g}" if charter else None),
        ("calibration", f"temperature {calibration.temperature:.3g}"),
        ("calibration error", errors),
        ("measured on", "the very files that ship, through the edge's own detector"),
    )


def _training_data(manifest: Manifest) -> tuple[Fact, ...]:
    lineage = manifest.lineage
    return (
        ("dataset", lineage.dataset if lineage else None),
        ("digest", lineage.dataset_sha256 if lineage else None),
        ("configuration", lineage.config_sha256 if lineage else None),
    )


def _slices(charter: Charter | None) -> str | None:
    if charter is None:
        return None
    named = {each.slice for each in (*charter.criteria, *charter.against_champion) if each.slice}
    return ", ".join(sorted(named)) or "none"


def _listed(texts: Sequence[str]) -> str:
    return "; ".join(texts) or "none stated"


def _part(images: Sequence[LabelledImage]) -> str:
    scenes = len({image.scene for image in images})
    boxes = sum(len(image.objects) for image in images)
    return f"{len(images):,} images, {boxes:,} boxes, {scenes:,} scenes"


def _shared_scenes(parts: Mapping[str, Sequence[LabelledImage]]) -> str:
    if len(parts) < 2:
        return "one part only"
    counted = Counter(
        scene for images in parts.values() for scene in {image.scene for image in images}
    )
    return f"{sum(number > 1 for number in counted.values()):,}"


def _marked(images: Sequence[LabelledImage], mark: str) -> int:
    return sum(bool(getattr(item, mark)) for image in images for item in image.objects)


def _classes(images: Sequence[LabelledImage]) -> list[int]:
    found = [item.class_index for image in images for item in image.objects]
    return found + [image.class_index for image in images if image.class_index is not None]
