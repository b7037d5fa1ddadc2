"""What follows a finding, with a real journal and a desk that notes."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from waiting import until

from beltmark.contract.catalogue import Product
from beltmark.contract.terms import PrintState
from edge_agent.outputs.fates import Fates
from edge_agent.printing.journal import Journal
from edge_agent.printing.reading import read_history, read_items
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.station.decision import Decision
from edge_agent.verification.consequences import Consequences
from edge_agent.verification.judge import Finding, Result
from edge_agent.verification.ledger import LabelLedger
from edge_agent.verification.marking import Marking
from edge_agent.verification.section import OnResult

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
PLACE = Place(300, 160, 999.9)
PRINT = ItemDecision(
    "i1", 1_000.0, PLACE, Decision("PRINT", "sure", "", "carton", 0.99, CARTON), "r", "a" * 64
)
TO_PRINTED: tuple[PrintState, ...] = ("queued", "sending", "sent", "printed")
POLICY: dict[Result, OnResult] = {
    "mismatch": "stop",
    "duplicate": "stop",
    "missing": "divert",
    "unreadable": "tell",
}


class NotedDesk:
    def __init__(self) -> None:
        self.reviews: list[tuple[str, Place, str]] = []

    def review(self, item_id: str, place: Place, rule: str, reason: str) -> Future[None]:
        self.reviews.append((item_id, place, rule))
        return Future()


class World:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal, self.desk = Journal(path, "belt-1"), NotedDesk()
        self.ledger = LabelLedger(path)
        self.acts = Consequences(
            journal=self.journal,
            notes=Fates(self.journal, lambda: 1_002.0),
            desk=self.desk,
            standings=self.ledger,
            policy=POLICY,
            clock=lambda: 1_002.0,
        )

    def decide(self, item_id: str = "i1", states: tuple[PrintState, ...] = TO_PRINTED) -> str:
        label = self.journal.record(replace(PRINT, item_id=item_id)).result()
        for state in states:
            self.journal.step_label(item_id, state, 1_001.0).result()
        assert label is not None
        return label.serial

    def settle(self) -> None:
        def is_settled() -> bool:
            self.acts.advance()
            return self.acts.is_settled

        until(is_settled, "all committed")
        self.journal.flush()

    def labels(self) -> dict[str, str | None]:
        return {item.item_id: item.label_state for item in read_items(self.path)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "journal.sqlite3")
    yield world
    world.ledger.close()
    world.journal.close()


def test_a_label_that_was_read_is_verified(world: World) -> None:
    world.decide()
    world.acts.act(Finding("i1", "verified", "read"), PLACE)
    world.settle()
    assert world.labels() == {"i1": "verified"}
    assert (world.acts.counts, world.acts.hold_reason) == ({"verified": 1}, None)
    assert world.desk.reviews == []


def test_a_mismatch_stops_the_line_voids_the_label_and_tells_a_person(world: World) -> None:
    world.decide("i1")
    world.decide("i2")
    world.acts.act(Finding("i2", "mismatch", "the label of item i1 …", misplaced="i1"), PLACE)
    world.settle()
    assert world.labels() == {"i1": "voided", "i2": "printed"}
    assert world.desk.reviews == [("i2", PLACE, "scan_mismatch")]
    assert "scan mismatch" in [step.what for step in read_history(world.path, "i2")]
    assert "the label of item i1" in (world.acts.hold_reason or "")
    assert world.acts.release() == 1
    assert world.acts.hold_reason is None


def test_an_item_without_its_label_goes_to_a_person_and_the_belt_runs(world: World) -> None:
    world.decide()
    world.acts.act(Finding("i1", "missing", "no label"), PLACE)
    world.settle()
    assert world.desk.reviews == [("i1", PLACE, "scan_missing")]
    assert world.acts.hold_reason is None


def test_what_is_only_told_is_noted_and_counted(world: World) -> None:
    world.decide()
    world.acts.act(Finding("i1", "unreadable", "smeared"), PLACE)
    world.settle()
    assert world.desk.reviews == []
    assert world.acts.latest == ("unreadable", "smeared")
    assert [step.what for step in read_history(world.path, "i1")][-1] == "scan unreadable"


def test_that_no_label_is_on_an_item_whose_label_was_late_is_no_news(world: World) -> None:
    world.decide(states=("queued", "late"))
    world.acts.act(Finding("i1", "missing", "no label"), PLACE)
    world.settle()
    assert world.acts.counts == {"not_labelled": 1}
    assert world.desk.reviews == []


def test_a_label_is_verified_once_the_printer_has_confirmed_it(world: World) -> None:
    world.decide(states=("queued", "sending", "sent"))
    now = 1_002.0
    acts = Consequences(
        journal=world.journal,
        notes=Fates(world.journal, lambda: now),
        desk=world.desk,
        standings=world.ledger,
        policy=POLICY,
        clock=lambda: now,
    )
    acts.act(Finding("i1", "verified", "read"), PLACE)
    world.journal.flush()
    acts.advance()
    assert not acts.is_settled
    world.journal.step_label("i1", "printed", 1_003.0).result()
    now += 1.0

    def is_settled() -> bool:
        acts.advance()
        return acts.is_settled

    until(is_settled, "all committed")
    assert world.labels() == {"i1": "verified"}


def test_a_label_is_known_by_what_it_says(world: World) -> None:
    serial = world.decide()
    found = world.ledger.label_of(Marking(CARTON.gtin14, serial))
    assert found is not None
    assert (found.item_id, found.label_state) == ("i1", "printed")
    assert world.ledger.label_of(Marking(CARTON.gtin14, "FOREIGN")) is None
