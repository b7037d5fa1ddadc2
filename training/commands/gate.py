"""`beltmark-train gate` and `decisions`: judges a candidate; shows what was decided."""

import argparse
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from beltmark.command import whole
from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.gate import GateDocument
from beltmark.contract.package import ModelPackage, load_package
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split import select_scenes
from training.gate.trail import read_trail

log = logging.getLogger(__name__)

FAILED = 1


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the commands."""
    gate = commands.add_parser(
        "gate", help="judge a package against charter and champion: exit 0 PASS, 1 FAIL"
    )
    gate.add_argument("candidate", type=Path, help="the package that wants to pass")
    gate.add_argument("--charter", type=Path, required=True, help="TOML: what is asked")
    gate.add_argument("--data", type=Path, required=True, help="dataset to judge by")
    gate.add_argument("--scenes", nargs="+", help="only these scenes of it")
    gate.add_argument("--champion", type=Path, help="the package in use")
    gate.add_argument("--evaluation", type=Path, help="of evaluate --json, for the candidate")
    gate.add_argument("--champion-evaluation", type=Path, help="likewise, for the champion")
    gate.add_argument("--decided-by", required=True, metavar="NAME", help="who decides")
    gate.add_argument("--decided-at", metavar="TIME", help="ISO 8601 (default: now)")
    gate.add_argument("--out", type=Path, help="for gate.json and gate.html (default: the run's)")
    gate.add_argument("--trail", type=Path, help="default: decisions.jsonl beside that folder")
    gate.add_argument("--draws", type=whole(200, 100_000), default=1000, help="of each bootstrap")
    gate.set_defaults(command=_gate)
    decisions = commands.add_parser(
        "decisions", help="show a trail of decisions, and check that it is whole"
    )
    decisions.add_argument("trail", type=Path, help="decisions.jsonl")
    decisions.set_defaults(command=_decisions)


def default_trail(folder: Path) -> Path:
    """Where the decisions about runs are kept: beside the run's folder."""
    from training.gate.gate import TRAIL  # noqa: PLC0415

    return folder.absolute().parent / TRAIL


def moment(text: str | None) -> str:
    """Returns a time as it is recorded, ISO 8601 with its zone.

    Raises:
        InputError: It is not one.
    """
    if text is None:
        return datetime.now(UTC).isoformat(timespec="seconds")
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is no time", "write it as 2026-11-30T14:00:00+00:00") from None


def _gate(arguments: argparse.Namespace) -> int:
    # What measures takes a second to load; other commands do without it.
    from training.charter.document import read_charter  # noqa: PLC0415
    from training.gate.case import (  # noqa: PLC0415
        Case,
        check_decider,
        check_words,
        read_evaluation,
    )
    from training.gate.gate import GATE, PAGE, decide  # noqa: PLC0415

    check_words(arguments.decided_by, "--decided-by")
    charter = read_charter(arguments.charter)
    check_decider(charter, arguments.decided_by, arguments.charter)
    decided_at = moment(arguments.decided_at)
    candidate = load_package(arguments.candidate)
    champion = load_package(arguments.champion) if arguments.champion else None
    if champion is not None and champion.digest == candidate.digest:
        raise InputError(
            "is the candidate itself", "give the package in use", file=arguments.champion
        )
    if arguments.champion_evaluation and champion is None:
        raise InputError("an evaluation of no champion", "give --champion, too")
    dataset = read_dataset(arguments.data)
    images = _images(arguments, candidate, dataset)
    evaluations = [
        read_evaluation(path, package, dataset, images) if path and package else None
        for path, package in (
            (arguments.evaluation, candidate),
            (arguments.champion_evaluation, champion),
        )
    ]
    folder = arguments.out or arguments.candidate.absolute().parent
    trail = arguments.trail or default_trail(folder)
    read_trail(trail)  # a broken one is told before anything is measured
    case = Case(
        candidate,
        champion,
        charter,
        sha256_of(read_bytes(arguments.charter)),
        dataset,
        str(arguments.data),
        images,
        *evaluations,
    )
    document = decide(
        case,
        decided_by=arguments.decided_by,
        decided_at=decided_at,
        trail=trail,
        folder=folder,
        draws=arguments.draws,
    )
    decision = document.decision
    try:
        _track(arguments.candidate.absolute().parent, document, (folder / GATE, folder / PAGE))
    except OSError as error:  # the decision stands, whether MLflow hears of it or not
        log.warning("not tracked: %s", error)
    for each in decision.criteria:
        print(f"{'PASS' if each.passed else 'FAIL'}  {each.name}: {each.reason}")
    held = sum(each.passed for each in decision.criteria)
    print(
        f"{'PASS' if decision.passed else 'FAIL'}: {held} of {len(decision.criteria)} criteria "
        f"hold; decided by {decision.decided_by}, row {decision.number} of {trail}"
    )
    print(f"{folder / GATE}, {folder / PAGE}")
    return 0 if decision.passed else FAILED


def _track(run_folder: Path, document: GateDocument, files: tuple[Path, ...]) -> None:
    """Keeps the verdict in MLflow as a child of the candidate's run, if that was tracked."""
    from training.tracking.record import RECORD, first_begin  # noqa: PLC0415
    from training.tracking.tracker import tracked  # noqa: PLC0415

    begin = first_begin(run_folder / RECORD)
    if begin is None:
        return
    decision = document.decision
    values = {
        "".join(c if c.isalnum() or c in "._- /" else "_" for c in each.name): each.value
        for each in decision.criteria
    }
    with tracked(
        run_folder,
        "gate",
        enabled=True,
        experiment=begin["experiment"],
        params={"charter": decision.charter, "dataset": decision.dataset},
        tags={
            "beltmark.verdict": "PASS" if decision.passed else "FAIL",
            "beltmark.decided_by": decision.decided_by,
            "beltmark.decision_sha256": document.decision_sha256,
            "beltmark.package_sha256": decision.candidate_sha256,
            "beltmark.dataset_sha256": decision.dataset_sha256,
        },
    ) as tracker:
        tracker.metrics(0, {name: value for name, value in values.items() if value is not None})
        tracker.metrics(0, {"passed": float(decision.passed)})
        for file in files:
            tracker.file(file)


def _images(
    arguments: argparse.Namespace, candidate: ModelPackage, dataset: Dataset
) -> tuple[LabelledImage, ...]:
    """Returns the images to judge by: those named, or that the candidate's run put aside.

    Raises:
        InputError: There are none, or the candidate may have learnt from them.
    """
    images = dataset.images
    lineage = candidate.manifest.lineage
    if arguments.scenes:
        images = select_scenes(images, arguments.scenes)
    elif lineage is not None and lineage.dataset_sha256 == dataset.sha256:
        images = _put_aside(candidate, dataset)
    if not images:
        raise InputError("no image to judge by", "name scenes of it", file=arguments.data)
    return images


def _put_aside(candidate: ModelPackage, dataset: Dataset) -> tuple[LabelledImage, ...]:
    from training.report import METRICS, image_name  # noqa: PLC0415

    path = candidate.folder.absolute().parent / "report" / METRICS
    try:
        names = set(json.loads(read_bytes(path))["judged_by"])
    except (InputError, ValueError, TypeError, KeyError, RecursionError):
        raise InputError(
            "the candidate has learnt from this dataset, and what its run put aside is not known",
            "name the scenes that it has not seen with --scenes",
            file=dataset.path,
        ) from None
    return tuple(image for image in dataset.images if image_name(image, dataset) in names)


def _decisions(arguments: argparse.Namespace) -> int:
    if not arguments.trail.is_file():
        raise InputError("no such trail", "give a decisions.jsonl", file=arguments.trail)
    rows = read_trail(arguments.trail)
    for row in rows:
        one = row.decision
        outcome = "OVERRIDE" if one.kind == "override" else "PASS" if one.passed else "FAIL"
        print(
            f"{one.number:4}  {one.decided_at}  {outcome:8}  {one.candidate} "
            f"{one.candidate_sha256[:12]}  {one.decided_by}  {one.reason}".rstrip()
        )
    last = f", last {rows[-1].sha256}" if rows else ""
    print(f"{len(rows)} decisions, whole{last}")
    return 0
