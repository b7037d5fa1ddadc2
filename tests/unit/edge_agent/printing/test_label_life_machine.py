"""Journal, desk, spooler and a person's labels, all true, in any order of events. Judged by what
came out of the printer and what stands in the journal's history.
"""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from label_bench import PRINT, REVIEW, LabelBench
from physical_printer import ACCIDENTS, Killed

from beltmark.contract.errors import InputError
from edge_agent.printing.states import TRANSITIONS, Confirmed

_IN_MEMORY = Path("/dev/shm")
WITH_A_PERSON = ("REVIEW", "REJECT")
ON_ITS_ITEM = ("printed", "applied", "verified")


class LabelLife(RuleBasedStateMachine):
    has_applicator = False

    def __init__(self) -> None:
        super().__init__()
        where = _IN_MEMORY if _IN_MEMORY.is_dir() else None  # its commits are quicker
        self.folder = Path(tempfile.mkdtemp(dir=where))
        self.bench = LabelBench(self.folder, has_applicator=self.has_applicator)
        self.bench.printer.outcome_of = self.outcome_of
        self.bench.turn()
        self.items: list[str] = []
        self.refused = 0

    def outcome_of(self, label: str) -> str:
        self.bench.flush()  # what was decided on its way here may not be committed yet
        return self.bench.outcomes()[label.split(maxsplit=1)[0]]

    def an_item(self, number: int) -> str | None:
        return self.items[-1 - number % len(self.items)] if self.items else None

    @rule(accident=st.sampled_from(ACCIDENTS), is_sure=st.sampled_from([True, True, False]))
    def an_item_is_decided(self, accident: str, is_sure: bool) -> None:
        self.bench.printer.accident = accident
        item_id = f"i{len(self.items)}"
        self.items.append(item_id)
        self.bench.decide(item_id, PRINT if is_sure else REVIEW)

    @rule(turns=st.integers(1, 20))
    def the_station_works(self, turns: int) -> None:
        self.bench.turn(turns)

    @rule()
    def a_label_is_made_as_usual(self) -> None:
        self.bench.turn(3)
        self.bench.printer.come_out()
        self.bench.turn(3)

    @rule(seconds=st.sampled_from([0.3, 1.2, 4.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.now += seconds

    @rule()
    def a_label_begins_to_come_out(self) -> None:
        self.bench.printer.has_begun = bool(self.bench.printer.buffer)

    @rule()
    def a_label_comes_out(self) -> None:
        self.bench.printer.come_out()

    @rule(answers=st.booleans(), is_reachable=st.booleans())
    def the_printer_changes(self, answers: bool, is_reachable: bool) -> None:
        self.bench.printer.answers, self.bench.printer.is_reachable = answers, is_reachable
        self.bench.printer.is_connected &= is_reachable

    @rule()
    def the_printer_loses_power(self) -> None:
        self.bench.printer.buffer.clear()
        self.bench.printer.has_partial = self.bench.printer.has_begun = False
        self.bench.printer.is_connected = False

    @rule()
    def the_agent_is_killed(self) -> None:
        self.bench.kill()

    @rule(commits=st.integers(1, 6))
    def the_agent_will_die_right_after_a_commit(self, commits: int) -> None:
        self.bench.dying.commits_to_live = commits

    @rule(number=st.integers(0, 3), after=st.sampled_from(get_args(Confirmed)))
    def somebody_confirms(self, number: int, after: Confirmed) -> None:
        if (item_id := self.an_item(number)) is not None:
            self.bench.journal.confirm(item_id, after, self.bench.now).result()

    @rule(number=st.integers(0, 3))
    def a_scan_voids(self, number: int) -> None:
        if (item_id := self.an_item(number)) is not None:
            self.bench.journal.void(item_id, self.bench.now, "unreadable", "scanner").result()

    @rule(number=st.integers(0, 3))
    def a_person_voids(self, number: int) -> None:
        if (item_id := self.an_item(number)) is not None:
            self.ask(lambda: self.bench.by_hand.void(item_id, "torn", "anna"))

    @rule(number=st.integers(0, 3))
    def a_person_orders_a_label(self, number: int) -> None:
        if (item_id := self.an_item(number)) is not None:
            self.ask(lambda: self.bench.by_hand.label(item_id, "C1", "anna"))

    @rule()
    def a_person_takes_the_label(self) -> None:
        self.ask(lambda: self.bench.by_hand.taken("anna"))

    def a_person_looks_at_the_applicator(self) -> None:
        """There is none."""

    def ask(self, act: object) -> None:
        try:
            act()  # type: ignore[operator]
        except InputError:
            self.refused += 1
        self.bench.flush()

    @invariant()
    def no_item_has_two_labels_without_a_void_between(self) -> None:
        made = self.bench.printer.came_out + self.bench.printer.buffer
        assert len(set(made)) == len(made), "a serial came out twice"
        labels = Counter(label.split()[0] for label in made)
        voids = Counter(item_id for (item_id,) in self.bench.rows("SELECT item_id FROM voids"))
        for item_id, number in labels.items():
            assert number <= 1 + voids[item_id], f"{number} labels for {item_id}"

    @invariant()
    def at_most_one_label_is_unconfirmed(self) -> None:
        in_printer = self.bench.rows(
            "SELECT item_id FROM labels WHERE state IN ('sending', 'sent', 'unknown') "
            "AND closed_at IS NULL"
        )
        assert len(in_printer) <= 1
        assert len(self.bench.printer.buffer) <= 1

    @invariant()
    def a_persons_label_is_in_the_printer_only_while_the_belt_stands(self) -> None:
        persons = {
            f"{item_id} {serial}"
            for item_id, serial in self.bench.rows(
                "SELECT item_id, serial FROM labels JOIN items USING (item_id) "
                "WHERE for_person IS NOT NULL"
            )
        }
        if persons & set(self.bench.printer.buffer):
            assert self.bench.by_hand.hold_reason or self.bench.spooler.hold_reason

    @invariant()
    def history_follows_the_table(self) -> None:
        now: dict[str, str] = {}
        voids: set[str] = set()
        for item_id, what in self.bench.rows(
            "SELECT item_id, what FROM history WHERE what LIKE 'label %' ORDER BY step"
        ):
            state = what.removeprefix("label ")
            if state == "closed":
                assert now[item_id] == "unknown"
            elif state == "decided":
                assert item_id not in now or item_id in voids
                voids.discard(item_id)
                now[item_id] = state
            else:
                assert state in TRANSITIONS[now[item_id]], (item_id, now[item_id], state)  # type: ignore[index]
                now[item_id] = state
                voids |= {item_id} if state == "voided" else set()
        assert now == dict(self.bench.rows("SELECT item_id, state FROM labels"))

    @invariant()
    def the_journal_says_what_is_true(self) -> None:
        came_out = set(self.bench.printer.came_out)
        in_printer = set(self.bench.printer.buffer)
        for item_id, serial, state in self.bench.rows(
            "SELECT item_id, serial, state FROM labels JOIN items USING (item_id)"
        ):
            label = f"{item_id} {serial}"
            if state in ON_ITS_ITEM:
                assert label in came_out
            elif state in ("failed", "late", "decided", "queued"):
                assert label not in came_out | in_printer

    def teardown(self) -> None:
        """When all is mended, each item has its label or is with a person, and the belt runs."""
        bench = self.bench
        bench.printer.is_reachable = bench.printer.answers = True
        bench.printer.accident, bench.dying.commits_to_live = "none", None
        for _ in range(10):
            bench.turn(20)
            bench.printer.come_out()
            bench.turn(5)
            self.a_person_takes_the_label()
            self.a_person_looks_at_the_applicator()
        try:
            self.no_item_has_two_labels_without_a_void_between()
            self.history_follows_the_table()
            self.the_journal_says_what_is_true()
            for item_id, outcome, state, closed_at in bench.rows(
                "SELECT item_id, outcome, state, closed_at "
                "FROM items LEFT JOIN labels USING (item_id)"
            ):
                assert state is None or closed_at is not None, f"{item_id} was left {state}"
                # Who diverts an item, or voids its label, sends it to a person: not here.
                is_told = state in (*ON_ITS_ITEM, "voided", "diverted")
                assert outcome in WITH_A_PERSON or is_told, (item_id, state)
            assert bench.by_hand.hold_reason is None
            assert bench.spooler.hold_reason is None
        finally:
            bench.journal.close()
            shutil.rmtree(self.folder)


TestLabelLife = LabelLife.TestCase
TestLabelLife.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


class AppliedLabelLife(LabelLife):
    """Each label for the belt lies at an applicator first, which obeys when it likes."""

    has_applicator = True

    def __init__(self) -> None:
        super().__init__()
        self.gone: set[str] = set()
        self.applied: set[str] = set()

    @property
    def lying(self) -> list[str]:
        """The labels at the applicator, by item and serial."""
        persons = {
            f"{item_id} {serial}"
            for item_id, serial in self.bench.rows(
                "SELECT item_id, serial FROM labels JOIN items USING (item_id) "
                "WHERE for_person IS NOT NULL"
            )
        }
        self.gone |= persons & set(self.bench.printer.came_out)
        return [label for label in self.bench.printer.came_out if label not in self.gone]

    def hear(self, words: str) -> None:
        assert self.bench.applicator is not None
        try:
            self.bench.applicator.hear(words)
        except Killed:
            self.bench.kill()
        self.bench.flush()

    @rule()
    def the_applicator_applies_what_lies_there(self) -> None:
        assert self.bench.applicator is not None
        told, lying = self.bench.applicator.tell(), self.lying
        if told["state"] != "waiting":
            return
        assert [label.split()[0] for label in lying] == [told["item"]], "another label lies there"
        self.gone.update(lying)
        self.applied.update(lying)
        self.hear(f"APPLIED {told['item']}")

    @rule()
    def the_applicator_jams(self) -> None:
        assert self.bench.applicator is not None
        self.hear(f"FAILED {self.bench.applicator.tell()['item']} jammed")

    @rule()
    def a_person_looks_at_the_applicator(self) -> None:
        """Only while it asks for them, and the belt stands: who reaches in sees all that is in."""
        assert self.bench.applicator is not None
        self.bench.hold()
        if self.bench.applicator.tell()["state"] == "stuck":
            self.gone.update(self.lying)
            self.hear("CLEAR")

    @invariant()
    def a_label_is_sent_only_where_none_lies(self) -> None:
        assert self.bench.applicator is not None
        belts = {
            label
            for label in self.bench.printer.buffer
            if self.bench.rows(
                f"SELECT 1 FROM labels WHERE for_person IS NULL AND item_id = '{label.split()[0]}'"
            )
        }
        assert not (belts and self.lying), "the next label would lie upon it"
        is_looked_for = self.bench.rows("SELECT 1 FROM labels WHERE closed_at IS NULL")
        if self.bench.applicator.tell()["state"] == "free" and not is_looked_for:
            assert not self.lying, "a label lies there that nobody knows of"


TestAppliedLabelLife = AppliedLabelLife.TestCase
TestAppliedLabelLife.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
