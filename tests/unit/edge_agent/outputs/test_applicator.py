"""The applicator's shell: what is said to it, what is committed, what holds the belt."""

from concurrent.futures import Future
from typing import Any

import pytest
from gpio_chip import Chip

from edge_agent.outputs.applicator import Applicator
from edge_agent.outputs.fates import Fates
from edge_agent.outputs.outputs import Outputs
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.records import Place
from edge_agent.signals.opening import open_input
from edge_agent.signals.ports import Edge, SignalHealth

PLACE = Place(1.0, 2.0, 3.0)


class Line:
    """Keeps what is said."""

    address, hold_reason, held_since = "tcp://relay:7000", None, None
    health = SignalHealth(None, 0.0)

    def __init__(self) -> None:
        self.said: list[str] = []

    def hear(self, listener: object) -> None:
        pass

    def say(self, words: str) -> None:
        self.said.append(words)

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


class Books:
    """Journal and desk in one; the journal can be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.written: list[tuple[str, str]] = []
        self.reviewed: list[str] = []
        self.reviewed_at: dict[str, Place | None] = {}

    def confirm(self, item_id: str, after: str, at: float, detail: str = "") -> "Future[Any]":
        return self._write(after, item_id)

    def void(self, item_id: str, at: float, reason: str, who: str) -> "Future[Any]":
        return self._write("voided", item_id)

    def note(self, item_id: str, at: float, what: str, detail: str) -> "Future[None]":
        return self._write(what, item_id)

    def review(self, item_id: str, place: Place | None, rule: str, reason: str) -> "Future[None]":
        self.reviewed.append(item_id)
        self.reviewed_at[item_id] = place
        return Future()

    def _write(self, what: str, item_id: str) -> "Future[Any]":
        future: Future[Any] = Future()
        if self.is_away:
            future.set_exception(JournalUnavailable("disk full"))
        else:
            self.written.append((what, item_id))
            future.set_result(None)
        return future


class Bench:
    """An applicator with all that stands around it."""

    def __init__(self, found: str | None = None, found_at: Place | None = None) -> None:
        self.now = 0.0
        self.line, self.books, chip = Line(), Books(), Chip()
        inputs = [
            open_input(f"gpio:c/{number}", name, "applicator", gpio=lambda _: chip)
            for number, name in enumerate(("fault", "clear"))
        ]
        self.applicator = Applicator(1.5, self.line, inputs, lambda: self.now)
        self.fates = Fates(self.books, lambda: 1_000.0)
        self.applicator.commit_through(self.books, self.fates, found, found_at)
        self.applicator.watch(stands=False)

    def print(self, item_id: str) -> None:
        assert self.applicator.has_room
        self.applicator.expect(item_id)
        self.applicator.came_out(item_id, PLACE)


def test_a_label_is_announced_and_confirmed() -> None:
    bench = Bench()
    bench.print("a")
    assert bench.line.said == ["APPLY a"]
    assert not bench.applicator.has_room
    bench.applicator.hear("APPLIED a")
    assert bench.books.written == [("applied", "a")]
    assert bench.applicator.has_room


@pytest.mark.parametrize("told", ["late", "FAILED a jammed", "fault"])
def test_one_that_is_not_applied_is_void_and_its_item_goes_to_a_person(told: str) -> None:
    bench = Bench()
    bench.print("a")
    if told == "late":
        bench.now = 2.0
        bench.applicator.watch(stands=False)
    elif told == "fault":
        bench.applicator.edge(Edge("fault", 0.0, is_rising=True))
    else:
        bench.applicator.hear(told)
    assert bench.line.said == ["APPLY a", "CANCEL a"]
    assert bench.books.reviewed == ["a"]
    assert bench.books.written == [("voided", "a")]
    bench.applicator.edge(Edge("clear", 0.0, is_rising=False))
    assert not bench.applicator.has_room
    bench.applicator.edge(Edge("clear", 0.0, is_rising=True))
    assert bench.applicator.has_room
    assert bench.books.written[-1] == ("applicator clear", "a")


def test_another_items_failure_and_words_without_meaning_change_nothing() -> None:
    bench = Bench()
    bench.print("a")
    for words in ("FAILED b", "APPLIED", "APPLIED a b", "", "PERMIT"):
        bench.applicator.hear(words)
    assert bench.books.written == bench.books.reviewed == []
    assert not bench.applicator.has_room


def test_an_unwanted_label_is_void_and_not_announced() -> None:
    bench = Bench()
    bench.applicator.expect("a")
    bench.applicator.came_out("a", PLACE, "with_a_person")
    assert bench.line.said == ["CANCEL a"]
    assert bench.books.written == [("voided", "a")]
    assert bench.books.reviewed == []
    assert "remove it" in str(bench.applicator.tell()["told"])


@pytest.mark.parametrize("found_at", [PLACE, None])
def test_a_label_from_before_the_start_holds_the_belt(found_at: Place | None) -> None:
    bench = Bench("a", found_at)
    assert not bench.applicator.has_room
    assert bench.books.reviewed_at == {"a": found_at}
    assert bench.books.written == [("voided", "a")]
    bench.applicator.clear("a person")
    assert bench.applicator.has_room


def test_what_cannot_be_written_is_written_later() -> None:
    bench = Bench()
    bench.print("a")
    bench.books.is_away = True
    bench.applicator.hear("APPLIED a")
    bench.fates.retry()
    bench.books.is_away = False
    assert bench.books.written == []
    bench.fates.retry()
    bench.fates.retry()
    assert bench.books.written == [("applied", "a")]


def test_an_input_that_cannot_be_heard_holds_the_belt_whatever_a_person_says() -> None:
    applicator = Bench().applicator
    outputs = Outputs(None, None, applicator=applicator)
    assert "fault cannot be heard" in (outputs.hold_reason or "")
    assert applicator.hold_reason is None  # which a person's word would end


def test_items_of_two_labels_that_lie_there_are_diverted_each_from_its_place() -> None:
    bench, other = Bench(), Place(7.0, 8.0, 9.0)
    bench.print("a")
    bench.applicator.came_out("z", other, "old")
    assert bench.books.reviewed_at == {"a": PLACE, "z": other}
    assert bench.line.said == ["APPLY a", "CANCEL a", "CANCEL z"]


@pytest.mark.parametrize(("is_told", "after"), [(True, "waiting"), (False, "free")])
def test_a_contact_that_bounces_has_not_applied_the_next_label(is_told: bool, after: str) -> None:
    bench = Bench()
    if not is_told:  # one that applies by itself may well be quicker than the printer's answer
        bench.applicator.line = None
    bench.applicator.expect("b")
    bench.applicator.edge(Edge("applied", 1.0, is_rising=True))
    bench.applicator.came_out("b", PLACE)
    assert bench.applicator.tell()["state"] == after
