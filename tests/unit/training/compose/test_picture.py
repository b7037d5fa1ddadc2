import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.datasets.images import decode_image
from beltmark.simulation.light import Light
from beltmark.simulation.raymarch import Posed, cast_on
from beltmark.simulation.sensor import Eye, Sensor
from beltmark.simulation.shapes.families import make_item
from beltmark.simulation.view import View
from training.compose.backgrounds import Background, Drawn, Rendered, shadow_azimuth
from training.compose.painting import BLENDS, Fall, canvas_of, paint, shown
from training.compose.picture import Source, compose
from training.compose.placing import Patch, Placed, place, pose
from training.compose.plan import ComposePlan
from training.data.cutouts import Cutout

NO_LIGHT = Fall(0.0, 0.0, 0.1, 0.0)


class Black:
    """A camera without faults over nothing."""

    identity = "black"

    def draw(self, number: int, rng: np.random.Generator) -> Background:
        perfect = Sensor(defocus_px=0, motion_px=1, vignette=0, noise=0, jpeg_quality=100)
        eye = Eye.of(perfect, 240, 160, rng)
        return Background(np.zeros((160, 240, 3), np.uint8), f"s{number // 4}", eye, 0.0, 0.0)


def cutout(label: int, width: int = 60, height: int = 40) -> Cutout:
    alpha = np.zeros((height, width), np.uint8)
    cv2.ellipse(
        alpha, (width // 2, height // 2), (width // 2 - 3, height // 2 - 3), 0, 0, 360, 255, -1
    )
    image = np.full((height, width, 3), 255, np.uint8)
    return Cutout(image, alpha, label)


def sources() -> list[list[Source]]:
    light = np.full(3, 200, np.float32)
    return [
        [Source(0, lambda: cutout(0), light, "a.jpg")],
        [Source(1, lambda: cutout(1, 30, 70), light, "b.jpg")],
    ]


@given(
    left=st.integers(-70, 230),
    top=st.integers(-50, 150),
    seed=st.integers(0, 1000),
    blend=st.sampled_from(BLENDS),
)
@settings(max_examples=40, deadline=None)
def test_a_box_is_tight_to_what_is_seen(left: int, top: int, seed: int, blend: str) -> None:
    patch = pose(cutout(0), 70, np.random.default_rng(seed))
    canvas = canvas_of(np.zeros((160, 240, 3), np.uint8))
    placed = Placed(patch, left, top)
    paint(canvas, placed, 0, NO_LIGHT, blend)
    seen = shown(canvas, placed, 0)
    rows, columns = np.nonzero(patch.alpha > 0.5)
    rows, columns = rows + top, columns + left
    inside = (rows >= 0) & (rows < 160) & (columns >= 0) & (columns < 240)
    if not inside.any():
        assert seen is None
        return
    assert seen is not None
    rows, columns = rows[inside], columns[inside]
    tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert seen.box_xyxy_px == tight
    assert seen.visible == pytest.approx(inside.mean())
    assert seen.truncated == (not inside.all())


def test_what_is_covered_is_no_longer_seen() -> None:
    square = Patch(np.full((40, 40, 3), 255, np.float32), np.ones((40, 40), np.float32))
    canvas = canvas_of(np.zeros((160, 240, 3), np.uint8))
    below, above = Placed(square, 50, 50), Placed(square, 60, 50)
    for number, placed in enumerate((below, above)):
        paint(canvas, placed, number, NO_LIGHT, "soft")
    seen = shown(canvas, below, 0)
    assert seen is not None
    assert seen.box_xyxy_px == (50, 50, 60, 90)
    assert seen.visible == 0.25
    assert not seen.truncated


def test_a_shadow_falls_away_from_the_light() -> None:
    square = Patch(np.full((40, 40, 3), 255, np.float32), np.ones((40, 40), np.float32))
    canvas = canvas_of(np.full((160, 240, 3), 200, np.uint8))
    paint(canvas, Placed(square, 100, 60), 0, Fall(0.0, 0.6, 0.3, 0.0), "soft")
    assert canvas.bgr[80, 148, 0] < canvas.bgr[80, 92, 0] - 20


@pytest.mark.parametrize("roll", [0.0, 2.0])
@pytest.mark.parametrize("azimuth", [0.3, 2.0, 4.4])
def test_shadows_fall_as_those_of_the_rendered_belt_do(roll: float, azimuth: float) -> None:
    view = View(width_px=240, height_px=160, roll_rad=roll)
    light = Light(azimuth_rad=azimuth, elevation_rad=0.6)
    canvas = np.full((160, 240, 3), 200, np.uint8)
    carton = make_item("carton", np.random.default_rng(0))
    cast_on(canvas, Posed(carton, 0.0, light), 0.0, 0.0, view)
    rows, columns = np.nonzero(canvas[..., 0] < 190)
    falls = np.arctan2(rows.mean() - 80, columns.mean() - 120)
    assert np.cos(falls - shadow_azimuth(light, view)) > 0.9


def test_apart_means_apart() -> None:
    rng = np.random.default_rng(0)
    laid: list[Placed] = []
    for _ in range(6):
        patch = pose(cutout(0), 60, rng)
        placed = place(patch, laid, (240, 160), rng, crowded=False)
        if placed is not None:
            laid.append(placed)
    count = np.zeros((400, 500), int)
    for placed in laid:
        height, width = placed.patch.alpha.shape
        y, x = placed.top_px + 100, placed.left_px + 100
        count[y : y + height, x : x + width] += placed.patch.alpha > 0.5
    assert len(laid) > 2
    assert count.max() == 1


def test_a_picture_depends_on_its_number_and_the_seed_alone() -> None:
    plan = ComposePlan(images=10, seed=7, width_px=96, height_px=64)
    first = Rendered(96, 64, 7, 0.5)
    forward = [compose(number, plan, sources(), first).jpeg for number in (0, 1, 9)]
    second = Rendered(96, 64, 7, 0.5)
    backward = [compose(number, plan, sources(), second).jpeg for number in (9, 1, 0)]
    assert forward == backward[::-1]
    assert len(set(forward)) == 3


def test_pictures_hold_what_their_truth_says() -> None:
    plan = ComposePlan(images=30, seed=1, width_px=240, height_px=160, thing_share=0)
    labels = set()
    for number in range(30):
        composed = compose(number, plan, sources(), Black())
        picture = decode_image(composed.jpeg)
        assert picture is not None
        lit = picture[..., 1] > 60
        boxed = np.zeros_like(lit)
        for item in composed.objects:
            left, top, right, bottom = item.seen.box_xyxy_px
            boxed[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2] = True
            assert lit[top:bottom, left:right].any()
            assert item.source == ("a.jpg", "b.jpg")[item.label or 0]
            labels.add(item.label)
        assert not (lit & ~boxed).any()
    assert labels == {0, 1}


def test_things_that_are_no_products_are_told_apart() -> None:
    plan = ComposePlan(images=9, seed=3, width_px=120, height_px=80, thing_share=1)
    objects = [
        item
        for number in range(9)
        for item in compose(number, plan, sources(), Drawn(120, 80)).objects
    ]
    assert any(item.label is None for item in objects)
    assert all((item.label is None) == (item.source == "") for item in objects)


def test_a_product_of_known_size_is_as_large_as_the_scale_says() -> None:
    plan = ComposePlan(
        images=1, seed=0, width_px=240, height_px=160, view_mm=(480, 480), most_items=1
    )
    light = np.full(3, 200, np.float32)
    own = [[Source(0, lambda: cutout(0, 80, 20), light, "a.jpg", long_mm=120.0)]]
    longer = []
    for number in range(20):
        for item in compose(number, plan, own, Black()).objects:
            if item.label is not None and item.seen.visible == 1:
                left, top, right, bottom = item.seen.box_xyxy_px
                longer.append(np.hypot(right - left, bottom - top))
    assert 40 < float(np.median(longer)) < 75  # 60 pixels, turned and flattened
