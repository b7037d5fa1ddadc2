"""What comes after printing: applied, verified, voided, diverted, and journals of before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from old_journals import make_older

from beltmark.contract.catalogue import Product
from beltmark.contract.records import ItemMessage
from beltmark.contract.terms import PrintState
from edge_agent.printing.journal import Journal
from edge_agent.printing.reading import read_history, read_items
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.printing.states import IllegalTransition
from edge_agent.station.decision import Decision
from edge_agent.uplink.journal_tail import read_steps
from edge_agent.uplink.outbox import Cursor

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
PRINT = Decision("PRINT", "sure", "a carton with 0.99", "carton", 0.99, CARTON)
REVIEW = Decision("REVIEW", "unsure", "looks like a can with 0.40", "can", 0.4)
TO_PRINTED: tuple[PrintState, ...] = ("queued", "sending", "sent", "printed")
TO_UNKNOWN: tuple[PrintState, ...] = ("queued", "sending", "unknown")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, "belt-1")
    yield journal
    journal.close()


def begin(journal: Journal, *states: PrintState, decision: Decision = PRINT) -> None:
    new = ItemDecision("i1", 1_000.0, Place(300, 160, 999.9), decision, "release-1", "a" * 64)
    journal.record(new).result()
    for state in states:
        journal.step_label("i1", state, 1_001.0).result()


def item(path: Path) -> ItemMessage:
    (only,) = read_items(path)
    return only


def label_history(path: Path) -> list[str]:
    return [step.what for step in read_history(path, "i1")][2:]


def test_a_printed_label_is_applied_and_verified(journal: Journal, path: Path) -> None:
    begin(journal, *TO_PRINTED)
    assert journal.confirm("i1", "applied", 1_002.0, "in 0.2 s").result() == "applied"
    assert journal.confirm("i1", "applied", 1_002.1).result() == "applied"
    assert journal.confirm("i1", "verified", 1_003.0).result() == "verified"
    assert journal.confirm("i1", "applied", 1_003.1).result() == "verified"
    assert label_history(path)[-2:] == ["label applied", "label verified"]
    assert (item(path).label_state, item(path).print_state) == ("verified", "printed")


def test_a_label_may_be_verified_without_an_applicator(journal: Journal) -> None:
    begin(journal, *TO_PRINTED)
    assert journal.confirm("i1", "verified", 1_003.0).result() == "verified"


@pytest.mark.parametrize("states", [TO_PRINTED[:3], TO_UNKNOWN])
def test_what_the_counter_has_still_to_confirm_stays_as_it_is(
    journal: Journal, path: Path, states: tuple[PrintState, ...]
) -> None:
    begin(journal, *states)
    assert journal.confirm("i1", "applied", 1_002.0).result() == states[-1]
    assert journal.void("i1", 1_002.0, "torn", "anna").result() == states[-1]
    assert label_history(path) == [f"label {state}" for state in states]


def test_an_unknown_label_is_diverted_once_the_spooler_lets_go_of_it(
    journal: Journal, path: Path
) -> None:
    """Its state stays the spooler's as long as the printer may hold it, over restarts as well."""
    begin(journal, *TO_UNKNOWN)
    journal.review("i1", 1_002.0, "label_unknown", "unknown").result()
    assert journal.confirm("i1", "diverted", 1_003.0, "pin 3").result() == "unknown"
    assert journal.confirm("i1", "diverted", 1_003.5, "pin 3").result() == "unknown"
    journal.close()
    journal = Journal(path, "belt-1")
    assert [label.state for label in journal.recollection.open_labels] == ["unknown"]
    journal.close_label("i1", 1_004.0, "no evidence").result()
    journal.close()
    assert (item(path).label_state, item(path).print_state) == ("diverted", "unknown")
    assert [step.what for step in read_history(path, "i1")][-4:] == [
        "REVIEW",
        "diverted",
        "label closed",
        "label diverted",
    ]
    journal = Journal(path, "belt-1")
    assert not journal.recollection.open_labels
    journal.close()


def test_one_that_came_out_although_its_item_was_diverted_is_no_label_of_the_belts(
    journal: Journal, path: Path
) -> None:
    begin(journal, *TO_UNKNOWN)
    journal.confirm("i1", "diverted", 1_003.0).result()
    journal.step_label("i1", "printed", 1_004.0).result()
    assert (item(path).label_state, item(path).print_state) == ("diverted", "printed")


def test_a_late_label_is_void_and_its_item_diverted(journal: Journal, path: Path) -> None:
    begin(journal, "queued")
    journal.review("i1", 1_002.0, "label_late", "too late", "late").result()
    assert (item(path).label_state, item(path).print_state) == ("voided", "late")
    assert journal.confirm("i1", "diverted", 1_003.0).result() == "diverted"
    assert (item(path).label_state, item(path).print_state) == ("diverted", "late")
    assert label_history(path) == [
        "label queued",
        "label late",
        "label voided",
        "REVIEW",
        "label diverted",
    ]


def test_a_void_says_whose_word_it_is(journal: Journal, path: Path) -> None:
    begin(journal, *TO_PRINTED)
    journal.confirm("i1", "verified", 1_002.0).result()
    for _ in range(2):
        assert journal.void("i1", 1_003.0, "torn", "anna").result() == "voided"
    last = read_history(path, "i1")[-1]
    assert (last.what, last.detail) == (
        "label voided",
        f"serial {item(path).serial}, by anna: torn",
    )
    assert label_history(path).count("label voided") == 1
    assert journal.confirm("i1", "verified", 1_004.0).result() == "voided", "a void is for ever"


def test_a_diverted_label_may_be_void_but_not_to_and_fro(journal: Journal, path: Path) -> None:
    begin(journal, "queued", "failed")
    assert journal.confirm("i1", "diverted", 1_002.0).result() == "diverted"
    assert journal.void("i1", 1_003.0, "a new one", "anna").result() == "voided"
    assert journal.confirm("i1", "diverted", 1_004.0).result() == "voided"
    assert journal.void("i1", 1_005.0, "a new one", "anna").result() == "voided"
    assert label_history(path)[-2:] == ["label diverted", "label voided"]


@pytest.mark.parametrize("close", [False, True])
def test_nothing_leads_back_to_the_printer(journal: Journal, close: bool) -> None:
    begin(journal, *(TO_UNKNOWN if close else TO_PRINTED))
    if close:
        journal.close_label("i1", 1_002.0, "no evidence").result()
    for state in ("queued", "sending", "sent", "unknown"):
        with pytest.raises(IllegalTransition):
            journal.step_label("i1", state, 1_003.0).result()


def test_an_item_without_a_label_can_be_diverted_only(journal: Journal, path: Path) -> None:
    begin(journal, decision=REVIEW)
    for _ in range(2):
        assert journal.confirm("i1", "diverted", 1_002.0, "pin 3").result() is None
    assert journal.confirm("i1", "verified", 1_002.0).result() is None
    assert journal.void("i1", 1_002.0, "torn", "anna").result() is None
    assert [step.what for step in read_history(path, "i1")] == ["REVIEW", "diverted"]
    for item_id in ("unheard of", "i1"):
        assert journal.confirm(item_id, "diverted", 1_003.0).result() is None
    assert item(path).label_state is None


def test_the_fleet_is_told_both_words(journal: Journal, path: Path) -> None:
    begin(journal, *TO_PRINTED)
    journal.confirm("i1", "applied", 1_002.0).result()
    last = read_steps(path, Cursor("", 0)).records[-1].body
    assert (last.what, last.item.print_state, last.item.label_state) == (  # type: ignore[union-attr]
        "label applied",
        "printed",
        "applied",
    )


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_journal_of_before_goes_on(journal: Journal, path: Path, version: int) -> None:
    begin(journal, *TO_PRINTED)
    journal.close()
    before = item(path)
    make_older(path, version)
    assert item(path) == before, "it is read as it is"
    journal = Journal(path, "belt-1")
    assert journal.void("i1", 1_003.0, "torn", "anna").result() == "voided"
    assert journal.confirm("i1", "diverted", 1_003.0).result() == "diverted"
    journal.close()
    assert item(path).print_state == "printed"
