from collections.abc import Iterator

import numpy as np
import pytest

from beltmark.contract.catalogue import Product
from beltmark.simulation.belt import Belt, BeltLayout
from beltmark.simulation.light import Light
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.shapes.boxes import carton
from beltmark.simulation.supply import Goods, supply

LAYOUT = BeltLayout()
COFFEE = Product(sku="C", gtin="9521234500018", name="Coffee", class_name="carton")
CREAM = Product(sku="T", gtin="9521234500025", name="Cream", class_name="tube")
CARTON = Posed(carton(np.random.default_rng(1)), 0.0, Light())


def cartons(pitch_s: float = 2.0) -> Iterator[Goods]:
    while True:
        yield Goods("carton", COFFEE, CARTON, y_mm=10.0, pitch_s=pitch_s)


def run(belt: Belt, seconds: float, *, from_s: float = 0.0, running: bool = True) -> float:
    """Advance in steps of a frame; returns the time at the end."""
    steps = round(seconds * 10)
    for step in range(1, steps + 1):
        belt.advance(from_s + step * 0.1, 0.1 * running)
    return from_s + seconds


def item_at(belt: Belt, x_mm: float) -> None:
    """Run until the first item's middle is at this place."""
    belt.advance(0.0, 0.0)
    distance = x_mm - belt.x_mm(belt.items[0])
    run(belt, round(distance / LAYOUT.speed_mm_s, 1))


def test_a_belt_without_permit_stands_still() -> None:
    belt = Belt(LAYOUT, cartons())
    run(belt, 5.0, running=False)
    assert belt.travel_mm == 0.0
    assert all(item.entered_at_s is None for item in belt.items)


def test_items_enter_pass_and_leave_in_order() -> None:
    belt = Belt(LAYOUT, cartons())
    run(belt, 12.0)
    left = [item.left_at_s for item in belt.items if item.left_at_s is not None]
    assert len(left) >= 3
    assert left == sorted(left)
    first = belt.items[0]
    assert first.entered_at_s is not None
    assert first.left_at_s is not None
    path_mm = LAYOUT.exit_mm - LAYOUT.entry_mm + 2 * first.half_length_mm
    assert first.left_at_s - first.entered_at_s == pytest.approx(path_mm / 120.0, abs=0.25)
    assert first.posed is None  # long runs must not keep the forms of what is gone


def test_the_pitch_is_kept_and_items_never_touch() -> None:
    wide = Belt(LAYOUT, cartons(pitch_s=2.0))
    tight = Belt(LAYOUT, cartons(pitch_s=0.1))
    run(wide, 8.0)
    run(tight, 8.0)
    assert wide.items[1].start_mm - wide.items[0].start_mm == pytest.approx(240.0)
    room = tight.items[1].start_mm - tight.items[0].start_mm - 2 * tight.items[0].half_length_mm
    assert room == pytest.approx(LAYOUT.clearance_mm)


def test_stop_feeding_lets_the_belt_run_empty() -> None:
    belt = Belt(LAYOUT, cartons())
    now = run(belt, 5.0)
    belt.stop_feeding()
    seen = len(belt.items)
    assert not belt.is_empty
    run(belt, 8.0, from_s=now)
    assert belt.is_empty
    assert len(belt.items) == seen
    assert all(item.left_at_s is not None for item in belt.items)


def test_a_label_sticks_to_the_nearest_item() -> None:
    belt = Belt(LAYOUT, cartons())
    item_at(belt, LAYOUT.applicator_mm - 40)
    assert belt.apply_label() is belt.items[0]
    assert belt.items[0].label_count == 1


def test_a_late_label_lands_on_the_next_item() -> None:
    belt = Belt(LAYOUT, cartons(pitch_s=1.6))
    item_at(belt, LAYOUT.applicator_mm + 130)
    assert belt.apply_label() is belt.items[1]


def test_a_label_with_no_item_near_falls() -> None:
    belt = Belt(LAYOUT, cartons())
    belt.advance(0.0, 0.0)
    assert belt.apply_label() is None


def test_divert_takes_the_item_off_that_was_there_then() -> None:
    belt = Belt(LAYOUT, cartons())
    item_at(belt, 0.0)
    seen_at = belt._past[-1][0]
    now = run(belt, 1.0, from_s=seen_at)
    taken = belt.divert(3.0, 8.0, seen_at, now)
    assert taken is belt.items[0]
    assert taken.diverted_at_s == now
    assert taken not in belt.present


def test_divert_twice_does_not_take_the_neighbour() -> None:
    belt = Belt(LAYOUT, cartons(pitch_s=0.1))
    item_at(belt, 0.0)
    at = belt._past[-1][0]
    assert belt.divert(0.0, 10.0, at, at) is belt.items[0]
    assert belt.divert(0.0, 10.0, at, at) is None
    assert belt.items[1].diverted_at_s is None


def test_divert_of_an_empty_place_takes_nothing() -> None:
    belt = Belt(LAYOUT, cartons())
    item_at(belt, 0.0)
    at = belt._past[-1][0]
    assert belt.divert(-220.0, -120.0, at, at) is None


def test_divert_of_an_item_that_has_left_takes_nothing() -> None:
    belt = Belt(LAYOUT, cartons())
    item_at(belt, 0.0)
    at = belt._past[-1][0]
    now = run(belt, 5.0, from_s=at)
    assert belt.items[0].left_at_s is not None
    assert belt.divert(0.0, 10.0, at, now) is None


def test_supply_is_the_same_for_the_same_seed() -> None:
    def first(seed: int) -> list[tuple[str, float, float]]:
        goods = supply(seed, (COFFEE, CREAM), Light(), half_width_mm=140)
        return [
            (g.class_name, g.y_mm, g.half_length_mm) for g, _ in zip(goods, range(12), strict=False)
        ]

    assert first(3) == first(3)
    assert first(3) != first(4)


def test_supply_brings_products_and_foreign_objects() -> None:
    goods = supply(1, (COFFEE, CREAM), Light(), half_width_mm=140, foreign_share=0.4)
    drawn = [next(goods) for _ in range(40)]
    assert {g.class_name for g in drawn} == {"carton", "tube", "none_of_these"}
    for g in drawn:
        assert (g.product is None) == (g.class_name == "none_of_these")
        assert g.product is None or g.product.class_name == g.class_name


def test_supply_without_any_makeable_product_is_all_foreign() -> None:
    strange = Product(sku="X", gtin="9521234500032", name="X", class_name="teapot")
    goods = supply(1, (strange,), Light(), half_width_mm=140, foreign_share=0.0)
    assert {next(goods).class_name for _ in range(5)} == {"none_of_these"}
