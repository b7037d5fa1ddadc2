"""`beltmark-train data check`: looks for what is wrong with a dataset."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from beltmark.contract.documents import write_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.checks.finding import KINDS, STOPPING
from beltmark.web.wording import count

if TYPE_CHECKING:
    from beltmark.datasets.checks.checking import Deep

ThingT = TypeVar("ThingT")

FOUND = 1
"""Exit code where a kind that stops a run has findings."""

_DEEP_KINDS = ("wrong-class", "outlier")
_PART_KINDS = ("group-leak", "duplicate-leak", "part-unknown")


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    check = words.add_parser("check", help="look for what is wrong with a dataset")
    check.add_argument("dataset", type=Path, help="file or folder of a dataset")
    check.add_argument(
        "--split",
        type=Path,
        metavar="FILE",
        help="which image is in which part: a split file, JSON or CSV "
        "(default: what the dataset itself tells)",
    )
    check.add_argument(
        "--fail-on",
        type=_kinds,
        default=STOPPING,
        metavar="KIND[,KIND...]",
        help="what ends with exit code 1, or none (default: %(default)s); known: "
        + ", ".join(KINDS),
    )
    check.add_argument("--out", type=Path, help="folder for the report (default: checks/NAME)")
    check.add_argument(
        "--compare", type=Path, metavar="REPORT", help="report.json of an earlier run"
    )
    check.add_argument(
        "--deep", action="store_true", help="look for wrong classes and outliers too (minutes)"
    )
    check.set_defaults(command=_check)


def _kinds(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    given = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in given:
        if word not in KINDS:
            raise argparse.ArgumentTypeError(f"{word!r} is no kind (known: {', '.join(KINDS)})")
    return given


def _check(arguments: argparse.Namespace) -> int:
    from beltmark.datasets.checks.checking import check  # noqa: PLC0415
    from beltmark.datasets.checks.finding import name_of  # noqa: PLC0415
    from beltmark.datasets.checks.memory import Memory  # noqa: PLC0415
    from beltmark.datasets.checks.page import page_of  # noqa: PLC0415
    from beltmark.datasets.checks.parts import read_parts, told_parts  # noqa: PLC0415
    from beltmark.datasets.checks.report import read_report, report_of  # noqa: PLC0415
    from beltmark.datasets.checks.tolerant import read_tolerantly  # noqa: PLC0415
    from training.progress import going_through  # noqa: PLC0415

    dataset, faults = read_tolerantly(arguments.dataset)
    if not dataset.images:
        raise InputError("has no image", "is it the right file?", file=arguments.dataset)
    names = [name_of(image, dataset) for image in dataset.images]
    parts = told_parts(dataset.images, names)
    if arguments.split is not None:
        named = read_parts(arguments.split)
        parts = {name: named[name] for name in names if name in named}
        if not parts:
            raise InputError(
                f"names no image of {dataset.path}", "is it the split of it?", file=arguments.split
            )
    kinds = _looked_for(arguments, has_parts=bool(parts))
    earlier = read_report(arguments.compare) if arguments.compare else None
    path = arguments.dataset.resolve()
    folder = arguments.out or Path("checks") / (path.parent if path.is_file() else path).name
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file", "name a folder for the report", file=folder, field="--out")
    deep = _deep() if arguments.deep else None
    with Memory(folder / "memory.sqlite") as memory:
        checked = check(dataset, faults, parts, memory=memory, progress=going_through, deep=deep)
    report = report_of(checked, kinds, earlier)
    path_of = dict(zip(names, (image.path for image in dataset.images), strict=True)).get
    page = page_of(report, path_of, arguments.fail_on, going_through)
    write_bytes(folder / "report.json", (report.model_dump_json(indent=1) + "\n").encode())
    write_bytes(folder / "report.html", page.encode())
    _print(report.counts, arguments.fail_on)
    if earlier is not None:
        new = sum(finding.status == "new" for finding in report.findings)
        print(f"since then: {count(new)} new, {count(len(report.gone))} gone")
    print(folder / "report.html")
    return FOUND if any(report.counts.get(kind) for kind in arguments.fail_on) else 0


def _deep() -> "Deep":
    from training.suspects.suspects import suspicious  # noqa: PLC0415 - torch takes seconds

    return suspicious


def _looked_for(arguments: argparse.Namespace, *, has_parts: bool) -> list[str]:
    """The kinds that this run can find; asking for others in --fail-on would pass in silence."""
    kinds = [
        kind
        for kind in KINDS
        if (arguments.deep or kind not in _DEEP_KINDS) and (has_parts or kind not in _PART_KINDS)
    ]
    if arguments.fail_on is STOPPING:
        return kinds
    for kind in arguments.fail_on:
        if kind not in kinds:
            mend = "add --deep" if kind in _DEEP_KINDS else "give the parts with --split"
            raise InputError(f"{kind} is not looked for here", mend, field="--fail-on")
    return kinds


def _print(counts: Mapping[str, int], stopping: tuple[str, ...]) -> None:
    for kind, number in counts.items():
        if number:
            mark = "stops" if kind in stopping else ""
            print(f"{kind:16} {number:8}  {mark:5}  {KINDS[kind]}")
    if not any(counts.values()):
        print("nothing was found")
