import cv2
import numpy as np
import pytest
from product_pictures import bench, overlap, studio

from training.compose.cutting import cut
from training.compose.masks import without_dents


def test_a_studio_picture_gives_the_product_without_its_shadow() -> None:
    picture, mask = studio()
    made = cut(picture, 3)
    assert made.quality.good
    assert made.cutout.label == 3
    assert overlap(made.mask, mask) > 0.95


def test_a_white_product_keeps_its_white_side() -> None:
    picture = np.full((160, 160, 3), 255, np.uint8)
    cv2.rectangle(picture, (40, 20), (120, 140), (249, 248, 248), cv2.FILLED)
    cv2.rectangle(picture, (40, 20), (120, 70), (160, 60, 30), cv2.FILLED)
    cv2.rectangle(picture, (40, 110), (120, 140), (160, 60, 30), cv2.FILLED)
    mask = np.zeros((160, 160), np.uint8)
    cv2.rectangle(mask, (40, 20), (120, 140), 255, cv2.FILLED)
    assert overlap(cut(picture, 0).mask, mask) > 0.97


def test_bites_are_mended_in_a_box_but_not_in_a_banana() -> None:
    box = np.zeros((100, 100), np.uint8)
    box[20:80, 30:70] = 255
    bitten = box.copy()
    cv2.circle(bitten, (70, 50), 10, 0, cv2.FILLED)
    assert overlap(without_dents(bitten), box) > 0.99
    banana = np.zeros((100, 100), np.uint8)
    cv2.ellipse(banana, (50, 20), (40, 60), 0, 20, 160, 255, 14)
    assert (without_dents(banana) == banana).all()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("wall", [True, False])
def test_a_product_is_found_on_a_bench(known: bool, wall: bool) -> None:
    picture, mask = bench(1, wall=wall)
    x, y, width, height = cv2.boundingRect(mask)
    box = np.array([x, y, x + width, y + height], np.float32) if known else None
    made = cut(picture, 0, box_xyxy_px=box)
    assert made.quality.good
    assert overlap(made.mask, mask) > 0.9


def test_an_empty_picture_of_the_place_tells_what_its_pattern_is() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 230, (9, 9, 3), np.uint8)
    empty = cv2.resize(coarse, (180, 180), interpolation=cv2.INTER_NEAREST)
    picture = empty.copy()
    mask = np.zeros((180, 180), np.uint8)
    cv2.circle(mask, (90, 90), 40, 255, cv2.FILLED)
    picture[mask > 0] = (10, 240, 250)
    assert overlap(cut(picture, 0, empty_bgr=empty).mask, mask) > 0.85


def test_the_rim_shows_nothing_of_the_background() -> None:
    picture = np.zeros((120, 120, 3), np.uint8)
    picture[:] = (0, 200, 0)
    mask = np.zeros((120, 120), np.uint8)
    cv2.circle(mask, (60, 60), 35, 255, cv2.FILLED)
    cover = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None] / 255
    picture = (picture * (1 - cover) + np.array((0, 0, 200)) * cover).astype(np.uint8)
    made = cut(picture, 0).cutout
    assert made.image_bgr[made.alpha > 0][:, 1].max() < 30
    assert (made.alpha[made.alpha > 0] < 255).any()  # its edge is soft


def test_what_cannot_be_told_from_its_surface_is_said_to_be_so() -> None:
    quality = cut(np.full((100, 100, 3), 250, np.uint8), 0).quality
    assert not quality.good
    assert quality.score == 0


def test_a_product_that_the_border_cuts_is_left_out() -> None:
    picture, mask = bench(2)
    x, y, width, height = cv2.boundingRect(mask)
    cut_off = picture[:, x + width // 2 :]
    box = np.array([0, y, width - width // 2, y + height], np.float32)
    quality = cut(cut_off, 0, box_xyxy_px=box).quality
    assert quality.truncated
    assert any("border" in fault for fault in quality.faults)
