"""The report of a check as a document, and what changed since an earlier one."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from beltmark.contract.documents import Document, read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.checks.annotations import class_counts
from beltmark.datasets.checks.checking import Checked
from beltmark.datasets.checks.finding import KINDS, Finding

MAX_REPORT_BYTES: Final = 1024 * 1024 * 1024

Status = Literal["new", "same"]


class ReportedPlace(Document):
    """Where a fault is: an image, or a box in it."""

    image: str
    box_xyxy_px: tuple[float, float, float, float] | None = None


class ReportedFinding(Document):
    """One finding; `id` is the same in a later run, `status` tells whether it was there before."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    kind: str
    told: str
    about: str = ""
    score: float = 0.0
    places: tuple[ReportedPlace, ...] = ()
    status: Status | None = None


class Report(Document):
    """What a check found.

    Attributes:
        dataset: Its path, as it was given.
        sha256: Of what its annotations say.
        images: How many there are.
        objects: How many boxes.
        classes: How many samples each has.
        parts: How many images each has.
        checked: The kinds that were looked for.
        counts: How many findings of each kind, all kinds that were looked for.
        findings: All of them.
        compared_with: The digest of the dataset in the earlier report.
        gone: Findings of the earlier report that are no more; only of kinds looked for now.
    """

    format_version: Literal[1] = 1
    dataset: str
    sha256: str
    images: int
    objects: int
    classes: Mapping[str, int]
    parts: Mapping[str, int]
    checked: tuple[str, ...]
    counts: Mapping[str, int]
    findings: tuple[ReportedFinding, ...]
    compared_with: str | None = None
    gone: tuple[ReportedFinding, ...] = ()


def report_of(checked: Checked, kinds: Collection[str], earlier: Report | None = None) -> Report:
    """Makes the report.

    Args:
        checked: What was found.
        kinds: What was looked for.
        earlier: The report of an earlier run, to tell what changed.
    """
    dataset = checked.dataset
    counts = Counter(finding.kind for finding in checked.findings)
    known = {finding.id for finding in earlier.findings} if earlier else set()
    found = {finding.id for finding in checked.findings}
    looked_for = tuple(kind for kind in KINDS if kind in kinds)
    return Report(
        dataset=str(dataset.path),
        sha256=dataset.sha256,
        images=len(dataset.images),
        objects=sum(len(image.objects) for image in dataset.images),
        classes=class_counts(dataset),
        parts=dict(sorted(Counter(checked.parts.values()).items())),
        checked=looked_for,
        counts={kind: counts[kind] for kind in looked_for},
        findings=tuple(_reported(each, known, earlier) for each in checked.findings),
        compared_with=earlier.sha256 if earlier else None,
        gone=tuple(
            finding.model_copy(update={"status": None})
            for finding in (earlier.findings if earlier else ())
            if finding.id not in found and finding.kind in kinds
        ),
    )


def read_report(path: Path) -> Report:
    """Reads the report of an earlier run.

    Raises:
        InputError: Missing, or no such report.
    """
    content = read_bytes(path, limit=MAX_REPORT_BYTES)
    try:
        return Report.model_validate_json(content)
    except ValueError:
        raise InputError(
            "is no report of a check", "give the report.json of an earlier run", file=path
        ) from None


def _reported(finding: Finding, known: Collection[str], earlier: Report | None) -> ReportedFinding:
    status: Status | None = None
    if earlier is not None:
        status = "same" if finding.id in known else "new"
    return ReportedFinding(
        id=finding.id,
        kind=finding.kind,
        told=finding.told,
        about=finding.about,
        score=round(finding.score, 6),
        places=tuple(
            ReportedPlace(image=place.image, box_xyxy_px=place.box_xyxy_px)
            for place in finding.places
        ),
        status=status,
    )
