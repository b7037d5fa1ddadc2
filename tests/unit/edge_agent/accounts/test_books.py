"""The accounts of a shift: every item and every label entered once, and what does not balance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.accounts.books import ItemEntry, SendEntry, balance, check_counter

LABELLED = ItemEntry("PRINT", "printed", printed=1)


def test_a_good_shift_balances() -> None:
    books = balance(
        [LABELLED, ItemEntry("PRINT", "verified", printed=1), ItemEntry("REVIEW"),
         ItemEntry("REJECT"), ItemEntry("REVIEW", "late"), ItemEntry("PRINT", "diverted")],
        [SendEntry(1, 100, True), SendEntry(2, 101, True)],
    )  # fmt: skip
    assert books.passed == 6
    assert books.accounts == {
        "labelled": 2, "reviewed": 2, "diverted": 1, "rejected": 1, "open": 0,
    }  # fmt: skip
    assert (books.printed, books.uses) == (2, {"applied": 2, "void": 0, "scrap": 0})
    assert books.differences() == ()


def test_a_label_for_an_item_that_went_to_a_person_is_scrap() -> None:
    books = balance([ItemEntry("REVIEW", "printed", printed=1)], [])
    assert books.accounts["reviewed"] == 1
    assert books.uses == {"applied": 0, "void": 0, "scrap": 1}


def test_every_copy_is_a_label() -> None:
    sends = [SendEntry(1, 100, True, copies=3), SendEntry(2, 103, True)]
    books = balance([ItemEntry("PRINT", "printed", printed=1, copies=3), LABELLED], sends)
    assert (books.printed, books.uses["applied"]) == (4, 4)
    assert books.differences() == ()


def test_a_second_label_makes_the_first_void() -> None:
    again = balance([ItemEntry("PRINT", "applied", printed=2)], [])
    assert (again.printed, again.uses) == (2, {"applied": 1, "void": 1, "scrap": 0})
    voided = balance([ItemEntry("REVIEW", "voided", printed=1)], [])
    assert voided.uses == {"applied": 0, "void": 1, "scrap": 0}


@pytest.mark.parametrize("state", ["decided", "queued", "sending", "sent", "unknown"])
def test_what_is_under_way_is_told(state: str) -> None:
    (told,) = balance([ItemEntry("PRINT", state, is_closed=False)], []).differences()
    assert "1 item still under way" in told


def test_an_item_is_diverted_once_that_is_confirmed() -> None:
    books = balance(
        [ItemEntry("REVIEW", is_diverted=True), ItemEntry("REVIEW", "voided", is_diverted=True),
         ItemEntry("REVIEW"), ItemEntry("PRINT", "applied", printed=1, is_diverted=True)],
        [],
    )  # fmt: skip
    assert (books.accounts["diverted"], books.accounts["reviewed"]) == (2, 1)
    assert books.accounts["labelled"] == 1  # by hand, after it had been taken off


def test_a_label_that_stays_unknown_is_told() -> None:
    (told,) = balance(
        [ItemEntry("REVIEW", "diverted", is_diverted=True, is_unknown=True)], []
    ).differences()
    assert "1 label may or may not have come out" in told


@pytest.mark.parametrize(
    ("eye", "words"), [(3, "2 items more"), (0, "1 item fewer"), (1, None), (None, None)]
)
def test_the_photo_eye_is_held_against_what_was_decided(eye: int | None, words: str | None) -> None:
    told = balance([LABELLED], [], photo_eye=eye).differences()
    assert (words is None and told == ()) or (words is not None and words in told[0])


def test_labels_made_by_hand_are_told() -> None:
    sends = [SendEntry(1, 100, True), SendEntry(2, 104, True), SendEntry(3, 105, True)]
    check = check_counter(sends)
    assert (check.first, check.last, check.counted, check.ordered) == (100, 105, 5, 2)
    (told,) = balance([], sends).differences()
    assert "3 labels more than were ordered" in told


def test_labels_that_did_not_come_out_are_told() -> None:
    (told,) = balance([], [SendEntry(1, 100, True), SendEntry(2, 100, True)]).differences()
    assert "1 label fewer" in told


@pytest.mark.parametrize("after", [100, 101])
def test_an_unknown_label_may_have_moved_the_counter(after: int) -> None:
    sends = [SendEntry(1, 100, None), SendEntry(2, after, True)]
    assert check_counter(sends).excess == 0


@pytest.mark.parametrize("after", [3, 500_000])
def test_another_printer_is_no_hand_made_label(after: int) -> None:
    sends = [SendEntry(1, 100, True), SendEntry(2, after, True), SendEntry(3, after + 1, True)]
    check = check_counter(sends)
    assert (check.resets, check.excess, check.counted) == (1, 0, 1)
    (told,) = balance([], sends).differences()
    assert "another printer" in told


def test_without_a_counter_nothing_is_said_of_it() -> None:
    assert check_counter([SendEntry(1, None, True)]).first is None


ENTRIES = st.lists(
    st.builds(
        ItemEntry,
        st.sampled_from(["PRINT", "REVIEW", "REJECT"]),
        st.sampled_from([None, "printed", "applied", "voided", "diverted", "late", "unknown"]),
        st.booleans(),
        st.integers(0, 3),
    )
)


@given(ENTRIES)
def test_every_item_and_every_label_is_entered_once(items: list[ItemEntry]) -> None:
    books = balance(items, [])
    assert sum(books.accounts.values()) == books.passed == len(items)
    assert sum(books.uses.values()) == books.printed == sum(item.printed for item in items)


def test_the_counter_of_a_spare_printer_is_held_against_its_own_labels() -> None:
    sends = [
        SendEntry(1, 100, True, printer="first"),
        SendEntry(2, 101, True, printer="first"),
        SendEntry(3, 7, True, printer="spare"),
        SendEntry(4, 8, True, printer="spare"),
        SendEntry(5, 102, True, printer="first"),
    ]
    check = check_counter(sends)
    assert (check.first, check.last) == (100, 102)
    assert (check.counted, check.ordered, check.resets) == (3, 3, 0)


def test_an_item_whose_label_was_voided_does_not_stay_under_way_for_ever() -> None:
    told = balance([ItemEntry("PRINT", "voided", printed=1)], []).differences()
    assert told == (
        "1 item passed with a label that is void now, and got no other: look for them in the "
        "journal",
    )
