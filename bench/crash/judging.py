"""Judges a round by the belt's truth and the printer's record.

What the journal says must agree with both. Pure, but that it reads the journal's file.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from beltmark.simulation.verdict import Marking, Verdict
from bench.crash.plan import TroubleKind
from edge_agent.printing.schema import PRINT_STATE_SQL

_WAITING = ("decided", "queued", "sending", "sent")


@dataclass(frozen=True)
class RoundTruth:
    """What truly happened on one belt.

    Attributes:
        verdict: Items and labels, judged by where they were.
        dropped: Labels that came out and met no item; the verdict counts them as wrong.
        diverted_labelled: Items that were diverted although they bore their label.
        markings: What came out, in order, by the printers' own records.
        from_spare: How many of these came out of the spare printer.
        by_hand: Labels that a person took from the printer while the belt stood.
        taken_away: Labels that a person took away from the applicator.
    """

    verdict: Verdict
    dropped: int
    diverted_labelled: int
    markings: tuple[Marking | None, ...]
    from_spare: int = 0
    by_hand: int = 0
    taken_away: int = 0


@dataclass
class RoundResult:
    """What came of one round.

    Attributes:
        number: Of the round.
        passed: Items that passed.
        duplicates: Labels beyond one for an item.
        lost: Items that passed with neither label nor review.
        wrong: Labels on something that they do not name.
        dropped: Labels that came out after their item had been taken off.
        diverted_labelled: Items that went to a person although they bear their label.
        from_spare: Labels that the spare printer gave.
        by_hand: Labels that a person took from the printer.
        taken_away: Labels that a person took away from the applicator.
        kills: How often a process was killed, by the kind or point.
        missed_points: Kills that came at a random time, for their point was not come to.
        troubles: What else went wrong.
        outcomes: What the journal says of the items.
        problems: What must not be, in words.
    """

    number: int
    passed: int = 0
    duplicates: int = 0
    lost: int = 0
    wrong: int = 0
    dropped: int = 0
    diverted_labelled: int = 0
    from_spare: int = 0
    by_hand: int = 0
    taken_away: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    missed_points: int = 0
    troubles: Counter[TroubleKind] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether all went as it must."""
        return not (self.duplicates or self.lost or self.wrong or self.problems)


def judge_round(result: RoundResult, truth: RoundTruth, journal: Path) -> None:
    """Writes into the result what the truth is, and where the journal contradicts it."""
    verdict = truth.verdict
    result.passed, result.lost, result.duplicates = (
        verdict.passed,
        verdict.missed,
        verdict.duplicates,
    )
    result.wrong = verdict.wrong - truth.dropped
    result.from_spare = truth.from_spare
    result.by_hand, result.taken_away = truth.by_hand, truth.taken_away
    result.dropped, result.diverted_labelled = truth.dropped, truth.diverted_labelled
    _compare(result, truth, journal)


def _compare(result: RoundResult, truth: RoundTruth, journal: Path) -> None:
    """Notes outcomes, and where the journal contradicts the printer."""
    came_out = set(truth.markings)
    known: set[Marking | None] = set()
    with closing(sqlite3.connect(journal)) as connection:
        rows = connection.execute(
            f"SELECT items.item_id, outcome, rule, gtin, serial, {PRINT_STATE_SQL}, closed_at "
            "FROM items LEFT JOIN labels USING (item_id)"
        ).fetchall()
        voids = connection.execute("SELECT serial FROM voids").fetchall()
    # An item's voided labels may have been of another product than its last one.
    gtins = {row[3] for row in rows}
    known |= {Marking(gtin, serial) for (serial,) in voids for gtin in gtins}
    for item_id, outcome, rule, gtin, serial, state, closed_at in rows:
        marking = Marking(gtin, serial) if state is not None else None
        known.add(marking)
        result.outcomes[_outcome(outcome, rule, state)] += 1
        problem = None
        if closed_at is None and state is not None:
            problem = f"its label was left {state}"
        elif state == "printed" and marking not in came_out:
            problem = "the journal says printed, and nothing came out"
        elif state in ("failed", "late", *_WAITING) and marking in came_out:
            problem = f"the journal says {state}, and the label came out"
        elif state is not None and state != "printed" and outcome != "REVIEW":
            problem = f"its label is {state}, and no person knows"
        if problem is not None:
            result.problems.append(f"item {item_id}: {problem}")
    for marking in came_out - known:
        result.problems.append(f"a label came out that the journal does not know: {marking}")


def _outcome(outcome: str, rule: str, state: str | None) -> str:
    if outcome == "PRINT":
        return f"label {state}"
    return f"to a person: {rule}" + (f", label {state}" if state is not None else "")
