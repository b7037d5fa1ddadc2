"""What the panel shows."""

from dataclasses import replace

import pytest
from panel_desk import CATALOGUE, WELL, MadeUpDesk, item

from beltmark.contract.records import Candidate
from edge_agent.panel.view import MOST_WAITING, card, panel_view


def test_an_item_is_offered_as_the_products_it_may_be_the_likeliest_first() -> None:
    offers = card(item("a"), CATALOGUE).offers

    assert [(o.product.sku, o.probability) for o in offers] == [
        ("CAN-1", 0.61), ("CAN-2", 0.61), ("BOX-1", 0.3),
    ]  # fmt: skip


def test_what_its_lost_label_said_comes_first_and_once() -> None:
    offers = card(item("a", sku="CAN-2", print_state="failed"), CATALOGUE).offers

    assert [o.product.sku for o in offers] == ["CAN-2", "CAN-1", "BOX-1"]


def test_an_item_of_an_older_journal_is_offered_by_its_class() -> None:
    offers = card(item("a", candidates=None), CATALOGUE).offers

    assert [o.product.sku for o in offers] == ["CAN-1", "CAN-2"]


def test_an_item_that_is_nothing_known_is_offered_as_nothing() -> None:
    assert card(item("a", candidates=None, class_name=None), CATALOGUE).offers == ()


def test_what_it_hardly_is_is_not_offered() -> None:
    likely = [Candidate(class_name="none_of_these", probability=0.992)]
    unlikely = [Candidate(class_name=name, probability=0.004) for name in ("can", "box")]
    foreign = item(
        "a", rule="none_of_these", class_name="none_of_these", candidates=(*likely, *unlikely)
    )

    assert card(foreign, CATALOGUE).offers == ()
    assert card(foreign, CATALOGUE).name == "no known product"
    assert card(item("b", class_name="none_of_these"), CATALOGUE).name == "none of these"


def test_what_became_of_an_item_is_told_once() -> None:
    labelled = item("a", outcome="PRINT", sku="CAN-1", label_state="verified")
    void = item("b", label_state="voided")

    assert card(labelled, CATALOGUE).told == "label read back"
    assert card(void, CATALOGUE).told == "For a person: its label is void"
    assert card(item("c"), CATALOGUE).told == "For a person"


def test_those_that_wait_are_all_counted_where_not_all_are_shown() -> None:
    view = panel_view(MadeUpDesk(items=[item(f"i{n}") for n in range(60)]))

    assert (len(view.waiting), view.sentence) == (MOST_WAITING, "60 items wait for a person")


@pytest.mark.parametrize(
    ("standing", "waits", "tone", "sentence"),
    [
        (WELL, 0, "running", "The belt runs"),
        (WELL, 1, "attention", "1 item waits for a person"),
        (WELL, 2, "attention", "2 items wait for a person"),
        (replace(WELL, rung="barcodes only"), 0, "attention", "The belt runs"),
        (replace(WELL, problems={"camera": "dark"}), 1, "stopped", "The belt stands"),
        (replace(WELL, to_release={"scan": "a label is missing"}), 0, "stopped", "The belt stands"),
    ],
)
def test_what_is_wrong_is_said_first(standing, waits, tone, sentence) -> None:
    view = panel_view(MadeUpDesk(standing=standing, items=[item(f"i{n}") for n in range(waits)]))

    assert (view.tone, view.sentence) == (tone, sentence)


def test_a_long_catalogue_is_not_written_onto_the_page() -> None:
    long = CATALOGUE.model_copy(update={"products": CATALOGUE.products * 300})

    assert panel_view(MadeUpDesk(catalogue=long)).skus == ()
    assert panel_view(MadeUpDesk()).skus == ("CAN-1", "CAN-2", "BOX-1")
