"""One label at a time at the applicator: the spooler waits for room, and tells what came out."""

import sqlite3

import pytest
from spooler_bench import PLACE, Bench, Renderer

from edge_agent.printing.at_applicator import label_left_there
from edge_agent.printing.records import OpenLabel, Place
from edge_agent.printing.spooler import Spooler


class Gate:
    """Keeps what it is told; has room when the test says so."""

    def __init__(self) -> None:
        self.has_room = True
        self.told: list[tuple[str, str]] = []

    def expect(self, item_id: str) -> None:
        self.told.append(("expect", item_id))

    def came_out(self, item_id: str, place: Place, unwanted: str | None = None) -> None:
        self.told.append((unwanted or "came out", item_id))

    def gone(self, item_id: str) -> None:
        self.told.append(("gone", item_id))


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def bench(gate: Gate) -> Bench:
    bench = Bench()
    bench.spooler = Spooler(
        bench.printer, bench.journal, Renderer(), bench.desk, bench.settings,
        applicator=gate, clock=bench.time, steady=bench.time,
    )  # fmt: skip
    return bench


def test_a_label_is_expected_then_comes_out(bench: Bench, gate: Gate) -> None:
    bench.order("a")
    bench.run()
    assert gate.told == [("expect", "a")]
    bench.printer.print_label()
    bench.run()
    assert gate.told == [("expect", "a"), ("came out", "a")]


def test_no_label_is_sent_without_room_and_the_next_is_sent_when_there_is(
    bench: Bench, gate: Gate
) -> None:
    gate.has_room = False
    bench.order("a")
    bench.run(0.3)
    assert bench.printer.sent == []
    gate.has_room = True
    bench.run(0.1)
    assert len(bench.printer.sent) == 1


def test_a_label_for_which_there_is_no_room_in_time_is_late(bench: Bench, gate: Gate) -> None:
    gate.has_room = False
    bench.order("a")
    bench.run(2)
    assert (bench.printer.sent, bench.state("a"), gate.told) == ([], "late", [])


def test_one_that_comes_out_after_its_item_went_to_a_person_is_unwanted(
    bench: Bench, gate: Gate
) -> None:
    bench.order("a")
    bench.run(0.1)
    bench.printer.is_reachable = False
    bench.run(5)
    assert bench.desk.reviews == [("a", "label_unknown")]
    bench.printer.is_reachable = True
    bench.printer.print_label()
    bench.run()
    assert gate.told[-1] == ("with_a_person", "a")


def test_one_from_before_the_start_is_old(bench: Bench, gate: Gate) -> None:
    bench.journal.states["a"] = "sent"
    found = OpenLabel("a", "sent", bench.printer.count, PLACE, "PRINT")
    bench.spooler.recover([found])
    bench.printer.print_label()
    bench.run()
    assert gate.told == [("old", "a")]


def test_one_that_surely_does_not_come_out_makes_room(bench: Bench, gate: Gate) -> None:
    bench.order("a")
    bench.run(6)
    assert gate.told == [("expect", "a"), ("gone", "a")]


@pytest.mark.parametrize(
    ("history", "left"),
    [
        ([], None),
        ([("a", "label sent")], None),
        ([("a", "label printed")], "a"),
        ([("a", "label printed"), ("a", "label applied")], None),
        ([("a", "label printed"), ("a", "label voided"), ("a", "label diverted")], "a"),
        ([("a", "label printed"), ("a", "label voided"), ("a", "applicator clear")], None),
        ([("a", "label applied"), ("b", "label printed")], "b"),
        ([("a", "label closed")], "a"),
        ([("a", "label printed"), ("b", "label printed"), ("a", "label verified")], "b"),
        ([("a", "label closed"), ("a", "taken")], None),
    ],
)
def test_what_lay_there_at_the_end_is_found_again(
    history: list[tuple[str, str]], left: str | None
) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE history (step INTEGER PRIMARY KEY, item_id TEXT, what TEXT)")
    connection.executemany("INSERT INTO history (item_id, what) VALUES (?, ?)", history)
    assert label_left_there(connection) == left
    connection.close()
