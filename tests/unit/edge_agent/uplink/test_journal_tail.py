"""The journal's steps become records, each once; a replaced journal is read from its start."""

import shutil
from pathlib import Path

import pytest

from beltmark.contract.catalogue import Product
from beltmark.contract.errors import InputError
from beltmark.contract.records import ItemStep
from edge_agent.printing.journal import Journal
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.station.decision import Decision
from edge_agent.uplink.journal_tail import NewSteps, read_steps
from edge_agent.uplink.outbox import Cursor

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")


def decide(journal: Journal, item_id: str, reason: str = "a carton with 0.99") -> None:
    decision = Decision("PRINT", "sure", reason, "carton", 0.99, CARTON)
    place = Place(300, 160, 999.9)
    journal.record(ItemDecision(item_id, 1_000.0, place, decision, "r1", "a" * 64)).result()


def steps(new: NewSteps) -> list[ItemStep]:
    assert all(isinstance(record.body, ItemStep) for record in new.records)
    return [ItemStep.model_validate(record.body.model_dump()) for record in new.records]


def test_each_step_once_and_in_order(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    assert read_steps(path, Cursor()) == NewSteps((), Cursor())
    journal = Journal(path, "belt-1")
    assert read_steps(path, Cursor()).records == ()
    decide(journal, "i1")
    first = read_steps(path, Cursor())
    assert [step.what for step in steps(first)] == ["PRINT", "label decided"]
    journal.step_label("i1", "queued", 1_001.0).result()
    second = read_steps(path, first.cursor)
    (step,) = steps(second)
    assert (step.what, step.item.print_state, step.item.rule) == ("label queued", "queued", "sure")
    assert second.records[0].at == 1_001.0
    assert read_steps(path, second.cursor) == NewSteps((), second.cursor)
    assert [s.step for s in steps(read_steps(path, Cursor(), limit=2))] == [1, 2]
    journal.close()


def test_a_replaced_journal_is_read_from_its_start(tmp_path: Path):
    path = tmp_path / "one" / "journal.sqlite"
    journal = Journal(path, "belt-1")
    for number in range(4):
        decide(journal, f"i{number}")
    cursor = read_steps(path, Cursor()).cursor
    journal.close()
    shutil.rmtree(path.parent)
    journal = Journal(path, "belt-1")
    decide(journal, "new")
    found = steps(read_steps(path, cursor))
    assert [(step.item.item_id, step.step) for step in found] == [("new", 1), ("new", 2)]
    journal.close()


def test_a_telling_without_end_is_cut(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, "belt-1")
    decide(journal, "i1", reason="x" * 10_000)
    assert len(steps(read_steps(path, Cursor()))[0].item.reason) == 2_000
    journal.close()


def test_a_file_that_is_no_journal_is_told(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    path.write_text("no database, but long enough to look like one " * 20)
    with pytest.raises(InputError, match="cannot be read"):
        read_steps(path, Cursor())
