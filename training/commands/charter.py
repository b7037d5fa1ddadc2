"""`beltmark-train charter new|check|report`: what a model must reach, and if it is worth it."""

import argparse
from pathlib import Path

from beltmark.contract.documents import write_bytes, write_json
from beltmark.contract.errors import InputError
from training.charter.document import Charter, read_charter
from training.commands.gate import moment

_EXAMPLE = Path(__file__).parents[1] / "charter" / "example.toml"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    charter = commands.add_parser("charter", help="write down and check what a model must reach")
    words = charter.add_subparsers(required=True, metavar="WORD")
    new = words.add_parser("new", help="write an example to start from")
    new.add_argument("charter", type=Path, help="TOML file to make")
    new.set_defaults(command=_new)
    check = words.add_parser("check", help="say what does not fit")
    check.add_argument("charter", type=Path)
    check.set_defaults(command=_check)
    report = words.add_parser("report", help="costs, savings, data, and whether a rule would do")
    report.add_argument("charter", type=Path)
    report.add_argument("--data", type=Path, help="dataset to look at")
    report.add_argument("--json", type=Path, help="write the numbers to this file")
    report.add_argument("--page", type=Path, help="write an HTML page")
    report.set_defaults(command=_report)


def _new(arguments: argparse.Namespace) -> int:
    if arguments.charter.exists():
        raise InputError("exists already", "name another file", file=arguments.charter)
    if arguments.charter.suffix != ".toml":
        raise InputError("is no TOML file", "let its name end in .toml", file=arguments.charter)
    write_bytes(arguments.charter, _EXAMPLE.read_bytes())
    print(f"{arguments.charter}: an example; change every line to your case")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    charter = read_charter(arguments.charter)
    for told in _doubts(charter):
        print(f"to think about: {told}")
    number = len(charter.criteria) + len(charter.against_champion)
    print(f"{charter.name}: {number} criteria; fits")
    return 0


def _doubts(charter: Charter) -> list[str]:
    """What is allowed but leaves a hole."""
    told = []
    if not charter.against_champion:
        told.append("nothing is asked against the champion: a worse model may replace it")
    if charter.economics is None:
        told.append("[economics] is missing: nobody can tell whether it is worth it")
    if charter.data is None:
        told.append("[data] is missing: licence, consent and retention are stated nowhere")
    if not charter.deciders:
        told.append("deciders is empty: anybody who gives a name may decide")
    if charter.group_by == "image":
        told.append("group_by is image: frames of one scene are alike, intervals are too narrow")
    return told


def _report(arguments: argparse.Namespace) -> int:
    # What looks at pictures takes a second to load; `new` and `check` do without it.
    from beltmark.datasets.opening import read_dataset  # noqa: PLC0415
    from training.charter import baseline, feasibility  # noqa: PLC0415
    from training.gate.measures import group_names  # noqa: PLC0415
    from training.pages.report import render_report  # noqa: PLC0415

    charter = read_charter(arguments.charter)
    sections, missing, dataset = [], 0, None
    if arguments.data:
        dataset = read_dataset(arguments.data)
        groups = group_names(dataset.images, charter.group_by)
        if groups is None or not groups:
            raise InputError(
                f"not every image says its {charter.group_by}" if dataset.images else "is empty",
                "change group_by in the charter, or the data",
                file=arguments.data,
            )
        section, missing = feasibility.data_section(charter, dataset, groups)
        rules = baseline.try_rules(baseline.objects_of(dataset, groups))
        sections = [section, feasibility.baseline_section(charter, rules)]
    if charter.economics is not None:
        sections.insert(0, feasibility.economy_section(charter, missing))
    for section in sections:
        print(f"{section.title}: {section.told[0]}")
    if not sections:
        print("nothing to work out (give --data, or [economics] in the charter)")
    if arguments.json:
        numbers = {section.key: dict(section.numbers) for section in sections}
        write_json(arguments.json, {"charter": charter.name, "sections": numbers})
    if arguments.page:
        page = render_report(
            f"{charter.name}: is it worth it?",
            made_at=moment(None),
            sections=[*sections, feasibility.charter_section(charter)],
            told=[section.told[0] for section in sections],
            dataset=dataset,
            charter=charter,
        )
        write_bytes(arguments.page, page)
        print(arguments.page)
    return 0
