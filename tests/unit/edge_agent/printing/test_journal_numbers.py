"""Numbers of labels: leased ranges are used up in order, never twice, and their end is a review."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from old_journals import make_older

from beltmark.contract.catalogue import Product
from beltmark.contract.layout import Layout, read_layout
from beltmark.contract.serials import NumberKind, NumberRange
from edge_agent.labels.zpl import draw_zpl
from edge_agent.printing.journal import Journal
from edge_agent.printing.numbers import HeldNumbers, read_held
from edge_agent.printing.reading import read_items
from edge_agent.printing.records import ItemDecision, LabelItem, LabelOrder, Place
from edge_agent.rendering import order_context
from edge_agent.station.decision import Decision
from edge_agent.uplink.journal_tail import read_steps
from edge_agent.uplink.outbox import Cursor

PRODUCT = Product(sku="A", gtin="4006381333931", name="Pen", class_name="box")
PRINT = Decision("PRINT", "sure", "a box with 0.99 in 5 frames", "box", 0.99, PRODUCT)
LAYOUTS = Path(str(files("beltmark").joinpath("bundled/layouts")))
UNIT = read_layout(LAYOUTS / "logistic_unit.toml")
ITEM = read_layout(LAYOUTS / "item.toml")
SERIALS = NumberRange(kind="serial", head="U3F", width=10, first=98, last=99)
SSCCS = NumberRange(kind="sscc", head="04012345678", width=6, first=999_998, last=999_999)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, "belt-1", is_leased=True)
    yield journal
    journal.close()


def lease(journal: Journal, given: NumberRange, request: str = "") -> bool:
    request = request or f"{given.kind}-{given.head}-{given.first}"
    assert journal.begin_request(given.kind, request).result(10) == request
    return journal.add_range(given, request).result(10)


def decide(journal: Journal, item_id: str, layout: Layout | None = None) -> LabelItem | None:
    place = Place(1, 2, 1_000.0)
    return journal.record(
        ItemDecision(item_id, 1_000.0, place, PRINT, "r", "a" * 64, layout)
    ).result(10)


def held(path: Path, kind: NumberKind) -> HeldNumbers:
    return read_held(path, 1_010.0)[kind]


def test_leased_serials_are_given_in_order_and_then_items_go_to_a_person(
    journal: Journal, path: Path
) -> None:
    assert lease(journal, SERIALS)
    labels = [decide(journal, f"i{number}") for number in range(3)]
    serials = [label.serial if label else None for label in labels]
    assert serials == ["U3F0000000098", "U3F0000000099", None]
    item = read_items(path)[-1]
    assert (item.outcome, item.rule, item.sku, item.serial) == ("REVIEW", "no_serials", None, None)
    assert item.reason == "this station has no serials left"
    assert lease(journal, SERIALS.model_copy(update={"first": 500, "last": 501}))
    again = decide(journal, "i3")
    assert again is not None
    assert again.serial == "U3F0000000500"


def test_numbers_go_on_after_a_restart(journal: Journal, path: Path) -> None:
    lease(journal, SERIALS)
    decide(journal, "i1")
    journal.close()
    journal = Journal(path, "belt-1", is_leased=True)
    label = decide(journal, "i2")
    journal.close()
    assert label is not None
    assert label.serial == "U3F0000000099"


def test_a_unit_gets_an_sscc_where_its_layout_asks_for_one(journal: Journal, path: Path) -> None:
    lease(journal, SERIALS)
    lease(journal, SSCCS)
    plain = decide(journal, "i1", ITEM)
    unit = decide(journal, "i2", UNIT)
    assert plain is not None
    assert unit is not None
    assert (plain.sscc, unit.sscc) == (None, "040123456789999985")
    order = LabelOrder(unit, PRODUCT, Place(1, 2, 3.0), UNIT)
    assert b"040123456789999985" in draw_zpl(UNIT, order_context(order), 8)
    assert [item.sscc for item in read_items(path)] == [None, unit.sscc]
    told = [record.body.item.sscc for record in read_steps(path, Cursor("", 0)).records]  # type: ignore[union-attr]
    assert told[-1] == unit.sscc


def test_without_an_sscc_no_serial_is_used_up(journal: Journal, path: Path) -> None:
    lease(journal, SERIALS)
    assert decide(journal, "i1", UNIT) is None
    assert read_items(path)[-1].reason == "this station has no SSCCs left"
    assert held(path, "serial").left == 2


def test_a_station_on_its_own_has_no_sscc(path: Path) -> None:
    journal = Journal(path, "belt-1")
    assert decide(journal, "i1", UNIT) is None
    assert decide(journal, "i2", ITEM) is not None
    journal.close()
    assert "leases none" in read_items(path)[0].reason


def test_a_request_lasts_until_its_range_is_kept(journal: Journal) -> None:
    assert journal.begin_request("serial", "one").result(10) == "one"
    assert journal.begin_request("serial", "two").result(10) == "one"
    assert journal.begin_request("sscc", "three").result(10) == "three"
    assert journal.add_range(SERIALS, "one").result(10)
    assert journal.begin_request("serial", "four").result(10) == "four"


def test_numbers_that_it_has_had_are_not_taken_again(journal: Journal, path: Path) -> None:
    assert lease(journal, SERIALS)
    again = SERIALS.model_copy(update={"first": 99, "last": 200})
    assert not lease(journal, again)
    assert held(path, "serial").left == 2


def test_what_is_held_is_read_with_the_rate(journal: Journal, path: Path) -> None:
    assert held(path, "serial") == HeldNumbers("serial")
    lease(journal, SERIALS.model_copy(update={"first": 0, "last": 9}), "one")
    lease(journal, SERIALS.model_copy(update={"first": 10, "last": 19}), "two")
    for number in range(3):
        decide(journal, f"i{number}")
    assert held(path, "serial") == HeldNumbers("serial", 17, untouched=1, used=3, over_s=60.0)


def test_a_journal_of_before_holds_none(journal: Journal, path: Path) -> None:
    journal.close()
    make_older(path, 3)
    assert held(path, "serial").left == 0


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("{{ unit.sscc }}", True),
        ("(00){{ item.sscc }}", True),
        ("{{ unit['sscc'] }}", True),
        ("SSCC {{ item.serial }}", False),
        ("unit.sscc", False),
    ],
)
def test_a_layout_says_whether_it_asks_for_an_sscc(text: str, asks: bool) -> None:
    element = {
        "kind": "text", "x_mm": 1, "y_mm": 1, "size_mm": 3, "max_width_mm": 40, "text": text,
    }  # fmt: skip
    layout = Layout.model_validate(
        {"name": "l", "width_mm": 50, "height_mm": 20, "elements": [element]}
    )
    zpl = Layout.model_validate(
        {"name": "l", "width_mm": 50, "height_mm": 20, "zpl": f"^XA^FD{text}^FS^XZ"}
    )
    assert (layout.names_sscc, zpl.names_sscc) == (asks, asks)
    assert (UNIT.names_sscc, ITEM.names_sscc) == (True, False)


def test_a_number_that_another_range_gave_already_sends_the_item_to_a_person(
    journal: Journal, path: Path
) -> None:
    """Two heads can make one number; the item must not pass for want of it."""
    assert lease(journal, NumberRange(kind="serial", head="U3F", width=3, first=105, last=105))
    assert lease(journal, NumberRange(kind="serial", head="U3F1", width=2, first=5, last=6))
    labels = [decide(journal, f"i{number}") for number in range(3)]
    serials = [label.serial if label else None for label in labels]
    assert serials == ["U3F105", None, "U3F106"]
    item = read_items(path)[1]
    assert (item.outcome, item.rule) == ("REVIEW", "no_serials")
    assert "U3F105 was given before: item i0" in item.reason
