import json

import cv2
import numpy as np
import pytest

from beltmark.contract.catalogue import Product
from beltmark.simulation.scene import SeenItem
from beltmark.simulation.truth import truth_document
from beltmark.simulation.verdict import Verdict
from beltmark.simulation.view import View
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan

PRODUCTS = (
    Product(sku="C", gtin="9521234500018", name="Coffee", class_name="carton"),
    Product(sku="T", gtin="9521234500025", name="Cream", class_name="tube"),
)
FPS = 10.0


def world(seed: int = 2, foreign_share: float = 0.0) -> World:
    view = View(width_px=240, height_px=160, px_per_mm=0.5, distance_mm=800)
    plan = WorldPlan(seed, PRODUCTS, view, speed_px_s=60.0, foreign_share=foreign_share)
    return World(plan)


def run_until_first_at_applicator(simulated: World) -> float:
    step = 0
    place = simulated.belt.layout.applicator_mm
    while not simulated.belt.items or simulated.belt.x_mm(simulated.belt.items[0]) < place:
        simulated.step(step / FPS, permitted=True)
        step += 1
    return step / FPS


def zpl(gtin: str, serial: str) -> bytes:
    return f"^XA^BXN,4,200,,,6,#^FD#101{gtin}21{serial}^FS^XZ".encode()


def test_the_relay_decides_when_nobody_else_does() -> None:
    simulated = world()
    simulated.step(0.0)
    simulated.step(1.0)
    assert simulated.belt.travel_mm == 0.0
    simulated.permit.renew(1.0)
    simulated.step(1.5)
    simulated.step(4.0)
    assert simulated.belt.travel_mm == pytest.approx(120.0)


def test_a_right_label_is_noted_and_seen() -> None:
    simulated = world()
    now = run_until_first_at_applicator(simulated)
    item = simulated.belt.items[0]
    assert item.product is not None
    before = simulated.picture()
    label = simulated.take_label(zpl(item.product.gtin14, "S1"), now)
    after = simulated.picture()
    assert label.item_id == item.item_id
    (box,) = [s.box_xyxy_px for s in after.seen if s.item_id == item.item_id]
    changed = np.abs(after.image_bgr.astype(int) - before.image_bgr).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    assert len(rows) > 30
    assert box[0] <= columns.min()
    assert columns.max() < box[2]
    assert box[1] <= rows.min()
    assert rows.max() < box[3]
    assert (simulated.verdict().wrong, simulated.verdict().duplicates) == (0, 0)


def test_wrong_late_and_double_labels_are_judged() -> None:
    simulated = world()
    now = run_until_first_at_applicator(simulated)
    item = simulated.belt.items[0]
    assert item.product is not None
    other = next(p for p in PRODUCTS if p is not item.product)
    simulated.take_label(zpl(other.gtin14, "S1"), now)
    simulated.take_label(zpl(item.product.gtin14, "S2"), now)
    verdict = simulated.verdict()
    assert (verdict.wrong, verdict.duplicates) == (1, 1)


def test_divert_by_image_position_takes_the_item_off() -> None:
    simulated = world()
    now = run_until_first_at_applicator(simulated)
    (seen,) = [s for s in simulated.frames[-1].seen if s.item_id == 1]
    left, top, right, bottom = seen.box_xyxy_px
    middle = ((left + right) / 2, (top + bottom) / 2)
    diverted = simulated.divert("a-17", *middle, simulated.frames[-1].at_s, now)
    assert diverted.item_id == 1
    assert 1 not in {s.item_id for s in simulated.step(now + 0.1, permitted=True).seen}
    assert (simulated.verdict().passed, simulated.verdict().missed) == (1, 0)


def test_nobody_there_means_missed() -> None:
    simulated = world()
    for step in range(140):
        simulated.step(step / FPS, permitted=True)
    verdict = simulated.verdict()
    assert verdict.passed >= 3
    assert verdict.missed == verdict.passed


def test_same_seed_same_run() -> None:
    def run(seed: int) -> tuple[bytes, str]:
        simulated = world(seed)
        for step in range(40):
            picture = simulated.step(step / FPS, permitted=True)
        return simulated.encode(picture), json.dumps(truth_document(simulated))

    assert run(5) == run(5)
    assert run(5)[0] != run(6)[0]


def test_truth_names_products_frames_and_labels() -> None:
    simulated = world(foreign_share=0.3)
    now = run_until_first_at_applicator(simulated)
    simulated.take_label(zpl("09521234500018", "S1"), now)
    document = json.loads(json.dumps(truth_document(simulated)))
    assert set(document["verdict"]) == {"passed", "wrong", "missed", "duplicates"}
    assert document["printed"][0]["serial"] == "S1"
    assert document["items"][0]["labels"] == [0]
    assert len(document["frames"]) == len(simulated.frames)
    seen = [s for frame in document["frames"] for s in frame["seen"]]
    assert {s["item_id"] for s in seen} <= {i["item_id"] for i in document["items"]}
    for item in document["items"]:
        assert (item["gtin"] is None) == (item["class_name"] == "none_of_these")


def test_pictures_are_jpeg_of_the_right_size() -> None:
    simulated = world()
    jpeg = simulated.encode(simulated.step(0.0, permitted=True))
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (160, 240, 3)


def attended(delay_s: float) -> Verdict:
    """A run that an agent attends who knows the truth, and whose labels take this long."""
    simulated = world(seed=4, foreign_share=0.25)
    decide_at_px = 0.6 * simulated.plan.view.width_px
    decided: set[int] = set()
    waiting: list[tuple[float, SeenItem, float]] = []
    for step in range(330):
        now = step / FPS
        simulated.step(now, permitted=True)
        if now > 22:
            simulated.belt.stop_feeding()
        for seen in simulated.frames[-1].seen:
            left, _, right, _ = seen.box_xyxy_px
            if (left + right) / 2 >= decide_at_px and seen.item_id not in decided:
                decided.add(seen.item_id)
                waiting.append((now + delay_s, seen, now))
        while waiting and waiting[0][0] <= now:
            _, seen, seen_at_s = waiting.pop(0)
            product = simulated.belt.items[seen.item_id - 1].product
            if product is not None:
                simulated.take_label(zpl(product.gtin14, f"S{seen.item_id}"), now)
            else:
                left, top, right, bottom = seen.box_xyxy_px
                middle = ((left + right) / 2, (top + bottom) / 2)
                simulated.divert(f"a-{seen.item_id}", *middle, seen_at_s, now)
    assert simulated.belt.is_empty
    assert {item.product is None for item in simulated.belt.items} == {True, False}
    return simulated.verdict()


@pytest.mark.parametrize("delay_s", [0.0, 0.3, 0.9])
def test_an_agent_that_makes_no_mistake_gets_a_clean_verdict(delay_s: float) -> None:
    verdict = attended(delay_s)
    assert verdict.passed >= 7
    assert (verdict.wrong, verdict.missed, verdict.duplicates) == (0, 0, 0)


def test_labels_that_come_too_late_are_wrong() -> None:
    verdict = attended(delay_s=1.9)
    assert verdict.wrong > 0
    assert verdict.missed > 0
