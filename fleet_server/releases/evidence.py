"""What a release rests on: its data, its training run, the gate's verdict; and what approval needs.

Read once, when the release is added, from what lies in its folder.
"""

from pathlib import Path
from typing import Literal

from beltmark.contract.documents import Document, read_document
from beltmark.contract.errors import InputError
from beltmark.contract.gate import GATE, ORIGIN, GateDocument, Origin, read_gate
from beltmark.contract.package import Sha256
from beltmark.contract.release import load_release

Verdict = Literal["passed", "failed", "overridden", "none"]
"""Of the gate; `overridden`: it failed, and a person let it pass, which the gate's trail has."""

AT_THE_COMMAND_LINE = " at the command line"


class Evidence(Document):
    """What a release rests on.

    Attributes:
        origin: The run that its package came from; None where none is told.
        dataset: Name of the data that it was trained on.
        dataset_sha256: Digest of the snapshot.
        gate: The gate's verdict; None where none is told.
    """

    origin: Origin | None = None
    dataset: str | None = None
    dataset_sha256: Sha256 | None = None
    gate: GateDocument | None = None

    @property
    def verdict(self) -> Verdict:
        """What the gate said."""
        if self.gate is None:
            return "none"
        if self.gate.decision.kind == "override":
            return "overridden"
        return "passed" if self.gate.decision.passed else "failed"

    @property
    def told(self) -> str:
        """What the gate said, in words."""
        if self.gate is None:
            return "no gate has judged it"
        decision = self.gate.decision
        by = f"{decision.decided_by}, {decision.decided_at[:10]}, charter {decision.charter}"
        if decision.kind == "override":
            return f"the gate failed it, and {by} overrode that: {decision.reason}"
        failed = [each.name for each in decision.criteria if not each.passed]
        if decision.passed:
            return f"the gate passed it ({len(decision.criteria)} criteria; {by})"
        return f"the gate failed it: {'; '.join(failed) or 'it tells no criterion'} ({by})"


def read_evidence(folder: Path) -> Evidence:
    """Reads what a release's folder tells of where it came from.

    Args:
        folder: The folder that holds `release.json`, and perhaps `gate.json` and `origin.json`.

    Raises:
        InputError: The release does not load; or the verdict was changed, or is another package's.
    """
    package = load_release(folder).package
    lineage = package.manifest.lineage
    gate = read_gate(folder / GATE) if (folder / GATE).exists() else None
    if gate is not None and gate.decision.candidate_sha256 != package.digest:
        raise InputError(
            f"is of package {gate.decision.candidate_sha256[:12]}, but this is "
            f"{package.digest[:12]}",
            "take this very package through the gate",
            file=folder / GATE,
            field="decision.candidate_sha256",
        )
    is_told = (folder / ORIGIN).exists()
    return Evidence(
        origin=read_document(folder / ORIGIN, Origin) if is_told else None,
        dataset=None if lineage is None else lineage.dataset,
        dataset_sha256=None if lineage is None else lineage.dataset_sha256,
        gate=gate,
    )


def check_approval(
    evidence: Evidence, added_by: str, by: str, override: str, *, second_person: bool
) -> None:
    """Finds out whether somebody may approve a release.

    Args:
        evidence: What it rests on.
        added_by: Who added it.
        by: Who approves it.
        override: Why it is approved though no gate has passed it; empty for no such word.
        second_person: Whether it takes somebody other than who added it.

    Raises:
        InputError: It may not be approved so.
    """
    if second_person and _person(added_by) == _person(by):
        raise InputError(
            f"{_person(by)} added it, and here a second person approves",
            "ask somebody else; `second_person` of [releases] in fleet.toml says so",
            field="release",
        )
    if evidence.verdict in ("failed", "none") and not override.strip():
        raise InputError(
            evidence.told,
            'bring one that passed, or say why it shall do so (--override "reason"); it is logged',
            field="release",
        )


def _person(name: str) -> str:
    """One person, wherever it is that they ask."""
    return name.removesuffix(AT_THE_COMMAND_LINE)
