"""A label for a person's hand: only after a void, and only while nothing else can get it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from label_bench import RELEASE, REVIEW, LabelBench

from beltmark.contract.errors import InputError
from edge_agent.printing.by_hand import ByHand
from edge_agent.printing.hand_writes import HandOrder
from edge_agent.printing.reading import read_history, read_items, read_unseen
from edge_agent.printing.records import LabelItem, LabelOrder


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LabelBench]:
    bench = LabelBench(tmp_path)
    bench.turn()  # the printer is asked
    yield bench
    bench.journal.close()


def print_one(bench: LabelBench, item_id: str = "i1") -> None:
    bench.decide(item_id)
    bench.turn(2)
    bench.printer.come_out()
    bench.turn(2)
    assert bench.states()[item_id] == "printed"


def serial(bench: LabelBench, item_id: str = "i1") -> str | None:
    return {item.item_id: item.serial for item in read_items(bench.path)}[item_id]


def test_a_printed_label_is_printed_anew_only_after_a_void(bench: LabelBench) -> None:
    print_one(bench)
    first = serial(bench)
    with pytest.raises(InputError, match=r"has a label that is not void \(printed\).*void"):
        bench.by_hand.label("i1", "C1", "anna")
    assert bench.by_hand.hold_reason is None, "what is refused holds nothing"
    bench.by_hand.void("i1", "torn", "anna")
    assert bench.outcomes() == {"i1": "REVIEW"}, "an item without a label is a person's"
    bench.by_hand.label("i1", "C1", "anna")
    bench.turn(15)
    bench.printer.come_out()
    bench.turn(2)
    bench.by_hand.taken("anna")
    assert bench.states() == {"i1": "applied"}
    assert serial(bench) != first
    assert bench.printer.came_out == [f"i1 {first}", f"i1 {serial(bench)}"]
    assert bench.diverted == []
    what = [step.what for step in read_history(bench.path, "i1")]
    assert what[-8:] == [
        "REVIEW", "PRINT", "label decided", "label queued", "label sending", "label sent",
        "label printed", "label applied",
    ]  # fmt: skip
    assert bench.rows("SELECT attempt FROM labels") == [(2,)]
    assert bench.rows("SELECT attempt, serial, who, reason FROM voids") == [
        (1, first, "anna", "torn")
    ]


def test_the_belt_stands_from_the_order_until_the_label_is_taken(bench: LabelBench) -> None:
    bench.decide("i1", REVIEW)
    bench.by_hand.label("i1", "C1", "anna")
    assert bench.by_hand.hold_reason == "a label is printed for a person: item i1"
    bench.turn(9)
    assert not bench.printer.buffer, "it may still be running out"
    bench.turn(3)
    assert len(bench.printer.buffer) == 1
    with pytest.raises(InputError, match="has not come out yet"):
        bench.by_hand.taken("anna")
    bench.printer.come_out()
    bench.turn(2)
    assert "waits to be taken" in str(bench.by_hand.hold_reason)
    bench.by_hand.taken("anna")
    assert bench.by_hand.hold_reason is None
    with pytest.raises(InputError, match="no such label"):
        bench.by_hand.taken("anna")


def test_meanwhile_the_printer_prints_nothing_else(bench: LabelBench) -> None:
    bench.decide("i1", REVIEW)
    bench.by_hand.label("i1", "C1", "anna")
    bench.decide("i2")
    bench.turn(14)
    (held,) = bench.printer.buffer
    assert held.startswith("i1 ")
    bench.printer.come_out()
    bench.turn(10)
    assert bench.states() == {"i1": "printed", "i2": "voided"}, "late, so its item is diverted"
    assert bench.diverted == ["i1", "i2"]


def test_one_at_a_time_and_not_between_the_belts_own(bench: LabelBench) -> None:
    bench.decide("i1", REVIEW)
    bench.decide("i2", REVIEW)
    bench.decide("i3")
    with pytest.raises(InputError, match="for the belt is on its way"):
        bench.by_hand.label("i1", "C1", "anna")
    bench.turn(2)
    bench.printer.come_out()
    bench.turn(2)
    bench.by_hand.label("i1", "C1", "anna")
    with pytest.raises(InputError, match="of item i1 was printed for a person"):
        bench.by_hand.label("i2", "C1", "anna")


def test_where_nothing_holds_the_belt_it_is_refused(tmp_path: Path) -> None:
    bench = LabelBench(tmp_path, has_permit=False)
    bench.turn()
    bench.decide("i1", REVIEW)
    with pytest.raises(InputError, match="run permit"):
        bench.by_hand.label("i1", "C1", "anna")
    bench.journal.close()


def test_at_a_bench_nothing_moves(tmp_path: Path) -> None:
    bench = LabelBench(tmp_path, moves=False, has_permit=False)
    bench.turn()
    bench.decide("i1", REVIEW)
    bench.by_hand.label("i1", "C2", "anna")
    bench.turn(2)
    bench.printer.come_out()
    bench.turn(2)
    bench.by_hand.taken("anna")
    (item,) = read_items(bench.path)
    assert (item.outcome, item.sku, item.rule, item.label_state) == (
        "PRINT", "C2", "by_hand", "applied",
    )  # fmt: skip
    bench.journal.close()


def silent(bench: LabelBench) -> None:
    bench.printer.answers = False
    bench.turn(1)


@pytest.mark.parametrize(
    ("spoil", "item_id", "sku", "told"),
    [
        (silent, "i1", "C1", "the printer takes no label: connected, but does not answer"),
        (lambda bench: None, "i1", "unheard of", "no product unheard of"),
        (lambda bench: None, "unheard of", "C1", "no item unheard of"),
    ],
)
def test_what_cannot_be_printed_is_refused(
    bench: LabelBench, spoil: Callable[[LabelBench], None], item_id: str, sku: str, told: str
) -> None:
    bench.decide("i1", REVIEW)
    spoil(bench)
    with pytest.raises(InputError, match=told):
        bench.by_hand.label(item_id, sku, "anna")
    assert bench.by_hand.hold_reason is None


def test_one_that_does_not_come_out_goes_back_to_the_person_and_diverts_nothing(
    bench: LabelBench,
) -> None:
    bench.decide("i1", REVIEW)
    bench.by_hand.label("i1", "C1", "anna")
    bench.printer.is_reachable = False
    bench.diverted.clear()
    bench.now += 31
    bench.turn(3)
    assert bench.states() == {"i1": "voided"}
    assert bench.outcomes() == {"i1": "REVIEW"}
    assert bench.by_hand.hold_reason is None
    bench.kill()
    assert bench.journal.recollection.reviewed_lately == ()
    assert bench.diverted == []


def test_one_that_may_have_come_out_holds_the_belt_until_a_person_has_looked(
    bench: LabelBench,
) -> None:
    bench.decide("i1", REVIEW)
    bench.by_hand.label("i1", "C1", "anna")
    bench.printer.accident = "lost"
    bench.turn(12)
    bench.printer.came_out.extend(["not", "ours"])
    bench.turn(5)
    assert bench.states() == {"i1": "unknown"}
    assert "waits to be taken" in str(bench.by_hand.hold_reason)
    bench.by_hand.taken("anna")
    assert bench.by_hand.hold_reason is None
    with pytest.raises(InputError, match=r"not void \(unknown\)"):
        bench.by_hand.label("i1", "C1", "anna")


@pytest.mark.parametrize("comes_out", [False, True])
def test_a_restart_holds_the_belt_for_it_as_well(bench: LabelBench, comes_out: bool) -> None:
    bench.decide("i1", REVIEW)
    bench.by_hand.label("i1", "C1", "anna")
    bench.turn(12)
    if comes_out:
        bench.printer.come_out()
        bench.turn(2)
    bench.kill()
    assert bench.by_hand.in_hand == "i1"
    if not comes_out:
        with pytest.raises(InputError, match="has not come out yet"):
            bench.by_hand.taken("anna")
        bench.printer.come_out()
        bench.turn(3)
    bench.by_hand.taken("anna")
    bench.kill()
    assert bench.by_hand.in_hand is None
    assert bench.states() == {"i1": "applied"}


def test_a_person_sees_to_what_waits(bench: LabelBench) -> None:
    for item_id in ("i1", "i2", "i3"):
        bench.decide(item_id, REVIEW)
        bench.now += 1
    bench.by_hand.settle("i2", "anna")
    assert [item.item_id for item in read_unseen(bench.path, 10)] == ["i1", "i3"]
    assert [item.item_id for item in read_unseen(bench.path, 1)] == ["i3"]
    with pytest.raises(InputError, match="no item i9"):
        bench.by_hand.settle("i9", "anna")


@pytest.mark.parametrize("words", ["", "  ", "x" * 201, "a\x00b", "\x1b[2J"])
def test_what_a_person_says_is_bounded(bench: LabelBench, words: str) -> None:
    print_one(bench)
    with pytest.raises(InputError, match="reason"):
        bench.by_hand.void("i1", words, "anna")
    assert bench.states() == {"i1": "printed"}


def test_what_is_on_its_way_cannot_be_void(bench: LabelBench) -> None:
    bench.decide("i1")
    bench.turn(2)
    with pytest.raises(InputError, match="on its way"):
        bench.by_hand.void("i1", "torn", "anna")
    bench.decide("i2", REVIEW)
    with pytest.raises(InputError, match="has no label"):
        bench.by_hand.void("i2", "torn", "anna")


def test_one_that_was_declared_void_while_it_lies_there_is_not_forgotten(bench: LabelBench) -> None:
    bench.decide("i1", REVIEW)
    bench.by_hand.label("i1", "C1", "anna")
    bench.turn(12)
    bench.printer.come_out()
    bench.turn(2)
    bench.by_hand.void("i1", "torn", "anna")
    bench.kill()
    assert bench.by_hand.in_hand == "i1"
    bench.by_hand.taken("anna")
    bench.kill()
    assert bench.by_hand.in_hand is None


class SlowJournal:
    """Takes each write, and lets something happen before it is committed."""

    def __init__(self) -> None:
        self.meanwhile: list[Callable[[], None]] = []

    def order_by_hand(self, order: HandOrder) -> "Future[LabelItem]":
        done: Future[LabelItem] = Future()
        done.set_result(LabelItem(order.item_id, "S", "belt-1", order.at, "carton"))
        return done

    def write(self, apply: Callable[..., Any]) -> "Future[Any]":
        meanwhile, self.meanwhile = self.meanwhile, []
        for happens in meanwhile:
            happens()
        done: Future[Any] = Future()
        done.set_result(None)
        return done


class Labels:
    """Has no printer."""

    def submit(self, order: LabelOrder) -> None:
        """Keeps nothing."""


def test_who_says_twice_that_it_is_taken_lets_go_of_no_later_one() -> None:
    journal = SlowJournal()
    by_hand = ByHand(
        journal, lambda: RELEASE, is_idle=lambda: True, printer_problem=lambda: None,
        moves=True, has_permit=True, held_since=lambda: 0.0,
    )  # fmt: skip
    by_hand.print_through(Labels())
    by_hand.label("i1", "C1", "anna")
    by_hand.ended("i1", "printed")
    journal.meanwhile = [
        lambda: by_hand.taken("anna"), lambda: by_hand.label("i2", "C1", "anna"),
    ]  # fmt: skip
    by_hand.taken("anna")
    assert by_hand.in_hand == "i2"


def test_none_is_printed_while_one_lies_at_the_applicator(tmp_path: Path) -> None:
    """What becomes of that one would be said of the new one: both are its item's."""
    bench = LabelBench(tmp_path, has_applicator=True)
    assert bench.applicator is not None
    bench.turn()
    print_one(bench)
    bench.by_hand.void("i1", "torn", "anna")
    with pytest.raises(InputError, match="lies at the applicator"):
        bench.by_hand.label("i1", "C1", "anna")
    assert bench.by_hand.hold_reason is None
    bench.applicator.clear("anna")
    bench.flush()
    bench.by_hand.label("i1", "C1", "anna")
    bench.journal.close()
