"""The report of a real journal: read beside the agent, told as text, JSON and a page."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from blob_station import write_station
from label_bench import LAYOUT
from old_journals import make_older

from beltmark.contract.catalogue import Product
from edge_agent.accounts.command import shift_report
from edge_agent.accounts.entries import read_books
from edge_agent.cli import main
from edge_agent.printing.hand_writes import HandOrder, write_hand_void
from edge_agent.printing.journal import Journal
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.settings import read_settings
from edge_agent.station.decision import Decision
from edge_agent.station.items import EyePass

PRODUCT = Product(sku="A", gtin="4006381333931", name="Pen", class_name="box")
PRINT = Decision("PRINT", "sure", "a box with 0.99 in 5 frames", "box", 0.99, PRODUCT)
REVIEW = Decision("REVIEW", "unsure", "looks like a box", "box", 0.4)
BEGIN = datetime(2026, 11, 25, 6, tzinfo=UTC).timestamp()


def decide(journal: Journal, item_id: str, at: float, decision: Decision) -> None:
    place = Place(1, 2, at)
    journal.record(ItemDecision(item_id, at, place, decision, "r", "a" * 64)).result(10)


def label(journal: Journal, item_id: str, at: float, counter: int, *steps: str) -> None:
    journal.step_label(item_id, "queued", at).result(10)
    journal.step_label(item_id, "sending", at, baseline=counter).result(10)
    for step in steps:
        journal.step_label(item_id, step, at).result(10)  # type: ignore[arg-type]


@pytest.fixture
def station(tmp_path: Path) -> Path:
    return write_station(tmp_path, "pictures")


def fill(station: Path, *, by_hand: int = 0) -> Path:
    path = read_settings(station).journal_path
    journal = Journal(path, "line-1")
    decide(journal, "before", BEGIN - 1, PRINT)
    label(journal, "before", BEGIN - 1, 70, "sent", "printed")
    decide(journal, "one", BEGIN, PRINT)
    label(journal, "one", BEGIN, 71, "sent", "printed")
    decide(journal, "two", BEGIN + 60, REVIEW)
    decide(journal, "three", BEGIN + 120, PRINT)
    # Nothing came out the first time, which was proved.
    label(journal, "three", BEGIN + 120, 72 + by_hand, "unknown")
    label(journal, "three", BEGIN + 121, 72 + by_hand, "sent", "printed")
    decide(journal, "after", BEGIN + 8 * 3_600, PRINT)
    journal.close()
    return path


def test_a_period_is_read_from_the_journal(station: Path) -> None:
    path = fill(station)
    books = read_books(path, BEGIN, BEGIN + 8 * 3_600)
    assert (books.passed, books.printed) == (3, 2)
    assert books.accounts["labelled"] == 2
    assert books.differences() == ()
    assert (books.counter.first, books.counter.last, books.counter.ordered) == (71, 72, 1)


def test_a_label_that_is_printed_anew_was_ordered_as_the_one_before_it(station: Path) -> None:
    path = fill(station)
    journal = Journal(path, "line-1")
    by = ("torn", "Ann", BEGIN + 200)
    journal.write(lambda connection: write_hand_void(connection, "three", *by)).result(10)
    journal.order_by_hand(HandOrder("three", PRODUCT, LAYOUT, "Ann", BEGIN + 201)).result(10)
    label(journal, "three", BEGIN + 202, 73, "sent", "printed")
    journal.close()
    books = read_books(path, BEGIN, BEGIN + 8 * 3_600)
    assert (books.counter.counted, books.counter.ordered) == (2, 2)
    assert books.uses == {"applied": 2, "void": 1, "scrap": 0}
    assert books.differences() == ()


def test_what_was_made_between_two_shifts_stands_in_the_books_of_the_first(station: Path) -> None:
    path = fill(station)
    journal = Journal(path, "line-1")
    # 73 and 74 came out by hand after the shift's last label.
    label(journal, "after", BEGIN + 8 * 3_600, 75, "sent", "printed")
    journal.close()
    first = read_books(path, BEGIN, BEGIN + 8 * 3_600)
    assert (first.counter.last, first.counter.counted, first.counter.ordered) == (75, 4, 2)
    (told,) = first.differences()
    assert "2 labels more than were ordered" in told
    assert read_books(path, BEGIN + 8 * 3_600, BEGIN + 16 * 3_600).differences() == ()


def test_confirmed_diverts_and_unknown_labels_are_read(station: Path) -> None:
    path = read_settings(station).journal_path
    journal = Journal(path, "line-1")
    decide(journal, "off", BEGIN, REVIEW)
    journal.confirm("off", "diverted", BEGIN + 1).result(10)
    decide(journal, "lost", BEGIN + 2, PRINT)
    label(journal, "lost", BEGIN + 2, 71, "unknown")
    journal.review("lost", BEGIN + 3, "label_unknown", "nobody knows").result(10)
    journal.close_label("lost", BEGIN + 4, "for good").result(10)
    journal.confirm("lost", "diverted", BEGIN + 5).result(10)
    journal.close()
    books = read_books(path, BEGIN, BEGIN + 60)
    assert books.accounts["diverted"] == 2
    (told,) = books.differences()
    assert "1 label may or may not have come out" in told


def test_a_label_made_by_hand_does_not_balance(
    station: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(station, by_hand=1)
    arguments = ["report", str(station), "--from", "2026-11-25T06:00+00:00", "--json"]
    assert main(arguments) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["differences"] == [
        "the printer counted 1 label more than were ordered: made by hand, or test labels"
    ]
    assert (told["passed"], told["labelled"], told["reviewed"]) == (3, 2, 1)
    assert (told["photo_eye"], told["balances"]) == (None, False)


def test_a_good_shift_ends_with_0_and_is_a_page_as_well(station: Path, tmp_path: Path) -> None:
    fill(station)
    page = tmp_path / "shift.html"
    is_balanced, lines = shift_report(
        station, datetime(2026, 11, 25, 16, tzinfo=UTC), begin="06:00", end="14:00", hours=8,
        is_json=False, page=page,
    )  # fmt: skip
    text = "\n".join(lines)
    assert is_balanced
    assert "the books balance" in text
    assert "not fitted" in text
    assert "The books balance" in page.read_text()


def test_the_photo_eye_is_held_against_the_items_of_the_period(
    station: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fill(station)
    journal = Journal(path, "line-1")
    for item_id, what in (
        ("before", "matched"), ("one", "matched"), ("one", "repeated"), ("two", "unseen"),
        ("three", "missed"), ("nobody", "matched"),
    ):  # fmt: skip
        journal.note_at_eye([EyePass(BEGIN, what, item_id)]).result(10)  # type: ignore[arg-type]
    journal.close()
    station.write_text(f'{station.read_text()}\n[trigger]\nphoto_eye = "gpio:chip/1"\n')
    arguments = ["report", str(station), "--from", "2026-11-25T06:00+00:00", "--json"]
    assert main(arguments) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["photo_eye"]) == (3, 2)
    assert told["differences"] == [
        "the photo-eye counted 1 item fewer than were decided: three "
        "(beltmark-edge explain says how each passed)"
    ]
    make_older(path, 2)
    assert read_books(path, BEGIN, BEGIN + 60, has_photo_eye=True).photo_eye == 0


def test_a_station_that_never_ran_has_empty_books(station: Path) -> None:
    assert main(["report", str(station)]) == 0
