"""Takes a candidate through the gate: measures, judges, records, and writes verdict and page.

What can be decided on is left to `case`; what is judged, and how, to `judge`; how decisions are
kept, to `trail`.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from beltmark.contract.documents import (
    write_bytes,
    write_document,
)
from beltmark.contract.gate import CriterionResult, Decision, GateDocument
from beltmark.contract.package import MODEL, ModelPackage
from training.evaluate.classes import match_classes
from training.evaluate.evaluation import Evaluation, evaluate
from training.evaluate.matching import Found, Truth
from training.evaluate.precision import threshold_for
from training.evaluate.section import Section, Table
from training.gate.case import Case, check_knows
from training.gate.judge import Contender, judge
from training.gate.measures import measured
from training.gate.trail import append
from training.pages.report import render_report
from training.report import mistake_figures

log = logging.getLogger(__name__)

GATE = "gate.json"
PAGE = "gate.html"
TRAIL = "decisions.jsonl"


def decide(
    case: Case,
    *,
    decided_by: str,
    decided_at: str,
    trail: Path,
    folder: Path,
    draws: int,
    on_step: Callable[[str], None] = lambda _: None,
) -> GateDocument:
    """Measures both models, judges, records the decision and writes `gate.json` and `gate.html`.

    Args:
        case: What it is about.
        decided_by: Who decides.
        decided_at: ISO 8601.
        trail: Where the decision is added.
        folder: Where verdict and page go.
        draws: Of each bootstrap.
        on_step: Told what comes next.

    Raises:
        InputError: A model or an image cannot be used, or the trail is broken.
    """
    check_knows(case.candidate, case.dataset, case.images)
    on_step("measuring the candidate")
    evaluation = _evaluated(case.candidate, case)
    candidate = _contender(case.candidate, evaluation.found, evaluation.truths, case)
    champion = None
    if case.champion is not None:
        on_step("measuring the champion")
        other = _evaluated(case.champion, case)
        champion = _contender(case.champion, other.found, other.truths, case)
    on_step("judging")
    results = judge(case.charter, case.images, candidate, champion, draws=draws)
    row = append(
        trail,
        lambda number, previous: _decision(
            case, results, number, previous, decided_by=decided_by, decided_at=decided_at
        ),
    )
    document = GateDocument(decision=row.decision, decision_sha256=row.sha256)
    write_document(folder / GATE, document)
    write_bytes(
        folder / PAGE,
        render_report(
            f"{case.candidate.manifest.name}: gate",
            made_at=decided_at,
            sections=_sections(case),
            package=case.candidate,
            dataset=case.dataset,
            parts={"judged by": case.images},
            told=_told(case),
            mistakes=mistake_figures(case.candidate.manifest, evaluation),
            verdict=document,
            charter=case.charter,
        ),
    )
    return document


def override(
    document: GateDocument, *, by: str, reason: str, decided_at: str, trail: Path
) -> GateDocument:
    """Records a person's word against a failed gate.

    Raises:
        InputError: The trail is broken.
    """
    failed = document.decision
    row = append(
        trail,
        lambda number, previous: failed.model_copy(
            update={
                "number": number,
                "previous": previous,
                "kind": "override",
                "decided_at": decided_at,
                "decided_by": by,
                "passed": True,
                "criteria": (),
                "overrides": document.decision_sha256,
                "reason": reason,
            }
        ),
    )
    return GateDocument(decision=row.decision, decision_sha256=row.sha256)


def _evaluated(package: ModelPackage, case: Case) -> Evaluation:
    manifest = package.manifest
    classes = match_classes(case.dataset, manifest.classes, manifest.none_of_these)
    return evaluate(package, case.images, classes)


def _contender(
    package: ModelPackage, found: Sequence[Found], truths: Sequence[Truth], case: Case
) -> Contender:
    point = threshold_for(package.manifest.curve, case.charter.labels.target_precision)
    given = measured(package.manifest, found, truths, None if point is None else point.threshold)
    files = sum((package.folder / name).stat().st_size for name in package.manifest.files)
    numbers: dict[str, float | None] = {
        "package.model_bytes": float((package.folder / MODEL).stat().st_size),
        "package.bytes": float(files),
    }
    is_champion = package is case.champion
    evaluation = case.champion_evaluation if is_champion else case.evaluation
    return Contender(given, numbers | (evaluation.document.numbers() if evaluation else {}))


def _decision(
    case: Case,
    results: tuple[CriterionResult, ...],
    number: int,
    previous: str,
    *,
    decided_by: str,
    decided_at: str,
) -> Decision:
    return Decision(
        number=number,
        previous=previous,
        kind="gate",
        decided_at=decided_at,
        decided_by=decided_by,
        candidate=case.candidate.manifest.name,
        candidate_sha256=case.candidate.digest,
        champion_sha256=case.champion.digest if case.champion else None,
        charter=case.charter.name,
        charter_sha256=case.charter_sha256,
        dataset=case.source,
        dataset_sha256=case.dataset.sha256,
        evaluation_sha256=case.evaluation.sha256 if case.evaluation else None,
        passed=all(each.passed for each in results),
        criteria=results,
    )


def _told(case: Case) -> tuple[str, ...]:
    return (
        f"Measured on {len(case.images)} images through the edge's detector, with the files that "
        f"ship; intervals come from drawing whole groups by {case.charter.group_by} anew.",
    )


def _sections(case: Case) -> list[Section]:
    """The evaluation's own sections; its figures are on its own page."""
    if case.evaluation is None:
        return []
    return [
        Section(
            one.key,
            one.title,
            one.told,
            one.numbers,
            tuple(Table(table.title, table.header, table.rows) for table in one.tables),
        )
        for one in case.evaluation.document.sections
    ]
