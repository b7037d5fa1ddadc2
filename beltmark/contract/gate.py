"""What the gate leaves behind: the result of each criterion, the decision, the verdict file.

Rows of the trail and `gate.json` are the same decision; how rows are chained is left to the trail.
A release has its `gate.json`, and `origin.json`, beside `release.json`: stations need neither.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from beltmark.contract.documents import Document, read_document, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import Sha256

GATE = "gate.json"
ORIGIN = "origin.json"

Who = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CriterionResult(Document):
    """How one criterion came out.

    Attributes:
        name: Metric, class and slice.
        kind: A floor, a ceiling, or a comparison with the champion.
        bound: Floor, ceiling, or non-inferiority margin.
        confidence: One-sided, that was asked for.
        value: Of the candidate; None where it could not be measured.
        champion: Likewise of the champion, on the same images.
        low: Lower end of the interval: of the value, or of candidate less champion.
        high: Upper end.
        groups: How many groups the interval was drawn from.
        passed: Whether it holds.
        reason: In words, with the numbers.
    """

    name: str
    kind: Literal["floor", "ceiling", "champion"]
    bound: float
    confidence: float
    value: float | None = None
    champion: float | None = None
    low: float | None = None
    high: float | None = None
    groups: int | None = None
    passed: bool
    reason: str


class Decision(Document):
    """One row of the trail: what was decided, on what grounds, by whom.

    Attributes:
        number: Of the row, from 0.
        previous: Digest of the row before; zeros for the first.
        kind: The gate's verdict, or a person's word against it.
        decided_at: ISO 8601.
        decided_by: The name that was given.
        candidate: Name of the package.
        candidate_sha256: Its digest.
        champion_sha256: Of the package it was compared with.
        charter: Its name.
        charter_sha256: Digest of the file.
        dataset: Where it lay.
        dataset_sha256: Digest of what it says.
        evaluation_sha256: Digest of the evaluation file that figures were taken from.
        passed: Whether every criterion holds; of an override, always true.
        criteria: How each came out; of an override, none.
        overrides: Of an override: the digest of the decision that it goes against.
        reason: Of an override: why.
    """

    format_version: Literal[1] = 1
    number: Annotated[int, Field(ge=0)]
    previous: Sha256
    kind: Literal["gate", "override"]
    decided_at: str
    decided_by: Who
    candidate: str
    candidate_sha256: Sha256
    champion_sha256: Sha256 | None = None
    charter: str
    charter_sha256: Sha256
    dataset: str
    dataset_sha256: Sha256
    evaluation_sha256: Sha256 | None = None
    passed: bool
    criteria: tuple[CriterionResult, ...] = ()
    overrides: Sha256 | None = None
    reason: str = Field(default="", max_length=2000)


class GateDocument(Document):
    """`gate.json`: the decision, and the digest of its row in the trail."""

    format_version: Literal[1] = 1
    decision: Decision
    decision_sha256: Sha256


class Origin(Document):
    """`origin.json`: the run that a package came from.

    Attributes:
        run: Its id: MLflow has it as the tag `beltmark.run`.
        experiment: Under which MLflow files it.
    """

    format_version: Literal[1] = 1
    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9:_.\-]{1,128}$")]
    experiment: Annotated[str, Field(max_length=250)] = ""


def read_gate(path: Path) -> GateDocument:
    """Reads a `gate.json` and checks that it is whole.

    Raises:
        InputError: Missing, not one, or its decision was changed.
    """
    document = read_document(path, GateDocument)
    if sha256_of(document.decision.model_dump_json().encode()) != document.decision_sha256:
        raise InputError(
            "its decision does not have the digest that it tells",
            "it was changed: run the gate anew",
            file=path,
            field="decision_sha256",
        )
    return document
