"""The encoder of a station file: what a count means, pulses on pins, and what is told of it."""

import pytest
from gpio_chip import Chip
from waiting import until

from beltmark.contract.errors import InputError
from edge_agent.signals.encoder_input import EncoderInput, open_encoder
from edge_agent.station.footprint import BeltPlane
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.section import BeltSection

BELT = StationGeometry((0, 0, 480, 320), plane=BeltPlane.of_scale(0.5))
PIN = "gpio:gpiochip0/20"


def opened(chip: Chip, **belt: object) -> EncoderInput:
    section = BeltSection.model_validate({"encoder": PIN, "encoder_px_per_count": 2.0} | belt)
    encoder = open_encoder(section, BELT, clock=lambda: 0.0, gpio=lambda _: chip)
    assert encoder is not None
    return encoder


def test_pulses_are_counted_forward_and_back() -> None:
    chip = Chip()
    encoder = opened(chip, encoder_reverse="gpio:gpiochip0/21")
    told: list[float] = []
    counter = encoder._counted
    counter.hear(lambda position: told.append(position.counts))
    try:
        for number in range(3):
            chip.change(20, True, number=2 * number)
            chip.change(20, False, number=2 * number + 1)
        until(lambda: told == [1, 2, 3], "three pulses")
        chip.change(20, True, number=10)  # and two more were lost
        until(lambda: told[-1] == 6, "the lost ones too")
    finally:
        counter.stop()


def test_without_an_encoder_there_is_none() -> None:
    assert open_encoder(BeltSection(), BELT) is None


@pytest.mark.parametrize(
    ("belt", "geometry", "told"),
    [
        ({"encoder": PIN}, BELT, "what a count means is not known"),
        (
            {"encoder": PIN, "encoder_mm_per_count": 0.1},
            StationGeometry((0, 0, 480, 320)),
            "what a count means is not known",
        ),
        (
            {"encoder": "tcp://127.0.0.1:7000", "encoder_px_per_count": 1},
            BELT,
            "names no counter",
        ),
        ({"encoder": "gpio17", "encoder_px_per_count": 1}, BELT, "no signal"),
        (
            {"encoder": PIN, "encoder_px_per_count": 1},
            StationGeometry((0, 0, 480, 320), travel="none"),
            "a bench has no encoder",
        ),
    ],
)
def test_what_cannot_be_an_encoder_is_told(belt, geometry, told: str) -> None:
    with pytest.raises(InputError, match=told) as raised:
        open_encoder(BeltSection.model_validate(belt), geometry, gpio=lambda _: Chip())
    assert raised.value.field == "belt.encoder"


def test_a_count_that_means_no_way_is_refused() -> None:
    with pytest.raises(ValueError, match="must mean some way"):
        BeltSection(encoder_px_per_count=0.0)
    with pytest.raises(ValueError, match="not both"):
        BeltSection(encoder_px_per_count=1.0, encoder_mm_per_count=1.0)


def test_millimetres_go_by_the_scale_of_the_picture() -> None:
    chip = Chip()
    encoder = opened(chip, encoder_px_per_count=None, encoder_mm_per_count=0.25)
    assert encoder._encoder._px_per_count == pytest.approx(0.5)
