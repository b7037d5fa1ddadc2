"""Words a campaign's results as a page. Pure."""

import os
import platform
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.crash.judging import RoundResult
from bench.crash.plan import POINTS


@dataclass(frozen=True)
class Campaign:
    """A campaign and what came of it.

    Attributes:
        command: How to run it again.
        seconds: How long it took.
        results: Of each round.
        power_cut: Whether what was not synced was lost at each kill.
    """

    command: str
    seconds: float
    results: Sequence[RoundResult]
    power_cut: bool = False

    @property
    def is_good(self) -> bool:
        """Whether all went as it must."""
        return all(result.is_good for result in self.results)

    @property
    def last_line(self) -> str:
        """The sum."""
        results = self.results
        return (
            f"kills={self.kills} items={sum(r.passed for r in results)} "
            f"duplicates={sum(r.duplicates for r in results)} "
            f"lost={sum(r.lost for r in results)} wrong={sum(r.wrong for r in results)}"
        )

    @property
    def kills(self) -> int:
        """How often a process was killed."""
        return sum(sum(result.kills.values()) for result in self.results)

    def sum_of(self, name: str) -> Counter[str]:
        """Adds up one of the counters of all rounds."""
        total: Counter[str] = Counter()
        for result in self.results:
            total.update(getattr(result, name))
        return total


def report(campaign: Campaign) -> str:
    """Returns the page, in Markdown."""
    results = campaign.results
    judged = (
        ("items that passed", [r.passed for r in results]),
        ("labels beyond one for an item", [r.duplicates for r in results]),
        ("items with neither label nor person", [r.lost for r in results]),
        ("labels on something that they do not name", [r.wrong for r in results]),
        ("labels from a spare printer", [r.from_spare for r in results]),
        ("labels that a person took from the printer", [r.by_hand for r in results]),
        ("labels taken away from an applicator", [r.taken_away for r in results]),
        ("journal against printer, and other problems", [len(r.problems) for r in results]),
        ("labels that fell: their item had gone to a person", [r.dropped for r in results]),
        (
            "items that went to a person although they bore their label",
            [r.diverted_labelled for r in results],
        ),
    )
    lines = [
        "# Crash campaign" + (" with power cuts" if campaign.power_cut else ""),
        "",
        f"    {campaign.last_line}",
        "",
        f"Made with `{campaign.command}` in {campaign.seconds / 60:.0f} minutes: Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()} "
        f"{platform.release()}, {os.cpu_count()} cores ({_processor()}).",
        "",
        *_METHOD,
        *(_POWER_CUT if campaign.power_cut else ()),
        "",
        "| judged | count |",
        "|---|---|",
        *(f"| {what} | {sum(counts)} |" for what, counts in judged),
        "",
        *_table("what the journal says of the items", campaign.sum_of("outcomes")),
        *_table("killed at", campaign.sum_of("kills")),
        *_table("troubles meanwhile", campaign.sum_of("troubles")),
        f"{sum(r.missed_points for r in results)} of the kills were planned for a point that was "
        "not come to in time, and came at a random time instead. Points without a kill: "
        f"{', '.join(p for p in POINTS if not campaign.sum_of('kills')[p]) or 'none'}.",
        "",
    ]
    problems = [f"round {r.number}: {problem}" for r in results for problem in r.problems]
    if problems:
        lines += ["## Problems", "", *(f"- {problem}" for problem in problems), ""]
    return "\n".join(lines)


_METHOD = (
    "A belt, a relay and a printer stand outside the process that is killed and know the truth: "
    "which item passed where, which label landed on it, what was taken off, whether the belt was "
    "allowed to run. Journal, desk, spooler, loop and outputs are the product's own, in a process "
    "of their own; what a perfect detector would see is told to it, twenty times a second. It is "
    "killed with SIGKILL and started again at once on the same folder, up to the next kill; in the "
    "end the belt runs empty and the last process ends in order. A few whole agents "
    "(`beltmark-edge run`, a rendered belt, the bundled model) are killed likewise.",
    "",
    "Kills come at named points (twins at the ports of journal, printer, desk and outputs: before, "
    "in and after a commit; before, between and after bytes), at random times, while it starts, "
    "while it looks for a label that was left in the printer, and while it ends in order. "
    "Every other belt has a spare printer, which is well; every third a person who voids labels "
    "and has them printed into their hand; two of five an applicator, whose labels that nobody "
    "wants are taken away by hand; of half of them a product gets two labels; of two thirds the "
    "numbers are leased, four at a time. "
    "Meanwhile the first is slow, silent, deaf, dies in the midst of a label, loses its memory, "
    "runs out of labels or off the network, and no file can grow as on a full disk. A seed gives "
    "the same goods, kills and troubles, not the same moments.",
)
_POWER_CUT = (
    "",
    "At each kill the journal's files become what was synced, with any mixture of the blocks "
    "written since: a library between SQLite and the system keeps what was synced aside.",
)


def _table(title: str, counted: Counter[str]) -> list[str]:
    rows = [f"| {name} | {count} |" for name, count in sorted(counted.items(), key=_by_count)]
    return [f"| {title} | count |", "|---|---|", *rows, ""]


def _by_count(entry: tuple[str, int]) -> tuple[int, str]:
    return -entry[1], entry[0]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
