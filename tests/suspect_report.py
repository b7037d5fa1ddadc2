"""The report of a check, as `beltmark-train data check --deep` writes it."""

from collections.abc import Mapping
from pathlib import Path

from beltmark.datasets.checks.finding import KINDS
from beltmark.datasets.checks.report import Report, ReportedFinding, ReportedPlace
from beltmark.datasets.dataset import Dataset


def write_report(path: Path, dataset: Dataset, wrong: Mapping[str, str], kind: str) -> Path:
    """Writes a report that suspects images, by their names, for the reasons given."""
    findings = [
        ReportedFinding(
            id=f"{k:016x}", kind=kind, told=told, score=1 - k / 100,
            places=(ReportedPlace(image=name, box_xyxy_px=(0, 0, 9, 9)),),
        )
        for k, (name, told) in enumerate(wrong.items())
    ]  # fmt: skip
    report = Report(
        dataset=str(dataset.path),
        sha256=dataset.sha256,
        images=len(dataset.images),
        objects=0,
        classes={},
        parts={},
        checked=tuple(KINDS),
        counts={kind: len(findings)},
        findings=tuple(findings),
    )
    path.write_text(report.model_dump_json())
    return path
