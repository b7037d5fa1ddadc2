from collections.abc import Callable

import numpy as np
import pytest

from beltmark.simulation.appearance import live_scene, random_scene
from beltmark.simulation.light import Light
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.scene import Picture, Placement
from beltmark.simulation.shapes.families import CLASS_NAMES, make_item
from beltmark.simulation.solid import Grid, Solid, columns_mm
from beltmark.simulation.view import View

LIGHT = Light()


def block(long_mm: float, wide_mm: float, high_mm: float) -> Solid:
    grid = Grid.of(long_mm, wide_mm)
    inside = (np.abs(grid.x_mm) < long_mm / 2) & (np.abs(grid.y_mm) < wide_mm / 2)
    top = np.full(grid.shape, high_mm, np.float32)
    art = np.full((*grid.shape, 3), 200, np.uint8)
    gloss = np.zeros(grid.shape, np.float32)
    return Solid(columns_mm(np.zeros_like(top), top, inside), art, None, None, gloss)


def render(placements: list[Placement], view: View | None = None) -> Picture:
    scene, _ = live_scene(np.random.default_rng(5), view or View())
    return scene.render(placements, 0.0, np.random.default_rng(6))


@pytest.mark.parametrize("turned_rad", [0.0, 0.7])
def test_box_of_a_block_is_where_its_corners_project(turned_rad: float) -> None:
    view = View(pitch_rad=0.35)
    picture = render([Placement(1, Posed(block(80, 50, 40), turned_rad, LIGHT), -60, 20)], view)
    cos, sin = np.cos(turned_rad), np.sin(turned_rad)
    corners = np.array(
        [
            (-60 + x * cos - y * sin, 20 + x * sin + y * cos, z)
            for x in (-40, 40)
            for y in (-25, 25)
            for z in (0, 40)
        ]
    )
    pixels = view.project(corners)
    expected = [*pixels.min(axis=0), *pixels.max(axis=0)]
    (seen,) = picture.seen
    np.testing.assert_allclose(seen.box_xyxy_px, expected, atol=2.0)
    assert seen.visible_fraction == 1.0
    assert not seen.truncated


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_box_is_tight_around_the_items_pixels(class_name: str) -> None:
    rng = np.random.default_rng(3)
    scene, light = random_scene(rng, 480, 320)
    posed = Posed(make_item(class_name, rng), 0.4, light)
    picture = scene.render([Placement(7, posed, 0.0, 0.0)], 30.0, rng)
    (seen,) = picture.seen
    rows, columns = np.nonzero(picture.owner == 7)
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert seen.box_xyxy_px == box


def test_pixels_of_the_truth_are_those_that_change() -> None:
    """The item itself, not its shadow, is what the truth covers."""
    bright = [Placement(1, Posed(block(80, 50, 40), 0.2, LIGHT), 10, 5)]
    with_item, without = render(bright), render([])
    changed = np.abs(with_item.image_bgr.astype(int) - without.image_bgr).max(axis=2) > 60
    covered = with_item.owner == 1
    assert (changed & covered).sum() > 0.95 * covered.sum()
    assert (changed & ~covered).sum() < 0.06 * covered.sum()


def test_half_outside_the_image_is_half_visible() -> None:
    picture = render([Placement(1, Posed(block(80, 50, 1), 0.0, LIGHT), 240, 0)])
    (seen,) = picture.seen
    assert seen.truncated
    assert seen.visible_fraction == pytest.approx(0.5, abs=0.03)
    assert seen.box_xyxy_px[2] == 480


def test_an_item_outside_the_image_is_not_in_the_truth() -> None:
    assert render([Placement(1, Posed(block(80, 50, 20), 0.0, LIGHT), 400, 0)]).seen == ()


def test_the_item_nearer_to_the_camera_covers_the_other() -> None:
    far = Placement(1, Posed(block(80, 80, 5), 0.0, LIGHT), 60, 0)
    near = Placement(2, Posed(block(80, 80, 5), 0.0, LIGHT), 20, 0)
    seen = {item.item_id: item for item in render([near, far]).seen}
    assert seen[2].visible_fraction == 1.0
    assert seen[1].visible_fraction == pytest.approx(0.5, abs=0.05)


def test_upright_walls_show_away_from_the_camera_foot() -> None:
    """Perspective is real: a tall block at the right edge shows its left wall."""

    def width_px(high_mm: float) -> int:
        picture = render([Placement(1, Posed(block(60, 60, high_mm), 0.0, LIGHT), 150, 0)])
        left, _, right, _ = picture.seen[0].box_xyxy_px
        return right - left

    assert width_px(100) > width_px(2) + 15


@pytest.mark.parametrize("make", [live_scene, None])
def test_same_seed_same_picture(make: Callable[..., object] | None) -> None:
    def draw(seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        scene, light = live_scene(rng, View()) if make else random_scene(rng, 240, 160)
        posed = Posed(make_item("bottle", rng), 1.0, light)
        picture = scene.render([Placement(0, posed, 0, 0)], 11.0, rng)
        return scene.eye.encode(picture.image_bgr)

    assert draw(4) == draw(4)
    assert draw(4) != draw(5)


def test_the_belt_moves_with_the_travel() -> None:
    scene, _ = live_scene(np.random.default_rng(5), View())
    before = scene.backdrop.render(100.0)
    after = scene.backdrop.render(130.0)
    np.testing.assert_array_equal(after[60:260, 30:], before[60:260, :-30])
