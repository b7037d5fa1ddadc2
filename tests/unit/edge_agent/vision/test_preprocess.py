import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.package import InputSpec
from edge_agent.vision.preprocess import Letterbox, Preprocessor

sides = st.integers(16, 2000)


@given(width=sides, height=sides, input_width=st.integers(32, 640), input_height=sides)
def test_boxes_come_back_where_they_were(
    width: int, height: int, input_width: int, input_height: int
) -> None:
    letterbox = Letterbox.fit(width, height, input_width, input_height)
    assert letterbox.used_width_px <= input_width
    assert letterbox.used_height_px <= input_height
    boxes = np.array([[0, 0, width, height], [width / 3, height / 4, width / 2, height / 2]])
    boxes = boxes.astype(np.float32)
    back = letterbox.to_image(letterbox.to_input(boxes))
    np.testing.assert_allclose(back, boxes, rtol=1e-5, atol=1e-3)


def test_boxes_beyond_the_image_are_cut_at_its_border() -> None:
    letterbox = Letterbox.fit(480, 320, 384, 256)
    boxes = np.array([[-5, -5, 400, 300]], dtype=np.float32)
    assert letterbox.to_image(boxes).tolist() == [[0, 0, 480, 320]]


def test_a_marked_pixel_lands_where_the_boxes_say() -> None:
    image = np.zeros((200, 400, 3), np.uint8)
    image[100:140, 200:280] = 255
    model_input, letterbox = Preprocessor(InputSpec(height_px=128, width_px=128))(image)
    rows, columns = np.nonzero(model_input[0, : letterbox.used_height_px, :, 0] > 127)
    found = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    np.testing.assert_allclose(letterbox.to_image(found), [[200, 100, 280, 140]], atol=2)


@pytest.mark.parametrize(("order", "expected"), [("RGB", [30, 20, 10]), ("BGR", [10, 20, 30])])
def test_colour_order_and_padding_are_the_manifests(order: str, expected: list[int]) -> None:
    spec = InputSpec.model_validate(
        {"height_px": 64, "width_px": 96, "colour_order": order, "pad_value": 7}
    )
    prepare = Preprocessor(spec)
    image = np.empty((50, 50, 3), np.uint8)
    image[:] = (10, 20, 30)
    model_input, _ = prepare(image)
    assert model_input.shape == (1, 64, 96, 3)
    assert model_input[0, 0, 0].tolist() == expected
    assert model_input[0, 0, 95].tolist() == [7, 7, 7]


def test_an_image_of_another_size_leaves_no_rest_of_the_one_before() -> None:
    prepare = Preprocessor(InputSpec(height_px=64, width_px=64))
    prepare(np.full((64, 64, 3), 255, np.uint8))
    model_input, letterbox = prepare(np.zeros((32, 64, 3), np.uint8))
    assert letterbox.used_height_px == 32
    assert set(np.unique(model_input[0, 32:])) == {114}


def test_strong_shrinking_averages() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 200
    model_input, _ = Preprocessor(InputSpec(height_px=64, width_px=64))(stripes)
    np.testing.assert_allclose(model_input, 100, atol=2)
    assert cv2.resize(stripes, (64, 64)).std() < 200  # linear alone would alias to a flat extreme
