"""`beltmark-train data diff`: tells what differs between two snapshots."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from beltmark.datasets.snapshots.comparing import Comparison, compare_snapshots
from beltmark.datasets.snapshots.opening import find_snapshot
from training.commands.data.wording import SHORT, SNAPSHOT_HELP, plain

_MOST_SHOWN: Final = 20


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    parser = words.add_parser("diff", help="tell what differs between two snapshots")
    parser.add_argument("first", type=Path, metavar="A", help=SNAPSHOT_HELP)
    parser.add_argument("second", type=Path, metavar="B", help="likewise")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    parser.set_defaults(command=_diff)


def _diff(arguments: argparse.Namespace) -> int:
    found = compare_snapshots(find_snapshot(arguments.first), find_snapshot(arguments.second))
    if arguments.json:
        print(json.dumps(found.as_json()))
    else:
        print("\n".join(_lines(found)))
    return 0


def _lines(found: Comparison) -> list[str]:
    difference = found.difference
    if not found:
        return [f"no difference ({found.after[:SHORT]})"]
    content = [each for each in difference.changed if each.is_of_content]
    lines = [
        f"{found.before[:SHORT]} -> {found.after[:SHORT]}: {len(difference.added)} images added, "
        f"{len(difference.removed)} removed, {len(content)} changed"
    ]
    lines += _some("+", [row.names[0] for row in difference.added])
    lines += _some("-", [row.names[0] for row in difference.removed])
    lines += _some("~", [f"{each.after[0].names[0]}: {each.words}" for each in content])
    others = len(difference.changed) - len(content)
    if others:
        lines.append(f"{others} images have other origins")
    if found.counts:
        width = max(map(len, found.counts))
        lines += [
            f"  {plain(name):{width}}  {before} -> {after} ({after - before:+})"
            for name, (before, after) in found.counts.items()
        ]
    for mark, names in (("class added", found.new_classes), ("class gone", found.gone_classes)):
        lines += [f"{mark}: {plain(name)}" for name in names]
    for mark, sources in (("source added", found.new_sources), ("source gone", found.gone_sources)):
        lines += [f"{mark}: {plain(source.path)}" for source in sources]
    return lines


def _some(mark: str, told: Sequence[str]) -> list[str]:
    lines = [f"{mark} {plain(text)}" for text in told[:_MOST_SHOWN]]
    if len(told) > _MOST_SHOWN:
        lines.append(f"{mark} and {len(told) - _MOST_SHOWN} more (all with --json)")
    return lines
