"""What a decision was weighed by stays in the journal; journals of before open, and say nothing."""

import sqlite3
from pathlib import Path

import pytest
from old_journals import make_older

from beltmark.contract.errors import InputError
from edge_agent.printing.journal import Journal
from edge_agent.printing.reading import read_item, read_items
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.station.decision import Decision
from edge_agent.station.weighing import Ranked, Weighing
from edge_agent.uplink.journal_tail import read_steps
from edge_agent.uplink.outbox import Cursor

CANDIDATES = (Ranked("can", 0.5), Ranked("carton", 0.25))
WEIGHING = Weighing("unsure", 5, 0.75, CANDIDATES, 0.875, 3, 0.5, 0.25)
REVIEW = Decision("REVIEW", "unsure", "looks like a can", "can", 0.5, weighing=WEIGHING)
UNSEEN = Decision("REVIEW", "passed_unseen", "left while the agent was away")


def record(path: Path, **decisions: Decision) -> None:
    journal = Journal(path, "belt-1")
    for number, (item_id, decision) in enumerate(decisions.items()):
        place = Place(300, 160, 999.5 + number)
        new = ItemDecision(item_id, 1_000.0 + number, place, decision, "release-1", "a" * 64)
        journal.record(new).result(10)
    journal.close()


def test_what_a_decision_was_weighed_by_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    record(path, i1=REVIEW, i2=UNSEEN)
    found = read_item(path, "i1")
    assert found.weighing == WEIGHING
    assert found.place == Place(300, 160, 999.5)
    assert (found.item.rule, [step.what for step in found.history]) == ("unsure", ["REVIEW"])
    assert read_item(path, "i2").weighing is None
    first, second = read_items(path)
    assert first.candidates is not None
    assert [(c.class_name, c.probability) for c in first.candidates] == [
        ("can", 0.5),
        ("carton", 0.25),
    ]
    assert second.candidates is None


def test_the_fleet_is_told_of_the_candidates(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    record(path, i1=REVIEW, i2=UNSEEN)
    first, second = (step.body for step in read_steps(path, Cursor("", 0)).records)
    told = first.model_dump(mode="json", exclude_none=True)["item"]
    assert [c["class_name"] for c in told["candidates"]] == ["can", "carton"]
    assert "candidates" not in second.model_dump(mode="json", exclude_none=True)["item"]


def test_a_journal_of_before_is_read_as_it_is_and_taken_over_when_an_agent_starts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    record(path, old=REVIEW)
    make_older(path, 1)
    assert read_item(path, "old").weighing is None
    assert [item.candidates for item in read_items(path)] == [None]
    record(path, new=REVIEW)
    assert read_item(path, "old").weighing is None
    assert read_item(path, "new").weighing == WEIGHING
    assert {item.item_id for item in read_items(path)} == {"new", "old"}


def test_evidence_that_cannot_be_used_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    record(path, i1=REVIEW)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE items SET evidence = '{\"rule\": 5}'")
    connection.close()
    assert read_item(path, "i1").weighing is None
    assert read_items(path)[0].candidates is None


def test_an_item_is_named_by_its_beginning_or_as_the_last(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with pytest.raises(InputError, match="no item"):
        read_item(path, "last")
    record(path, ab=REVIEW, abc1=REVIEW, abc2=UNSEEN, b=UNSEEN)
    assert read_item(path, "ab").item.item_id == "ab"
    assert read_item(path, "abc1").item.item_id == "abc1"
    assert read_item(path, "last").item.item_id == "b"
    with pytest.raises(InputError, match=r"several items begin with abc: abc1, abc2"):
        read_item(path, "abc")
    with pytest.raises(InputError, match="no item %"):
        read_item(path, "%")
