import numpy as np
import pytest

from beltmark.simulation.light import Light, cast_shadow, shade
from beltmark.simulation.shapes.families import CLASS_NAMES, MAKERS, Maker, make_item

ALL_MAKERS = [maker for makers in MAKERS.values() for maker in dict.fromkeys(makers)]


def test_categories_keep_their_order() -> None:
    assert CLASS_NAMES == ("carton", "tube", "bottle", "can", "pouch", "cup", "none_of_these")


@pytest.mark.parametrize("maker", ALL_MAKERS, ids=lambda maker: maker.__name__)
def test_every_form_is_solid_and_fits_its_grid(maker: Maker) -> None:
    for seed in range(25):
        solid = maker(np.random.default_rng(seed))
        bottom, top = solid.column_mm[..., 0], solid.column_mm[..., 1]
        filled = top > 0
        assert solid.column_mm.dtype == np.float32
        assert solid.top_bgr.shape == (*filled.shape, 3)
        assert solid.gloss.shape == filled.shape
        assert (bottom[filled] <= top[filled]).all(), "a hole in a wall"
        assert (bottom[filled] >= -0.01).all(), "below the belt"
        assert filled.mean() > 0.05
        assert 2 < solid.height_mm < 130
        border = np.concatenate([filled[0], filled[-1], filled[:, 0], filled[:, -1]])
        assert not border.any(), "cut by its grid"


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_forms_come_from_the_seed(class_name: str) -> None:
    first, again, other = (make_item(class_name, np.random.default_rng(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(first.column_mm, again.column_mm)
    np.testing.assert_array_equal(first.top_bgr, again.top_bgr)
    assert first.top_bgr.tobytes() != other.top_bgr.tobytes()


def test_the_side_towards_the_lamp_is_brighter() -> None:
    solid = MAKERS["bottle"][0](np.random.default_rng(1))
    lit = shade(solid, Light(azimuth_rad=np.pi / 2, elevation_rad=0.6), 0.0)[..., 0]
    filled = solid.column_mm[..., 1] > 3
    half = len(lit) // 2
    assert lit[half:][filled[half:]].mean() > lit[:half][filled[:half]].mean() + 0.1


def test_the_shadow_falls_away_from_the_lamp_and_grows_with_a_low_one() -> None:
    solid = MAKERS["can"][0](np.random.default_rng(1))
    high = cast_shadow(solid, Light(azimuth_rad=0.0, elevation_rad=1.4), 0.0)
    low = cast_shadow(solid, Light(azimuth_rad=0.0, elevation_rad=0.6), 0.0)
    assert low.left_mm < high.left_mm - 20  # the lamp is at +x, so the shadow reaches to -x
    assert low.dark.shape[1] > high.dark.shape[1]
