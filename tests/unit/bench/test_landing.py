from beltmark.simulation.belt import Belt
from beltmark.simulation.verdict import AppliedLabel, Marking
from bench.crash.belt import DECIDE_AT, LAYOUT, PRODUCTS, WIDTH_PX, supply
from bench.crash.landing import Landing

BOTTLE = PRODUCTS[1].gtin14
LABEL = f"^XA^FO20,160^FDitem1^FS^FO20,20^FD01{BOTTLE}21A1^FS^XZ".encode()
SCRAP = AppliedLabel(Marking(BOTTLE, "A1"), None, is_scrap=True)


def landing(*, copies: int) -> tuple[Landing, int]:
    """A landing with an item at the applicator, and that item."""
    belt = Belt(LAYOUT, supply(1))
    at_s, item = 0.0, None
    while item is None:
        at_s += 0.05
        belt.advance(at_s, 0.05)
        over_the_line = (DECIDE_AT - 0.5) * WIDTH_PX
        item = next((i for i in belt.present if belt.x_mm(i) > over_the_line), None)
    made = Landing(belt, {BOTTLE: copies}, has_applicator=True, say=lambda _: None)
    return made, item.item_id


def test_copies_on_one_item_are_one_label() -> None:
    landing_, item_id = landing(copies=2)
    landing_.came_out(LABEL, 0.0, stands=False)
    landing_.came_out(LABEL, 0.1, stands=False)
    landing_.apply("item1", 0.2)
    landing_.advance(0.3, 0.0)
    assert landing_.labels == [AppliedLabel(Marking(BOTTLE, "A1"), item_id)]


def test_a_copy_is_the_label_where_the_first_one_was_taken_away() -> None:
    landing_, item_id = landing(copies=2)
    landing_.came_out(LABEL, 0.0, stands=True)
    landing_.advance(2.0, 2.0)
    assert landing_.labels == [SCRAP]
    landing_.came_out(LABEL, 2.1, stands=True)
    landing_.apply("item1", 2.2)
    landing_.advance(2.3, 0.0)
    assert landing_.labels == [AppliedLabel(Marking(BOTTLE, "A1"), item_id)]


def test_a_label_beyond_its_copies_is_told() -> None:
    landing_, item_id = landing(copies=1)
    for number in range(2):
        landing_.came_out(LABEL, number, stands=False)
        landing_.apply(f"item{number}", number)
        landing_.advance(number + 0.1, 0.0)
    assert landing_.labels == [AppliedLabel(Marking(BOTTLE, "A1"), item_id)] * 2
